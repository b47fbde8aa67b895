//! `cargo xtask simulate`: long runs of the simulator, in worlds that nobody has seen before, one process for each processor.

use std::process::{Child, Command};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::cargo;

/// Runs new seeds, and waits for the end of all of them. The simulator prints what fails, and how to run it again.
///
/// # Errors
/// When the words are not understood, something cannot be built or run, or a seed fails.
pub fn run(words: &[&str]) -> Result<String, String> {
    let (seeds, hours) = match words {
        ["--seeds", seeds] => (seeds, None),
        ["--seeds", seeds, "--hours", hours] | ["--hours", hours, "--seeds", seeds] => (seeds, Some(*hours)),
        _ => return Err("`simulate` takes `--seeds N [--hours H]`".to_owned()),
    };
    let seeds: u64 = seeds.parse().map_err(|_| format!("`{seeds}` is no number"))?;
    cargo::run(&["build", "--release", "-p", "stepwell-simulator", "--locked"])?;
    let program = cargo::folder("release")?.join("stepwell-simulator");
    let processes = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    // Fewer seeds are run in a second than there are milliseconds, so that runs one after the other have seeds of their own.
    let first = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
    let mut running = Vec::new();
    for (from, to) in shares(first, seeds, processes) {
        let mut command = Command::new(&program);
        command.args(["--seeds", &format!("{from}..{to}")]).args(hours.iter().flat_map(|hours| ["--hours", *hours]));
        running.push(command.spawn().map_err(|error| format!("{}: {error}", program.display()))?);
    }
    let failed = running.iter_mut().filter_map(failure).collect::<Vec<_>>();
    if failed.is_empty() { Ok("no seed has failed".to_owned()) } else { Err(failed.join("\n")) }
}

fn failure(process: &mut Child) -> Option<String> {
    match process.wait() {
        Ok(status) if status.success() => None,
        Ok(status) => Some(format!("the simulator: {status}")),
        Err(error) => Some(format!("the simulator: {error}")),
    }
}

/// The ranges of seeds of the processes; none is empty.
fn shares(first: u64, seeds: u64, processes: u64) -> Vec<(u64, u64)> {
    let bound = |number: u64| first + seeds * number / processes;
    (0..processes).map(|number| (bound(number), bound(number + 1))).filter(|(from, to)| from < to).collect()
}

#[cfg(test)]
mod tests {
    use super::{run, shares};

    #[test]
    fn every_seed_is_run_once() {
        assert_eq!(shares(7, 5, 2), [(7, 9), (9, 12)]);
        assert_eq!(shares(7, 1, 4), [(7, 8)]);
        assert_eq!(shares(7, 0, 4), []);
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for words in [&[][..], &["--seeds"], &["--hours", "1"], &["--seeds", "many"]] {
            assert!(run(words).is_err(), "{words:?}");
        }
    }
}
