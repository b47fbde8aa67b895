//! The limits of the machine: a bare HTTP echo, and the same with every request appended to a file and synced in groups.
//!
//! Both run in a process of their own (this program again), so that their processor time is counted as the server's is.

use std::convert::Infallible;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::sync::oneshot;

use super::awake::Awake;
use super::load;
use super::process::Process;
use super::report::{Report, Target};

/// The size of a record in the file, bytes: about what Stepwell writes of an execution of five Pass states.
const RECORD_BYTES: usize = 1024;
/// Records in a group, when there is no server: what 64 connections give at most.
const GROUP: usize = 64;

/// What is echoed, 250 bytes: about a request of StartExecution.
const BODY: &str = match std::str::from_utf8(&[b'x'; 250]) {
    Ok(body) => body,
    Err(_) => "",
};

/// A record that is to become durable.
type Job = (Vec<u8>, oneshot::Sender<()>);

/// The arguments that make this program the echo server.
pub const ECHO: &str = "--echo-server";

/// Measures echo, echo with a durable append, and the append alone.
///
/// # Errors
/// When a process cannot be started, or the folder cannot be written.
pub fn measure(folder: &Path, requests: u64, report: &mut Report) -> Result<(), String> {
    for connections in [1, 64] {
        let echo = start(None)?;
        let requests = if connections == 1 { requests / 4 } else { requests };
        one("bare hyper echo", &echo, connections, requests, report)?;
    }
    let (echo, awake) = (start(None)?, Awake::begin()?);
    one("bare hyper echo, no processor asleep", &echo, 1, requests / 4, report)?;
    drop(awake);
    let durable = start(Some(&folder.join("append.log")))?;
    one("echo + append + fdatasync", &durable, 64, requests, report)?;
    append_alone(&folder.join("alone.log"), report)
}

/// How often a second the durable echo answers 64 connections.
///
/// # Errors
/// When the process cannot be started, or the folder cannot be written.
pub fn durable_per_second(folder: &Path, requests: u64) -> Result<f64, String> {
    let durable = start(Some(&folder.join("append.log")))?;
    let request = |_| ("Echo", BODY.to_owned());
    load::run(load::drive(&durable.address, 64, requests, request)).map(|measured| measured.per_second())
}

fn one(
    name: &'static str,
    server: &Process,
    connections: usize,
    requests: u64,
    report: &mut Report,
) -> Result<(), String> {
    let before = server.usage()?;
    let request = |_| ("Echo", BODY.to_owned());
    let measured = load::run(load::drive(&server.address, connections, requests, request))?;
    let used = server.usage()?.since(before);
    let of = |what: &str| format!("{what}, {connections} connections");
    report.add(name, &of("rate"), measured.per_second(), "/s", Target::None);
    report.add(name, &of("p50"), measured.percentile_millis(0.5), "ms", Target::None);
    report.add(name, &of("CPU"), used.cpu_seconds * 1e6 / requests as f64, "µs each", Target::None);
    Ok(())
}

fn append_alone(path: &Path, report: &mut Report) -> Result<(), String> {
    let told = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut file = File::create(path).map_err(told)?;
    let group = vec![b'x'; RECORD_BYTES * GROUP];
    let (groups, begun) = (2000, Instant::now());
    for _ in 0..groups {
        file.write_all(&group).and_then(|()| file.sync_data()).map_err(told)?;
    }
    let seconds = begun.elapsed().as_secs_f64();
    let name = "append + fdatasync alone";
    report.add(name, "groups of 64 × 1 KiB", f64::from(groups) / seconds, "groups/s", Target::None);
    std::fs::remove_file(path).map_err(told)
}

fn start(log: Option<&Path>) -> Result<Process, String> {
    let own = std::env::current_exe().map_err(|error| format!("this program's path: {error}"))?;
    Process::start(|address| {
        let mut command = Command::new(own);
        command.args(["bench", ECHO, address]);
        command.args(log);
        command
    })
}

/// Serves until the process is ended.
///
/// # Errors
/// When the address or the file cannot be used.
pub fn serve(address: &str, log: Option<&str>) -> Result<String, String> {
    let writer = log.map(|path| writer(PathBuf::from(path))).transpose()?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(address).await.map_err(|error| error.to_string())?;
        loop {
            let (stream, _) = listener.accept().await.map_err(|error| error.to_string())?;
            stream.set_nodelay(true).map_err(|error| error.to_string())?;
            let writer = writer.clone();
            let service = service_fn(move |request| echo(request, writer.clone()));
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    })
}

async fn echo(request: Request<Incoming>, writer: Option<Sender<Job>>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    if let Some(writer) = writer {
        let mut record = body.to_vec();
        record.resize(RECORD_BYTES, b' ');
        let (done, durable) = oneshot::channel();
        let _ = writer.send((record, done)); // a writer that has ended answers nobody
        let _ = durable.await;
    }
    Ok(Response::new(Full::new(body)))
}

/// A thread that makes everything queued durable with one write and one sync.
fn writer(path: PathBuf) -> Result<Sender<Job>, String> {
    let mut file = File::create(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (sender, queue): (Sender<Job>, Receiver<Job>) = mpsc::channel();
    std::thread::spawn(move || {
        while let Ok((mut group, first)) = queue.recv() {
            let mut waiting = vec![first];
            while let Ok((record, done)) = queue.try_recv() {
                group.extend_from_slice(&record);
                waiting.push(done);
            }
            if file.write_all(&group).and_then(|()| file.sync_data()).is_err() {
                return;
            }
            for done in waiting {
                let _ = done.send(()); // the connection may have gone
            }
        }
    });
    Ok(sender)
}
