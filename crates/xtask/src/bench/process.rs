//! A process under test: its start, what it has used by the kernel's count, its end. Linux only (`/proc`).

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to its first answer.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// A process that listens, ended when dropped.
pub struct Process {
    child: Child,
    /// `127.0.0.1:PORT`
    pub address: String,
    /// From its start to its first answer.
    pub ready_after: Duration,
}

/// What a process has used since its start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Processor time of all its threads, seconds.
    pub cpu_seconds: f64,
    /// Bytes it has caused to be written to the disk.
    pub bytes_written: f64,
    /// Memory it has now, bytes.
    pub resident_bytes: f64,
    /// The most memory it ever had, bytes.
    pub resident_bytes_max: f64,
}

impl Usage {
    /// What was used since `earlier`; memory stays as it is now.
    pub fn since(self, earlier: Usage) -> Usage {
        Usage {
            cpu_seconds: self.cpu_seconds - earlier.cpu_seconds,
            bytes_written: self.bytes_written - earlier.bytes_written,
            ..self
        }
    }
}

impl Process {
    /// Starts a process that is told its address, and waits until it answers.
    ///
    /// # Errors
    /// When it cannot be started, ends, or does not answer in time.
    pub fn start(command: impl FnOnce(&str) -> Command) -> Result<Process, String> {
        let address = free_address()?;
        let mut command = command(&address);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let begun = Instant::now();
        let child = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
        let mut process = Process { child, address, ready_after: Duration::ZERO };
        while !answers(&process.address) {
            if let Ok(Some(status)) = process.child.try_wait() {
                return Err(format!("{command:?} has ended: {status}"));
            }
            if begun.elapsed() > READY_WITHIN {
                return Err(format!("{command:?} does not answer at {}", process.address));
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        process.ready_after = begun.elapsed();
        Ok(process)
    }

    /// What it has used until now.
    ///
    /// # Errors
    /// When it is gone.
    pub fn usage(&self) -> Result<Usage, String> {
        let folder = PathBuf::from(format!("/proc/{}", self.child.id()));
        let status = read(&folder.join("status"))?;
        Ok(Usage {
            cpu_seconds: cpu_nanos(&folder)? / 1e9,
            bytes_written: number_after(&read(&folder.join("io"))?, "write_bytes:"),
            resident_bytes: number_after(&status, "VmRSS:") * 1024.0,
            resident_bytes_max: number_after(&status, "VmHWM:") * 1024.0,
        })
    }

    /// Ends it in an orderly way (SIGTERM), and waits for that.
    ///
    /// # Errors
    /// When it cannot be told.
    pub fn stop(mut self) -> Result<(), String> {
        let id = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status().map_err(|error| format!("kill: {error}"))?;
        if !told.success() {
            return Err(format!("process {id} cannot be told to end"));
        }
        self.child.wait().map_err(|error| error.to_string()).map(drop)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended already
        let _ = self.child.wait();
    }
}

/// Whether a server answers. One that listens and is not ready yet is waited for.
fn answers(address: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    let asked = stream.write_all(b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n");
    asked.and_then(|()| stream.read_exact(&mut [0; 12])).is_ok()
}

/// The threads' own counts are in nanoseconds, `/proc/PID/stat` counts in hundredths of a second.
fn cpu_nanos(folder: &Path) -> Result<f64, String> {
    let mut nanos = 0.0;
    let threads = fs::read_dir(folder.join("task")).map_err(|error| format!("{}: {error}", folder.display()))?;
    for thread in threads.flatten() {
        let text = fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default(); // it may have ended
        nanos += text.split(' ').next().and_then(|first| first.parse::<f64>().ok()).unwrap_or(0.0);
    }
    Ok(nanos)
}

/// An address nobody listens at. The port was free a moment ago.
fn free_address() -> Result<String, String> {
    let told = |error: std::io::Error| format!("no port to listen at: {error}");
    let listener = TcpListener::bind("127.0.0.1:0").map_err(told)?;
    listener.local_addr().map(|address| address.to_string()).map_err(told)
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// The first number after a label.
fn number_after(text: &str, label: &str) -> f64 {
    let rest = text.split_once(label).map_or("", |(_, rest)| rest);
    rest.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::number_after;

    #[test]
    fn numbers_of_proc() {
        let status = "Name:\tstepwell\nVmHWM:\t   20480 kB\nVmRSS:\t   10240 kB\n";
        assert_eq!(number_after(status, "VmRSS:"), 10240.0);
        assert_eq!(number_after("rchar: 1\nwrite_bytes: 4096\ncancelled_write_bytes: 0\n", "write_bytes:"), 4096.0);
        assert_eq!(number_after("", "VmRSS:"), 0.0);
    }
}
