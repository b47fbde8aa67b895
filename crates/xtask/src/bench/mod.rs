//! `cargo xtask bench`: the whole server under load, and the limits of the machine in the same run.
//!
//! Each workload starts a server of its own with an empty data folder, drives it over loopback with one thread, and tells
//! what it measured beside what it must reach. On a machine that does other things too, processor time is the honest
//! figure; rates and latencies say what was left of the machine.
//!
//! Start reading at [`workloads`]: one file each.

mod awake;
mod client;
mod load;
mod process;
mod raw;
mod report;
mod server;
mod workloads;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use report::Report;

use crate::cargo;

/// What to measure, and how much of it.
pub struct Plan {
    /// The release binary under test.
    binary: PathBuf,
    /// Where data folders are made.
    folder: PathBuf,
    /// Requests of each throughput workload.
    requests: u64,
    /// Executions parked in a Wait.
    parked: u64,
    /// Finished executions in the store when it is read.
    stored: u64,
    /// A data folder that `stored` has filled before; it is kept.
    filled: Option<PathBuf>,
    /// Names of workloads; empty: all.
    names: Vec<String>,
}

impl Plan {
    fn of(words: &[&str]) -> Result<Plan, String> {
        let mut plan = Plan {
            binary: PathBuf::new(),
            folder: std::env::temp_dir().join(format!("stepwell-bench-{}", std::process::id())),
            requests: 50_000,
            parked: 1_000_000,
            stored: 10_000_000,
            filled: None,
            names: Vec::new(),
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            match *word {
                "--binary" => plan.binary = PathBuf::from(value()?),
                "--data" => plan.folder = PathBuf::from(value()?),
                "--filled" => plan.filled = Some(PathBuf::from(value()?)),
                "--requests" => plan.requests = number(value()?)?,
                "--parked" => plan.parked = number(value()?)?,
                "--stored" => plan.stored = number(value()?)?,
                name if workloads::ALL.iter().any(|workload| workload.name == name) => plan.names.push(name.to_owned()),
                other => return Err(format!("`{other}` is no workload; there are: {}", workloads::names())),
            }
        }
        Ok(plan)
    }

    /// The data folder of a workload.
    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// A program that works on a data folder, without a server: `fill`, `list`; built when it is asked for.
    fn example(&self, name: &str) -> Result<PathBuf, String> {
        cargo::run(&["build", "--release", "-p", "stepwell-store-sqlite", "--example", name])?;
        Ok(cargo::folder("release")?.join("examples").join(name))
    }

    /// A server with an empty data folder.
    fn server(&self) -> Result<server::Server, String> {
        server::Server::fresh(&self.binary, &self.data())
    }
}

fn number(text: &str) -> Result<u64, String> {
    text.replace('_', "").parse().map_err(|_| format!("`{text}` is no number"))
}

/// Measures what the words ask for; gives the table.
///
/// # Errors
/// When the server cannot be built or started, or refuses what it is asked.
pub fn run(words: &[&str]) -> Result<String, String> {
    if let [raw::ECHO, address, log @ ..] = words {
        return raw::serve(address, log.first().copied());
    }
    if words == [awake::STAY_AWAKE] {
        return Ok(awake::stay());
    }
    let mut plan = Plan::of(words)?;
    if cfg!(debug_assertions) {
        return run_optimised(words);
    }
    if plan.binary.as_os_str().is_empty() {
        cargo::run(&["build", "--release", "-p", "stepwell"])?;
        plan.binary = cargo::folder("release")?.join("stepwell");
    }
    let absolute = |path: &Path| std::path::absolute(path).map_err(|error| error.to_string());
    (plan.binary, plan.folder) = (absolute(&plan.binary)?, absolute(&plan.folder)?);
    plan.filled = plan.filled.as_deref().map(absolute).transpose()?;
    std::fs::create_dir_all(&plan.folder).map_err(|error| format!("{}: {error}", plan.folder.display()))?;
    let mut report = Report::default();
    let outcome = workloads::run(&plan, &mut report);
    let _ = std::fs::remove_dir_all(&plan.folder); // what is left of it does no harm
    match outcome {
        Ok(()) => Ok(format!("\n{}", report.table())),
        Err(error) => Err(format!("\n{}\n{error}", report.table())),
    }
}

/// A load that was not optimised would measure itself: builds this program for release, and lets that one do it.
fn run_optimised(words: &[&str]) -> Result<String, String> {
    let own = ["run", "--release", "-p", "stepwell-xtask", "--", "bench"];
    cargo::run(&own.iter().chain(words).copied().collect::<Vec<_>>()).map(|()| String::new())
}

/// Shows progress.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}"); // nobody is left to tell
}
