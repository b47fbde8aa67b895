//! Fills a data folder with finished executions, as fast as the store takes them: what a server would have written that has
//! run for months. For `cargo xtask bench stored`.
//!
//! ```text
//! cargo run --release -p stepwell-store-sqlite --example fill -- FOLDER COUNT
//! ```
//! The newest execution in the folder is the pattern: `COUNT` more like it are written through [`Store::commit`], so that
//! every row, chunk and index entry is made by the code that the server runs. They are called `run-0`, `run-1`, …

use std::error::Error;
use std::process::ExitCode;
use std::sync::{Arc, mpsc};

use stepwell_interpreter::{HistoryEvent, Identity};
use stepwell_store::{ExecutionKey, ExecutionRecord, ExecutionWrite, Store, Write};
use stepwell_store_sqlite::{Options, SqliteStore};

/// Executions in one commit.
const GROUP: u64 = 2_000;
/// Groups that are queued ahead of the writing thread.
const AHEAD: usize = 4;
/// Executions end this many milliseconds apart.
const APART_MILLIS: u64 = 3;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match words.as_slice() {
        [folder, count] => count.parse().map_err(Into::into).and_then(|count| fill(folder, count)),
        _ => Err("usage: fill FOLDER COUNT".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn fill(folder: &str, count: u64) -> Result<(), Box<dyn Error>> {
    // With room for the whole index of names: filling is not what is measured.
    let store = SqliteStore::open(&Options { cache_mib: 2048, checkpoint_mib: 512, ..Options::new(folder) })?;
    let last = store.last_key()?;
    let newest = (1..=last.0).rev().find_map(|key| store.execution(ExecutionKey(key)).transpose());
    let pattern = newest.ok_or("there is no execution to go by")??;
    let events = store.history(pattern.key, 1, false, usize::MAX)?;
    let (sender, done) = mpsc::channel();
    let mut queued = 0;
    for first in (0..count).step_by(usize::try_from(GROUP)?) {
        let numbers = first..count.min(first + GROUP);
        let group: Vec<_> = numbers.map(|number| one(&pattern, &events, last.0 + 1 + number, number)).collect();
        let sender = sender.clone();
        store.commit(&group, Box::new(move |outcome| drop(sender.send(outcome))));
        queued += 1;
        if queued > AHEAD {
            finished(&done)?;
            queued -= 1;
        }
    }
    for _ in 0..queued {
        finished(&done)?;
    }
    store.close();
    Ok(())
}

/// Waits for a group; each of its writes must have been taken.
fn finished(done: &mpsc::Receiver<stepwell_store::Committed>) -> Result<(), Box<dyn Error>> {
    let refused = done.recv()??.into_iter().find_map(Result::err);
    refused.map_or(Ok(()), |error| Err(format!("an execution was refused: {error:?}").into()))
}

/// An execution like the pattern, with another key, name and time.
fn one(pattern: &ExecutionRecord, events: &[HistoryEvent], key: u64, number: u64) -> Write {
    let later = number * APART_MILLIS;
    let name: Arc<str> = format!("run-{number}").into();
    let was = &*pattern.identity;
    let identity = Identity {
        execution_arn: was.execution_arn.replace(&*was.name, &name).into(),
        name,
        started: was.started.plus_millis(later),
        ..was.clone()
    };
    let key = ExecutionKey(key);
    let record = ExecutionRecord {
        key,
        identity: Arc::new(identity),
        generated_name: false,
        stopped: pattern.stopped.map(|at| at.plus_millis(later)),
        ..pattern.clone()
    };
    let events: Vec<_> =
        events.iter().map(|event| HistoryEvent { at: event.at.plus_millis(later), ..event.clone() }).collect();
    let write = ExecutionWrite {
        key,
        expected_next_event: 1,
        next_event: events.len() as u64 + 1,
        events,
        frames_put: Vec::new(),
        frames_removed: Vec::new(),
        contents_put: Vec::new(),
        contents_removed: Vec::new(),
        next_frame: 1,
        next_content: 0,
        redrive_count: 0,
        redriven: None,
        closed: record.stopped.map(|at| (record.status, at)),
    };
    Write::Start { record: Box::new(record), write: Box::new(write) }
}
