//! A store with some of everything in it.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub mod acknowledged;

use std::path::Path;

use stepwell_interpreter::{Source, Status};
use stepwell_store::contract::put;
use stepwell_store::record::RecordBody;
use stepwell_store::sample::{self, Case, Dice};
use stepwell_store::{MachineKey, MachineRecord, Record, RevisionRecord, Write};
use stepwell_store_sqlite::{Options, SqliteStore};
use stepwell_value::Payload;

pub const SCOPE: &str = "123456789012:us-east-1";
pub const REVISION: &str = "5e0b7b5c-8f43-4f0e-9d33-8c1f1f6f9a01";

pub fn options(folder: impl AsRef<Path>) -> Options {
    Options { checkpoint_mib: 1, ..Options::new(folder.as_ref()) }
}

pub fn open(folder: &Path) -> SqliteStore {
    SqliteStore::open(&options(folder)).unwrap()
}

/// The machine of the generated executions, and the revision they run.
pub fn put_machine(store: &SqliteStore) {
    let machine = MachineRecord {
        key: MachineKey(1),
        arn: "arn:aws:states:us-east-1:123456789012:stateMachine:Orders-1".into(),
        name: "Orders-1".into(),
        express: false,
        created: sample::NOON,
        revision_id: REVISION.into(),
        next_version: 1,
        deleting: false,
        tags: Vec::new(),
    };
    let revision = RevisionRecord {
        machine: MachineKey(1),
        revision_id: REVISION.into(),
        created: sample::NOON,
        definition: r#"{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}"#.into(),
        role_arn: "arn:aws:iam::123456789012:role/Orders".into(),
        logging: None,
        tracing: None,
        encryption: None,
    };
    let bodies = [
        ("Orders-1".to_owned(), RecordBody::Machine(machine)),
        (format!("{:016x}/{REVISION}", 1), RecordBody::Revision(revision)),
    ];
    for (name, body) in bodies {
        put(store, Write::Put(Box::new(Record { scope: SCOPE.into(), name: name.into(), body })));
    }
}

/// An execution that has ended, after three commits.
pub fn put_ended(store: &SqliteStore, case: &Case) {
    for (number, write) in sample::batches(case, &mut Dice(case.key)).into_iter().enumerate() {
        let write = Box::new(write);
        let write = match number {
            0 => Write::Start { record: Box::new(sample::record(case)), write },
            _ => Write::Advance(write),
        };
        put(store, write);
    }
}

/// An execution that runs, with three frames that share a content.
pub fn put_wide(store: &SqliteStore, key: u64) {
    let payload = Payload::from_checked_text("{\"items\":[1,2,3]}");
    let mut first = sample::write(key, 1, sample::batches(&Case::numbered(key), &mut Dice(key))[0].events.clone());
    let wait = stepwell_interpreter::Waiting::Wait { until: sample::NOON };
    first.frames_put = vec![
        sample::frame(0, 4, Source::EventInput(4), payload.clone(), wait),
        sample::full_frame(1, 0, &payload),
        sample::full_frame(2, 0, &payload),
    ];
    first.contents_put = vec![(0, payload)];
    (first.next_frame, first.next_content) = (3, 1);
    let record = Box::new(sample::record(&Case::numbered(key)));
    put(store, Write::Start { record, write: Box::new(first) });
}

/// Executions 1 to 9: three that have ended, three with a name that run, two wide ones, one that was aborted.
pub fn fill(store: &SqliteStore) {
    put_machine(store);
    (1..=3).for_each(|key| put_ended(store, &Case::numbered(key)));
    (4..=6).for_each(|key| put(store, sample::start(&Case::named(key, 1, &format!("order-{key}")))));
    (7..=8).for_each(|key| put_wide(store, key));
    let case = Case::named(9, 1, "stopped");
    put(store, sample::start(&case));
    let mut tape = sample::Tape::new(6, sample::NOON.plus_seconds(1), 1);
    let details = stepwell_interpreter::Details::Failure(stepwell_interpreter::Failure::new("Enough", ""));
    tape.put(stepwell_interpreter::EventType::ExecutionAborted, details);
    let mut end = sample::write(9, 6, tape.take());
    end.closed = Some((Status::Aborted, tape.at));
    put(store, Write::Advance(Box::new(end)));
}

/// Sets a flag when it is dropped, also by a test that fails: threads that look at it end then.
pub struct Stop<'a>(pub &'a std::sync::atomic::AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, std::sync::atomic::Ordering::Relaxed);
    }
}
