//! A process that is killed, or whose disk fails, has lost nothing that was acknowledged.
//!
//! Killing keeps what the operating system has not written yet, so this does not test syncing; it tests that a
//! transaction is whole and that nothing is acknowledged early.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // test code

mod common;

use std::io::{BufRead, BufReader, Read, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use stepwell_store::contract::commit;
use stepwell_store::sample::{self, Case, Dice};
use stepwell_store::{Store, Write};
use stepwell_store_sqlite::SqliteStore;

use common::acknowledged::{self, Acknowledged};

/// The child's data folder; without it, the child's test does nothing.
const FOLDER: &str = "STEPWELL_CRASH_TEST_FOLDER";

/// Runs in a process of its own: commits for ever, eight executions at a time, and prints what is acknowledged.
#[test]
fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let store = Arc::new(common::open(Path::new(&folder)));
    let first = store.last_key().unwrap().0 + 1;
    let threads = (0..8).map(|lane| {
        let store = store.clone();
        std::thread::spawn(move || {
            for key in (first + lane..).step_by(8) {
                run(&store, key);
            }
        })
    });
    threads.collect::<Vec<_>>().into_iter().for_each(|thread| thread.join().unwrap());
}

fn run(store: &SqliteStore, key: u64) {
    let case = Case::named(key, 1, &acknowledged::name(key));
    let batches = sample::batches(&case, &mut Dice(key));
    for (number, write) in batches.into_iter().enumerate() {
        let write = Box::new(write);
        let write = match number {
            0 => Write::Start { record: Box::new(sample::record(&case)), write },
            _ => Write::Advance(write),
        };
        assert_eq!(commit(store, vec![write]).unwrap(), [Ok(())]);
        let mut out = std::io::stdout().lock();
        writeln!(out, "acknowledged {key} {number}").unwrap();
        out.flush().unwrap();
    }
}

/// Notes what a process acknowledged.
fn note(line: &str, acknowledged: &mut Acknowledged) {
    let mut words = line.split(' ').skip_while(|word| *word != "acknowledged").skip(1);
    if let (Some(Ok(key)), Some(Ok(number))) = (words.next().map(str::parse), words.next().map(str::parse::<usize>)) {
        acknowledged.insert(key, number + 1);
    }
}

fn spawn(mut command: Command, folder: &Path) -> Child {
    command.env(FOLDER, folder).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn itself() -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child", "--nocapture"]);
    command
}

#[test]
fn killed_at_any_moment() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = Acknowledged::new();
    let mut dice = Dice(std::process::id().into());
    for _ in 0..6 {
        let mut child = spawn(itself(), folder.path());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let until = dice.below(1500) + 1;
        let mut seen = 0;
        while seen < until {
            let line = lines.next().expect("the child goes on for ever").unwrap();
            seen += u64::from(line.contains("acknowledged"));
            note(&line, &mut acknowledged);
        }
        child.kill().unwrap();
        lines.map_while(Result::ok).for_each(|line| note(&line, &mut acknowledged));
        child.wait().unwrap();
        acknowledged::check(&common::options(folder.path()), &acknowledged).unwrap();
    }
    assert!(acknowledged.len() > 6);
}

/// A write that fails for another reason than a full disk (here: a limit of the file's size) ends the process.
#[test]
fn a_failed_write_ends_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -c 0; ulimit -f 1200; exec \"$0\" --exact child --nocapture"]);
    shell.arg(std::env::current_exe().unwrap());
    let mut child = spawn(shell, folder.path());
    let mut acknowledged = Acknowledged::new();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.map_while(Result::ok).for_each(|line| note(&line, &mut acknowledged));
    let mut text = String::new();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    let status = child.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(6), "{status}: {text}");
    assert!(text.contains("stepwell: writing to ") && text.contains("then start again"), "{text}");
    assert!(!acknowledged.is_empty());
    acknowledged::check(&common::options(folder.path()), &acknowledged).unwrap();
}
