//! `stepwell doctor`: what could be in the way, and what to do about it.

use std::fs::{File, TryLockError};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use stepwell_store_sqlite::verify;
use stepwell_value::Value;

use crate::call::Caller;
use crate::cli::{Connection, Format, Output};
use crate::client::{self, Client};
use crate::hosts::{self, LocalHost};
use crate::problem::{Exit, Problem};
use crate::terminal::{data, table};

/// How long `python3 --version` may take.
const PROGRAM_TIMEOUT: Duration = Duration::from_secs(5);
/// Seconds since 1970 at the beginning of 2026; an earlier clock is wrong.
const CLOCK_MIN_SECONDS: u64 = 1_767_225_600;

/// Arguments of `stepwell doctor`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The data folder to look at
    #[arg(long, value_name = "FOLDER", default_value = ".stepwell", env = "STEPWELL_DATA")]
    data: PathBuf,
    /// Read all data in the folder, and find what is damaged; a server may be at work in it
    #[arg(long)]
    verify: bool,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    output: Output,
}

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grade {
    Ok,
    Warning,
    Error,
}

/// One thing that was looked at.
struct Finding {
    what: &'static str,
    grade: Grade,
    found: String,
    advice: String,
}

impl Finding {
    fn ok(what: &'static str, found: impl Into<String>) -> Finding {
        Finding { what, grade: Grade::Ok, found: found.into(), advice: String::new() }
    }

    fn warning(what: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Finding {
        Finding { what, grade: Grade::Warning, found: found.into(), advice: advice.into() }
    }

    fn error(what: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Finding {
        Finding { what, grade: Grade::Error, found: found.into(), advice: advice.into() }
    }

    fn grade(&self) -> &'static str {
        match self.grade {
            Grade::Ok => "ok",
            Grade::Warning => "warning",
            Grade::Error => "error",
        }
    }
}

/// Looks at everything; exit code 1 when something is in the way.
///
/// # Errors
/// When the endpoint is none.
pub async fn run(arguments: Arguments) -> Result<Exit, Problem> {
    if arguments.verify {
        return Ok(show(&verified(&arguments.data)?, arguments.output));
    }
    let findings = [
        Finding::ok("version", env!("CARGO_PKG_VERSION")),
        server(&arguments.connection).await?,
        data_folder(&arguments.data),
        program("python3", "functions in Python").await,
        program("node", "functions in Node.js").await,
        sync_host(&arguments.connection).await,
        clock(),
    ];
    Ok(show(&findings, arguments.output))
}

/// Writes the findings, and gives the exit code they mean.
fn show(findings: &[Finding], output: Output) -> Exit {
    match output.output {
        Format::Json => data(&Value::array(findings.iter().map(to_value)).to_json_pretty()),
        Format::Table => {
            let row = |one: &Finding| {
                vec![one.grade().to_owned(), one.what.to_owned(), one.found.clone(), one.advice.clone()]
            };
            data(&table(&["", "what", "found", "what to do"], &findings.iter().map(row).collect::<Vec<_>>()));
        }
    }
    let broken = findings.iter().any(|one| one.grade == Grade::Error);
    if broken { Exit::Failed } else { Exit::Ok }
}

/// What is stored, kind by kind, then what is damaged, one by one.
fn verified(folder: &Path) -> Result<Vec<Finding>, Problem> {
    let report = verify::folder(folder).map_err(|error| Problem::failed(error.to_string()))?;
    let kinds = verify::Kind::ALL.into_iter().map(|kind| {
        let count = report.count(kind);
        match count.damaged {
            0 => Finding::ok(kind.name(), count.seen.to_string()),
            damaged => Finding::error(kind.name(), format!("{}, {damaged} damaged", count.seen), ""),
        }
    });
    let mut findings: Vec<Finding> = kinds.collect();
    let damages = report.damages.iter();
    findings.extend(damages.map(|damage| Finding::error(damage.kind.name(), damage.what.as_str(), "")));
    let more = report.untold();
    if !report.is_sound() {
        findings.push(Finding::error(
            "data folder",
            if more > 0 { format!("{more} more are damaged") } else { folder.display().to_string() },
            "stop the server, copy the folder, then restore a backup: stepwell restore FILE --data FOLDER --force",
        ));
    }
    Ok(findings)
}

fn to_value(one: &Finding) -> Value {
    Value::object([
        ("what", Value::from(one.what)),
        ("grade", Value::from(one.grade())),
        ("found", Value::from(one.found.as_str())),
        ("advice", Value::from(one.advice.as_str())),
    ])
}

/// Whether a server answers, and if none does, whether its port is free.
async fn server(connection: &Connection) -> Result<Finding, Problem> {
    let endpoint = client::endpoint(connection);
    let answer = Client::new(connection)?.call("ListStateMachines", Value::empty_object()).await;
    Ok(match answer {
        Ok(_) => Finding::ok("server", format!("answers at {endpoint}")),
        Err(problem) if problem.exit != Exit::Unreachable => Finding::error(
            "server",
            problem.message,
            "check the credentials in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        ),
        Err(_) => {
            match endpoint.trim_end_matches('/').rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok()) {
                Some(port) if TcpListener::bind(("127.0.0.1", port)).is_err() => Finding::error(
                    "server",
                    format!("another program has port {port}"),
                    format!(
                        "ss -ltnp 'sport = :{port}' shows it; or choose another: stepwell dev --listen 127.0.0.1:{}",
                        port.saturating_add(1)
                    ),
                ),
                _ => Finding::warning(
                    "server",
                    format!("none at {endpoint}; the port is free"),
                    "start one: stepwell dev",
                ),
            }
        }
    })
}

/// Whether the folder can be written, and nobody else has it.
fn data_folder(folder: &Path) -> Finding {
    let what = "data folder";
    let shown = folder.display();
    if !folder.exists() {
        return Finding::ok(what, format!("{shown} does not exist yet"));
    }
    if let Err(error) = tempfile_in(folder) {
        return Finding::error(
            what,
            format!("{shown} cannot be written: {error}"),
            "give this user the right, or choose another with --data",
        );
    }
    let lock = File::open(folder.join("stepwell.lock"));
    match lock.map(|lock| lock.try_lock()) {
        Ok(Err(TryLockError::WouldBlock)) => Finding::ok(what, format!("{shown} is in use by a server")),
        _ => Finding::ok(what, format!("{shown} can be used")),
    }
}

/// Writes and removes a small file.
fn tempfile_in(folder: &Path) -> std::io::Result<()> {
    let path = folder.join(format!(".doctor-{}", std::process::id()));
    std::fs::write(&path, "x")?;
    std::fs::remove_file(&path)
}

/// Whether a program is there, in which version.
async fn program(name: &'static str, purpose: &str) -> Finding {
    let run = tokio::process::Command::new(name).arg("--version").stdin(Stdio::null()).kill_on_drop(true).output();
    match tokio::time::timeout(PROGRAM_TIMEOUT, run).await {
        Ok(Ok(output)) if output.status.success() => Finding::ok(name, String::from_utf8_lossy(&output.stdout).trim()),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            Finding::warning(name, "not in PATH", format!("install it, if you want {purpose}"))
        }
        _ => Finding::warning(name, "does not run", format!("see `{name} --version`, if you want {purpose}")),
    }
}

async fn sync_host(connection: &Connection) -> Finding {
    let endpoint = client::endpoint(connection);
    let port = endpoint.trim_end_matches('/').rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(8083);
    match hosts::local_host().await {
        LocalHost::Name(name) => Finding::ok("sync- host", format!("sync-{name} resolves: use http://{name}:{port}")),
        LocalHost::AddressOnly => Finding::warning(
            "sync- host",
            "sync-localhost does not resolve; SDKs call it for StartSyncExecution and TestState",
            hosts::advice(port).join("\n"),
        ),
    }
}

fn clock() -> Finding {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let shown = stepwell_engine::Clock::now(&stepwell_engine::SystemClock).to_rfc3339();
    if seconds < CLOCK_MIN_SECONDS {
        return Finding::error("clock", shown, "set it; signatures are refused when it is off by more than 5 minutes");
    }
    Finding::ok("clock", shown)
}
