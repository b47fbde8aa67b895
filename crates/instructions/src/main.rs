//! The hot paths of Stepwell as small fixed programs whose instructions can be counted: no clock, no thread, no network.
//!
//! `instructions WORKLOAD COUNT` does the work so many times. `cargo xtask instructions` runs each workload below valgrind
//! with two counts, so that what the program does once cancels out, and compares with `ceilings.txt`.
//! What it must not do: anything that depends on time, chance, or the machine.
//!
//! Start reading at [`WORKLOADS`]; adding one is a line there and, with `cargo xtask instructions --update`, in the file.

mod executions;
mod texts;
mod writes;

use std::io::Write as _;
use std::process::ExitCode;

/// Why a workload cannot be done: a bug of this program.
type Outcome<T> = Result<T, String>;

/// What a workload repeats.
type Repeated = Box<dyn FnMut() -> Outcome<()>>;

/// A workload: prepared once, then repeated.
struct Workload {
    name: &'static str,
    /// How often it is done at least, so that its instructions stand out.
    count: u32,
    prepare: fn() -> Outcome<Repeated>,
}

const WORKLOADS: &[Workload] = &[
    Workload { name: "five-passes", count: 2_000, prepare: executions::five_passes },
    Workload { name: "choice-jsonpath", count: 20, prepare: executions::choice_jsonpath },
    Workload { name: "choice-jsonata", count: 10, prepare: executions::choice_jsonata },
    Workload { name: "map", count: 50, prepare: executions::map },
    Workload { name: "task", count: 2_000, prepare: executions::task },
    Workload { name: "templates", count: 2_000, prepare: executions::templates },
    Workload { name: "compile", count: 200, prepare: executions::compile },
    Workload { name: "json", count: 500, prepare: texts::json },
    Workload { name: "request", count: 5_000, prepare: texts::request },
    Workload { name: "commit", count: 2_000, prepare: writes::commit },
    Workload { name: "encode", count: 2_000, prepare: writes::encode },
    Workload { name: "decode", count: 2_000, prepare: writes::decode },
    Workload { name: "merge", count: 200, prepare: writes::merge },
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["--list"] => list(),
        [name, times] => run(name, times),
        _ => Err("usage: instructions --list | WORKLOAD TIMES".to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}"); // nobody is left to tell
            ExitCode::FAILURE
        }
    }
}

/// Tells the names of the workloads and how often each should be done.
fn list() -> Outcome<()> {
    let mut out = std::io::stdout().lock();
    WORKLOADS
        .iter()
        .try_for_each(|workload| writeln!(out, "{} {}", workload.name, workload.count))
        .map_err(|error| error.to_string())
}

/// Does a workload so many times; 0 only prepares it.
fn run(name: &str, times: &str) -> Outcome<()> {
    let workload = WORKLOADS.iter().find(|workload| workload.name == name).ok_or(format!("no workload `{name}`"))?;
    let times: u32 = times.parse().map_err(|_| format!("`{times}` is no number"))?;
    let mut work = (workload.prepare)()?;
    (0..times).try_for_each(|_| work())
}

#[cfg(test)]
mod tests {
    use super::{WORKLOADS, run};

    /// Each workload checks what comes out of it.
    #[test]
    fn every_workload_can_be_done() {
        for workload in WORKLOADS {
            assert_eq!(run(workload.name, "2"), Ok(()), "{}", workload.name);
        }
    }
}
