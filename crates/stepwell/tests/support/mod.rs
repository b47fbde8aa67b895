//! Runs the built binary: commands to their end, servers until a test is over.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub mod http;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use stepwell_value::Value;

/// How long anything may take; the machine may be busy.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// The examples of the repository.
pub fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

/// The binary, in an environment of its own.
pub fn stepwell(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stepwell"));
    let ours =
        std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("AWS_") || name.starts_with("STEPWELL_"));
    ours.for_each(|name| {
        command.env_remove(name);
    });
    command.env("NO_COLOR", "1").args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A command that has ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ended {
    fn of(output: Output) -> Ended {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        Value::parse(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Checks the exit code.
    #[track_caller]
    pub fn code(self, expected: i32) -> Ended {
        assert_eq!(self.code, expected, "{self:?}");
        self
    }

    /// Checks that standard error holds all of these.
    #[track_caller]
    pub fn says(self, parts: &[&str]) -> Ended {
        parts.iter().for_each(|part| assert!(self.err.contains(part), "{part}: {self:?}"));
        self
    }
}

/// Runs a command to its end.
pub fn run(arguments: &[&str]) -> Ended {
    Ended::of(stepwell(arguments).output().unwrap())
}

/// Tries something until it gives a value.
#[track_caller]
pub fn until<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = attempt() {
            return value;
        }
        assert!(start.elapsed() < DEADLINE, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A process that runs until it is told to stop.
pub struct Running {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Running {
    /// Starts a command; its standard error is collected.
    pub fn start(mut command: Command) -> Running {
        let mut child = command.spawn().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (errors, collected) = (child.stderr.take().unwrap(), Arc::clone(&lines));
        std::thread::spawn(move || {
            for line in BufReader::new(errors).lines().map_while(Result::ok) {
                collected.lock().unwrap().push(line);
            }
        });
        Running { child, lines }
    }

    /// What it wrote to standard error until now.
    pub fn said(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }

    /// Waits until it has written this to standard error.
    #[track_caller]
    pub fn wait_for(&mut self, part: &str) {
        let start = Instant::now();
        while !self.said().contains(part) {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() && start.elapsed() < DEADLINE, "no `{part}` ({ended:?}): {}", self.said());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end and gives the exit code.
    #[track_caller]
    pub fn end(&mut self) -> i32 {
        until("the end of the process", || self.child.try_wait().unwrap()).code().unwrap_or(-1)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server on a free port.
pub struct Server {
    pub process: Running,
    pub url: String,
}

impl Server {
    /// Starts `stepwell ARGUMENTS --listen 127.0.0.1:0` and waits until it is ready.
    #[track_caller]
    pub fn start(arguments: &[&str]) -> Server {
        Server::start_in(Path::new("."), arguments)
    }

    /// The same, in a folder.
    #[track_caller]
    pub fn start_in(folder: &Path, arguments: &[&str]) -> Server {
        let mut command = stepwell(&[arguments, &["--listen", "127.0.0.1:0"]].concat());
        command.current_dir(folder);
        let mut process = Running::start(command);
        process.wait_for("ready;");
        let said = process.said();
        let url = said.split_whitespace().find(|word| word.starts_with("http://127.0.0.1:")).unwrap().to_owned();
        Server { process, url }
    }

    /// Runs a command against it.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        run(&[arguments, &["--endpoint", &self.url]].concat())
    }

    /// Runs a command against it and reads its JSON.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        self.run(&[arguments, &["--output", "json"]].concat()).code(0).json()
    }

    /// Asks it to stop, and checks that it does so in order.
    #[track_caller]
    pub fn stop(mut self) {
        self.process.signal("TERM");
        assert_eq!(self.process.end(), 0, "{}", self.process.said());
    }
}

/// A text member.
pub fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}
