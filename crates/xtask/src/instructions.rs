//! `cargo xtask instructions`: how many instructions the hot paths take, against ceilings that are kept in the repository.
//!
//! A count depends on the compiler and the code, hardly on the machine and not on what else runs there, so that a slow-down
//! is seen where no time can be measured. Each workload of the program `instructions` is run twice below valgrind, with
//! two counts; the difference is what one repetition takes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo;

/// What was counted when the file was last written, one workload a line.
const CEILINGS: &str = "crates/instructions/ceilings.txt";

const HEAD: &str = "\
# Instructions of one repetition of each workload of crates/instructions. `cargo xtask instructions` fails when a count is
# more than 3 % above its line; `cargo xtask instructions --update` writes the file anew, and the commit says why.
";

/// A count may be so much above its ceiling: libraries of another machine, the layout of a hash map.
const TOLERANCE: f64 = 0.03;
/// So far below, the ceiling no longer guards anything.
const SLACK: f64 = 0.10;

/// Counts, and compares with the ceilings, or writes them anew when `update`.
///
/// # Errors
/// When something cannot be built or run, or a count is too high.
pub fn run(update: bool) -> Result<String, String> {
    let program = build()?;
    let mut counted = BTreeMap::new();
    for line in text_of(Command::new(&program).arg("--list"))?.lines() {
        let (name, times) = line.split_once(' ').ok_or("the list of workloads is not understood")?;
        let times: u64 = times.parse().map_err(|_| format!("`{times}` is no number"))?;
        let before = instructions(&program, name, times / 4)?;
        let each = (instructions(&program, name, times / 4 + times)? - before) / times;
        counted.insert(name.to_owned(), each);
    }
    let path = Path::new(CEILINGS);
    if update {
        let lines = counted.iter().fold(HEAD.to_owned(), |text, (name, each)| format!("{text}{name} {each}\n"));
        std::fs::write(path, lines).map_err(|error| format!("{CEILINGS}: {error}"))?;
        return Ok(format!("{CEILINGS} is written"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| format!("{CEILINGS}: {error}"))?;
    compare(&counted, &ceilings(&text)?)
}

/// The program with optimisations, but without the parts of the release profile that only cost time to build.
fn build() -> Result<PathBuf, String> {
    cargo::run(&["build", "--profile", "counting", "-p", "stepwell-instructions", "--locked"])?;
    Ok(cargo::folder("counting")?.join("instructions"))
}

/// The instructions of a whole run.
fn instructions(program: &Path, name: &str, times: u64) -> Result<u64, String> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]);
    command.arg(program).args([name, &times.to_string()]);
    let output = command.output().map_err(|error| format!("valgrind: {error}; it must be installed"))?;
    let told = String::from_utf8_lossy(&output.stderr);
    refs(&told).filter(|_| output.status.success()).ok_or_else(|| format!("{command:?}: {}\n{told}", output.status))
}

/// The number after `I refs:`, with its commas.
fn refs(told: &str) -> Option<u64> {
    let (_, rest) = told.split_once("refs:")?;
    rest.split_whitespace().next()?.replace(',', "").parse().ok()
}

fn text_of(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    String::from_utf8(output.stdout).map_err(|error| format!("{command:?}: {error}"))
}

fn ceilings(text: &str) -> Result<BTreeMap<String, u64>, String> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let parsed = lines.map(|line| {
        let (name, each) = line.split_once(' ').ok_or_else(|| format!("{CEILINGS}: `{line}` is not understood"))?;
        let each = each.parse().map_err(|_| format!("{CEILINGS}: `{each}` is no number"))?;
        Ok((name.to_owned(), each))
    });
    parsed.collect()
}

/// The table; an error when a count is too high, or a workload has no ceiling or a ceiling no workload.
fn compare(counted: &BTreeMap<String, u64>, ceilings: &BTreeMap<String, u64>) -> Result<String, String> {
    let mut table = "| workload | instructions | ceiling | |\n| --- | --- | --- | --- |\n".to_owned();
    let mut wrong = Vec::new();
    for (name, each) in counted {
        let Some(ceiling) = ceilings.get(name) else {
            wrong.push(format!("`{name}` has no ceiling"));
            continue;
        };
        let change = *each as f64 / *ceiling as f64 - 1.0;
        let verdict = match change {
            over if over > TOLERANCE => "TOO MANY",
            under if under < -SLACK => "fewer: lower the ceiling",
            _ => "",
        };
        let _ = writeln!(table, "| {name} | {each} | {ceiling} | {:+.1} % {verdict} |", change * 100.0); // to a text
        if change > TOLERANCE {
            wrong.push(format!("`{name}` takes {:.1} % more instructions than it did", change * 100.0));
        }
    }
    wrong.extend(
        ceilings.keys().filter(|name| !counted.contains_key(*name)).map(|name| format!("`{name}` does not exist")),
    );
    if wrong.is_empty() { Ok(table) } else { Err(format!("{table}\n{}", wrong.join("\n"))) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{ceilings, compare, refs};

    fn of(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
        pairs.iter().map(|(name, each)| ((*name).to_owned(), *each)).collect()
    }

    #[test]
    fn what_is_too_much_is_told() {
        let ceiling = ceilings("# head\nmap 1000\n").unwrap();
        assert!(compare(&of(&[("map", 1029)]), &ceiling).is_ok());
        assert!(compare(&of(&[("map", 800)]), &ceiling).is_ok_and(|table| table.contains("lower the ceiling")));
        assert!(compare(&of(&[("map", 1040)]), &ceiling).unwrap_err().contains("`map` takes 4.0 % more"));
        assert!(compare(&of(&[]), &ceiling).is_err() && compare(&of(&[("map", 1), ("new", 1)]), &ceiling).is_err());
        assert!(ceilings("map much").is_err());
        assert_eq!(refs("==1== \n==1== I   refs:      12,345,678\n"), Some(12_345_678));
    }
}
