//! What functions print: each line goes to a [`LogSink`].

use std::{
    collections::{BTreeMap, VecDeque},
    fs::{File, OpenOptions},
    io::{self, Write},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use base64::Engine as _;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// A longer line is cut into lines of this many bytes.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// How much of the log an answer carries with `LogType: Tail`, in bytes (AWS's value).
const TAIL_BYTES: usize = 4 * 1024;

/// Where a line comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogStream {
    /// The function's standard output.
    Stdout,
    /// The function's standard error.
    Stderr,
    /// Lambda itself: `START`, `END`, `REPORT`, and why a function could not be started.
    Platform,
}

/// Takes the lines that functions write.
pub trait LogSink: Send + Sync {
    /// Takes one line, without its line end. Must not block for long.
    fn line(&self, function: &str, stream: LogStream, line: &str);
}

/// Lines to the terminal, each after `[function NAME]`, and into one file per function.
pub struct FunctionLogs {
    terminal: bool,
    folder: Option<PathBuf>,
    files: Mutex<BTreeMap<String, File>>,
}

impl FunctionLogs {
    /// Makes a sink. `terminal`: write to standard error (what functions print, not `START`, `END`, `REPORT`).
    /// `folder`: write everything to `NAME.log` there, appending.
    ///
    /// # Errors
    /// Gives the error of making the folder.
    pub fn new(terminal: bool, folder: Option<PathBuf>) -> io::Result<Self> {
        if let Some(folder) = &folder {
            std::fs::create_dir_all(folder)?;
        }
        Ok(Self { terminal, folder, files: Mutex::default() })
    }

    fn to_file(&self, function: &str, line: &str) -> io::Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match files.entry(function.to_owned()) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                let path = folder.join(format!("{function}.log"));
                entry.insert(OpenOptions::new().create(true).append(true).open(path)?)
            }
        };
        file.write_all(format!("{} {line}\n", jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ")).as_bytes())
    }
}

impl LogSink for FunctionLogs {
    fn line(&self, function: &str, stream: LogStream, line: &str) {
        if self.terminal && stream != LogStream::Platform {
            let _ = writeln!(io::stderr().lock(), "[function {function}] {line}");
        }
        if let Err(error) = self.to_file(function, line) {
            tracing::warn!(function, %error, "the log of a function cannot be written");
        }
    }
}

/// The last lines of one process, and the way to the sink.
#[derive(Clone)]
pub(super) struct FunctionLog {
    function: Arc<str>,
    sink: Arc<dyn LogSink>,
    tail: Arc<Mutex<VecDeque<u8>>>,
}

impl FunctionLog {
    pub(super) fn new(function: &str, sink: Arc<dyn LogSink>) -> Self {
        Self { function: function.into(), sink, tail: Arc::default() }
    }

    /// Takes one line.
    pub(super) fn line(&self, stream: LogStream, line: &str) {
        self.sink.line(&self.function, stream, line);
        let mut tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        tail.extend(line.bytes().chain([b'\n']));
        let excess = tail.len().saturating_sub(TAIL_BYTES);
        tail.drain(..excess);
    }

    /// Forgets the lines of earlier invocations.
    pub(super) fn start_tail(&self) {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Gives the last lines as `X-Amz-Log-Result` has them: base64.
    pub(super) fn tail(&self) -> String {
        let mut tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        base64::engine::general_purpose::STANDARD.encode(tail.make_contiguous())
    }

    /// Reads a stream to its end, line by line.
    pub(super) async fn read(self, stream: LogStream, from: impl AsyncRead + Unpin) {
        let mut from = BufReader::with_capacity(LINE_BYTES_MAX, from);
        let mut line = Vec::new();
        while let Ok(bytes) = from.fill_buf().await {
            if bytes.is_empty() {
                break;
            }
            let end = bytes.iter().position(|byte| *byte == b'\n');
            line.extend_from_slice(bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default());
            let used = end.map_or(bytes.len(), |end| end + 1);
            from.consume(used);
            if end.is_some() || line.len() >= LINE_BYTES_MAX {
                self.line(stream, String::from_utf8_lossy(&line).trim_end_matches('\r'));
                line.clear();
            }
        }
        if !line.is_empty() {
            self.line(stream, &String::from_utf8_lossy(&line));
        }
    }
}
