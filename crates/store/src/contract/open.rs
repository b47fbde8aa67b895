//! What recovery reads, and what becomes of it when bytes have changed by themselves.

use stepwell_interpreter::Source;

use super::{Harness, advance, commit};
use crate::sample::{self, Case, Dice};
use crate::{Error, ExecutionKey};

/// A part of what is stored of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Its row.
    Row,
    /// Its top frame.
    Frame,
    /// The first chunk of its history, which has its input.
    Chunk,
}

/// Recovery reads open executions in pages, in the order of their keys.
pub fn open_executions_come_in_pages(harness: &mut dyn Harness) {
    let store = harness.store();
    let starts: Vec<_> = (1..=25).map(|key| sample::start(&Case::numbered(key))).collect();
    commit(store, starts).unwrap();
    for key in [1, 13, 25] {
        let [_, second, third] = sample::batches(&Case::numbered(key), &mut Dice(key));
        commit(store, vec![advance(second), advance(third)]).unwrap();
    }
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = store.open_executions(after, 10).unwrap();
        assert!(page.executions.iter().all(|execution| execution.frames.len() == 1 && execution.input.is_none()));
        after = page.last;
        if after.is_none() {
            break;
        }
        found.extend(page.executions.iter().map(|execution| execution.record.key.0));
    }
    assert_eq!(found, (2..25).filter(|key| *key != 13).collect::<Vec<_>>());
}

/// An open execution of which something is damaged is told apart, and keeps no other one from being read; nor does reading
/// it change anything.
pub fn what_is_damaged_is_told_apart(harness: &mut dyn Harness) {
    let store = harness.store();
    for key in 1..=6 {
        let [_, second, _] = sample::batches(&Case::numbered(key), &mut Dice(key));
        let outcome = commit(store, vec![sample::start(&Case::numbered(key)), advance(second)]);
        assert_eq!(outcome.unwrap(), [Ok(()), Ok(())]);
    }
    let damages = [(Part::Row, 1), (Part::Frame, 2), (Part::Frame, 3), (Part::Chunk, 5)];
    for (part, key) in damages {
        if !harness.damage(part, ExecutionKey(key)) {
            return;
        }
    }
    assert!(harness.reopen());
    let store = harness.store();
    let (commits, mut after, mut sound, mut damaged) = (store.commits(), None, Vec::new(), Vec::new());
    loop {
        let page = store.open_executions(after, 2).unwrap(); // the first page has none that is sound
        after = page.last;
        if after.is_none() {
            break;
        }
        assert!(page.count() <= 2);
        sound.extend(page.executions.iter().map(|execution| execution.record.key.0));
        damaged.extend(page.damaged.iter().map(|(key, _)| key.0));
        for (key, error) in &page.damaged {
            let told = error.to_string();
            assert!(told.contains(&format!("of execution {} is damaged", key.0)), "{told}");
        }
    }
    assert_eq!((sound, damaged), (vec![4, 5, 6], vec![1, 2, 3]), "heads only: chunks are not read");
    for key in 1..=6 {
        let read = store.load(ExecutionKey(key));
        match key {
            4 | 6 => assert!(read.unwrap().unwrap().input.is_some(), "{key} needs {:?}", Source::EventInput(1)),
            _ => assert!(matches!(read, Err(Error::Damaged { .. })), "{key}: {read:?}"),
        }
    }
    assert!(store.execution(ExecutionKey(1)).is_err() && store.execution(ExecutionKey(2)).unwrap().is_some());
    assert_eq!(store.commits(), commits);
}
