//! The contract every backend is tested against: [`contract_tests!`](crate::contract_tests) makes one test of each part.
//!
//! A backend implements [`Harness`] in its tests and writes `stepwell_store::contract_tests!(MyHarness::new());`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // test code: a broken contract is a panic

pub mod map_runs;
pub mod open;

pub use map_runs::{
    a_map_run_stays_while_it_may_be_asked_for, nothing_is_left_of_a_map_run, what_a_map_run_needs_does_not_expire,
};
pub use open::{open_executions_come_in_pages, what_is_damaged_is_told_apart};

use std::collections::BTreeMap;
use std::sync::mpsc;

use stepwell_interpreter::{Details, EventType, FrameId, HistoryEvent, Source, Status, Waiting};
use stepwell_value::{Payload, Timestamp};

use crate::record::{MapRunCounts, MapRunRecord, RecordBody};
use crate::role::RoleRecord;
use crate::sample::{self, Case, Dice, NOON};
use crate::{
    ActivityRecord, AliasRecord, Committed, ExecutionFilter, ExecutionKey, ExecutionWrite, MachineKey, MachineRecord,
    Record, RecordKind, RevisionRecord, Store, StoredExecution, VersionRecord, Which, Write, WriteError, held,
};

/// A store under test.
pub trait Harness {
    /// The store.
    fn store(&self) -> &dyn Store;

    /// Closes the store and opens it again with what it kept; `false` when it keeps nothing.
    fn reopen(&mut self) -> bool;

    /// Flips a byte of what is stored of an execution; `false` when nothing is stored as bytes.
    fn damage(&mut self, _part: open::Part, _key: ExecutionKey) -> bool {
        false
    }
}

/// Makes a `#[test]` of every part of the contract; the expression makes a [`Harness`] with an empty store.
#[macro_export]
macro_rules! contract_tests {
    ($make:expr) => {
        $crate::contract_tests!(@each $make;
            start_advance_close, stale_and_foreign_writes_are_conflicts, a_name_is_taken_until_it_expires,
            a_group_is_refused_in_part, a_bad_write_fails_its_group, history_pages_both_ways,
            load_completes_what_frames_hold, open_executions_come_in_pages, listing_filters_latest_first,
            records_of_the_registry, expiry_removes_everything, what_a_map_run_needs_does_not_expire, nothing_is_left_of_a_map_run,
            a_map_run_stays_while_it_may_be_asked_for, a_redrive_opens_again,
            describing_reads_both_ends, keys_are_never_reused,
            machine_keys_are_never_reused,
            reopening_keeps_everything, a_start_may_close_at_once, a_history_of_25_000_events,
            an_execution_of_10_000_frames, merged_writes_leave_what_their_parts_leave, a_closed_store_refuses,
            what_is_damaged_is_told_apart,
        );
    };
    (@each $make:expr; $($part:ident,)*) => {
        $(
            #[test]
            fn $part() {
                $crate::contract::$part(&mut $make);
            }
        )*
    };
}

/// Commits a group and waits for its outcome.
pub fn commit(store: &dyn Store, group: Vec<Write>) -> Committed {
    let (sender, receiver) = mpsc::channel();
    store.commit(&group, Box::new(move |outcome| sender.send(outcome).unwrap()));
    receiver.recv().expect("done is called once")
}

/// Commits one write, which must be accepted.
#[track_caller]
pub fn put(store: &dyn Store, write: Write) {
    assert_eq!(commit(store, vec![write]).unwrap(), [Ok(())]);
}

#[track_caller]
fn refused(store: &dyn Store, write: Write, error: WriteError) {
    assert_eq!(commit(store, vec![write]).unwrap(), [Err(error)]);
}

fn advance(write: ExecutionWrite) -> Write {
    Write::Advance(Box::new(write))
}

fn run(store: &dyn Store, case: &Case) -> [ExecutionWrite; 3] {
    let batches = sample::batches(case, &mut Dice(case.key));
    put(store, sample::start(case));
    for write in &batches[1..] {
        put(store, advance(write.clone()));
    }
    batches
}

fn all_events(store: &dyn Store, key: u64) -> Vec<HistoryEvent> {
    store.history(ExecutionKey(key), 1, false, usize::MAX).unwrap()
}

/// An execution is started, goes on, and ends; every read tells so.
pub fn start_advance_close(harness: &mut dyn Harness) {
    let store = harness.store();
    let case = Case::named(7, 1, "first");
    let [first, second, third] = sample::batches(&case, &mut Dice(7));
    put(store, sample::start(&case));
    let mut expected = sample::record(&case);
    expected.last_event = first.next_event - 1;
    assert_eq!(store.execution(ExecutionKey(7)).unwrap(), Some(expected.clone()));
    let loaded = store.load(ExecutionKey(7)).unwrap().unwrap();
    assert_eq!(loaded.record, expected);
    assert_eq!((loaded.next_event, loaded.next_frame, loaded.next_content), (first.next_event, 1, 0));
    assert_eq!(loaded.frames.values().cloned().collect::<Vec<_>>(), first.frames_put);

    put(store, advance(second.clone()));
    let loaded = store.load(ExecutionKey(7)).unwrap().unwrap();
    assert_eq!(loaded.frames.values().cloned().collect::<Vec<_>>(), second.frames_put);
    assert_eq!(loaded.next_event, second.next_event);

    put(store, advance(third.clone()));
    let (status, stopped) = third.closed.unwrap();
    (expected.status, expected.stopped, expected.last_event) = (status, Some(stopped), third.next_event - 1);
    assert_eq!(store.execution(ExecutionKey(7)).unwrap(), Some(expected));
    assert_eq!(store.load(ExecutionKey(7)).unwrap(), None);
    assert_eq!(store.open_executions(None, 10).unwrap().executions, []);
    assert_eq!(all_events(store, 7), [first.events, second.events, third.events].concat());
    assert_eq!(store.execution(ExecutionKey(8)).unwrap(), None);
    assert_eq!(store.commits(), 3);
}

/// A write to an execution that is elsewhere, closed or unknown changes nothing.
pub fn stale_and_foreign_writes_are_conflicts(harness: &mut dyn Harness) {
    let store = harness.store();
    let case = Case::numbered(3);
    let [first, second, third] = sample::batches(&case, &mut Dice(3));
    refused(store, advance(second.clone()), WriteError::Conflict { next_event: 0 });
    put(store, sample::start(&case));
    refused(store, advance(third.clone()), WriteError::Conflict { next_event: first.next_event });
    refused(store, sample::start(&case), WriteError::Conflict { next_event: first.next_event });
    put(store, advance(second.clone()));
    refused(store, advance(second.clone()), WriteError::Conflict { next_event: second.next_event });
    put(store, advance(third.clone()));
    refused(store, advance(third.clone()), WriteError::Conflict { next_event: 0 });
    let late = sample::write(3, third.next_event, sample::pass_events(third.next_event, 2));
    refused(store, advance(late), WriteError::Conflict { next_event: 0 });
    assert_eq!(all_events(store, 3).len() as u64, third.next_event - 1);
}

/// A caller-chosen name is taken in its machine, also by a closed execution, until that has expired.
pub fn a_name_is_taken_until_it_expires(harness: &mut dyn Harness) {
    let store = harness.store();
    run(store, &Case::named(1, 1, "daily"));
    assert_eq!(store.execution_named(MachineKey(1), "daily").unwrap(), Some(ExecutionKey(1)));
    assert_eq!(store.execution_named(MachineKey(2), "daily").unwrap(), None);
    let taken = WriteError::NameTaken { existing: ExecutionKey(1) };
    refused(store, sample::start(&Case::named(2, 1, "daily")), taken);
    assert_eq!(store.execution(ExecutionKey(2)).unwrap(), None);
    assert_eq!(all_events(store, 2), []);
    put(store, sample::start(&Case::named(3, 2, "daily")));
    assert_eq!(store.execution_named(MachineKey(2), "daily").unwrap(), Some(ExecutionKey(3)));

    let generated = Case { generated_name: true, ..Case::named(4, 1, "made up") };
    put(store, sample::start(&generated));
    assert_eq!(store.execution_named(MachineKey(1), "made up").unwrap(), None);

    assert_eq!(store.expire(Timestamp(i64::MAX), 10).unwrap(), 1);
    assert_eq!(store.execution_named(MachineKey(1), "daily").unwrap(), None);
    put(store, sample::start(&Case::named(5, 1, "daily")));
}

/// Each write of a group is accepted or refused by itself; later ones see earlier ones.
pub fn a_group_is_refused_in_part(harness: &mut dyn Harness) {
    let store = harness.store();
    let (one, two) = (Case::named(1, 1, "same"), Case::named(2, 1, "same"));
    let [_, second, third] = sample::batches(&one, &mut Dice(1));
    let group = vec![
        sample::start(&one),
        sample::start(&two),
        advance(second.clone()),
        advance(second),
        sample::start(&Case::numbered(9)),
        advance(third.clone()),
    ];
    let conflict = Err(WriteError::Conflict { next_event: third.expected_next_event });
    let taken = Err(WriteError::NameTaken { existing: ExecutionKey(1) });
    assert_eq!(commit(store, group).unwrap(), [Ok(()), taken, Ok(()), conflict, Ok(()), Ok(())]);
    assert_eq!(store.commits(), 1);
    assert_eq!(store.execution(ExecutionKey(1)).unwrap().unwrap().status, Status::Succeeded);
    assert!(store.load(ExecutionKey(9)).unwrap().is_some());
}

/// Events that are not numbered on are a bug of the writer: nothing of the group is written.
pub fn a_bad_write_fails_its_group(harness: &mut dyn Harness) {
    let store = harness.store();
    let Write::Start { record, mut write } = sample::start(&Case::numbered(1)) else { panic!() };
    write.events.remove(1);
    let group = vec![sample::start(&Case::numbered(2)), Write::Start { record, write }];
    assert!(commit(store, group).is_err());
    let bad = |change: fn(&mut ExecutionWrite)| {
        let Write::Start { record, mut write } = sample::start(&Case::numbered(1)) else { panic!() };
        change(&mut write);
        assert!(commit(store, vec![Write::Start { record, write }]).is_err());
    };
    bad(|write| write.next_event += 1);
    bad(|write| write.next_frame = 0);
    bad(|write| write.contents_put = vec![(0, Payload::default())]);
    assert_eq!((store.last_key().unwrap(), store.commits()), (ExecutionKey(0), 0));
    put(store, sample::start(&Case::numbered(2)));
}

/// Pages of history, across chunks, upwards and downwards.
pub fn history_pages_both_ways(harness: &mut dyn Harness) {
    let store = harness.store();
    let mut expected = all_of_chunks(store, 5, &[5, 1, 10, 1, 1, 3, 30]);
    let total = expected.len() as u64;
    for (from, limit) in [(0, 4), (1, 0), (1, 1), (1, 7), (5, 100), (6, 1), (21, 30), (total, 5), (total + 1, 5)] {
        let page = store.history(ExecutionKey(5), from, false, limit).unwrap();
        let wanted: Vec<_> = expected.iter().filter(|event| event.id >= from).take(limit).cloned().collect();
        assert_eq!(page, wanted, "from {from}, {limit}");
    }
    expected.reverse();
    for (from, limit) in [(0, 4), (1, 5), (total, 0), (total, 1), (total, 7), (20, 100), (6, 2), (u64::MAX, 100)] {
        let page = store.history(ExecutionKey(5), from, true, limit).unwrap();
        let wanted: Vec<_> = expected.iter().filter(|event| event.id <= from).take(limit).cloned().collect();
        assert_eq!(page, wanted, "down from {from}, {limit}");
    }
    assert_eq!(store.history(ExecutionKey(6), 1, false, 5).unwrap(), []);
}

/// Starts an execution and gives it chunks of these sizes; the first has the 5 events of a start.
fn all_of_chunks(store: &dyn Store, key: u64, sizes: &[u64]) -> Vec<HistoryEvent> {
    let case = Case::numbered(key);
    put(store, sample::start(&case));
    put(store, sample::start(&Case::numbered(key + 1000)));
    put(store, sample::start(&Case::numbered(key - 1)));
    let [first, ..] = sample::batches(&case, &mut Dice(key));
    let mut events = first.events;
    for count in &sizes[1..] {
        let from = events.len() as u64 + 1;
        let more = sample::pass_events(from, *count);
        put(store, advance(sample::write(key, from, more.clone())));
        events.extend(more);
    }
    events
}

/// After `load` every payload a frame holds is there, wherever it is stored; `open_executions` reads heads only.
pub fn load_completes_what_frames_hold(harness: &mut dyn Harness) {
    let store = harness.store();
    let text = |text: &str| Payload::from_checked_text(text);
    let input = text("{ \"spelling\": 1.0 }");
    let (record, mut write) = held_everywhere(&input);
    let contents = [(0, text("[1, 2,3]")), (1, text("{\"x\":  1}")), (4, text("\"ü\""))];
    write.contents_put = contents.to_vec();
    let mut in_map_run = sample::frame(9, 5, Source::EventInput(1), input.clone(), Waiting::Nothing);
    in_map_run.waiting = Waiting::MapRun(sample::map_run_wait(write.frames_put[5].input.clone()));
    write.frames_put.push(in_map_run);
    (write.next_frame, write.next_content) = (12, 5);
    write.frames_put.push(sample::full_frame(10, 1, &contents[1].1));
    write.frames_put.push(sample::frame(11, 5, Source::Content(4), contents[2].1.clone(), Waiting::Nothing));
    put(store, Write::Start { record: Box::new(record), write: Box::new(write.clone()) });

    let expected: BTreeMap<_, _> = write.frames_put.iter().map(|frame| (frame.id, frame.clone())).collect();
    let loaded = store.load(ExecutionKey(1)).unwrap().unwrap();
    assert_eq!(loaded.frames, expected);
    assert_eq!(loaded.input, Some(input));
    let heads = store.open_executions(None, 5).unwrap().executions;
    let mut stripped = expected.clone();
    stripped.values_mut().for_each(held::strip);
    assert_eq!(heads, [StoredExecution { frames: stripped, input: None, ..loaded }]);

    let mut next = sample::write(1, write.next_event, Vec::new());
    next.contents_removed = vec![0];
    next.contents_put = vec![(5, text("5"))];
    (next.next_frame, next.next_content) = (13, 6);
    next.frames_removed = vec![FrameId(11), FrameId(0)];
    next.frames_put = vec![sample::frame(12, 5, Source::Content(5), text("5"), Waiting::Nothing)];
    put(store, advance(next.clone()));
    let loaded = store.load(ExecutionKey(1)).unwrap().unwrap();
    let mut expected = expected;
    next.frames_removed.iter().for_each(|id| drop(expected.remove(id)));
    expected.insert(FrameId(12), next.frames_put[0].clone());
    assert_eq!(loaded.frames, expected);
}

/// A start whose frames hold a payload of each kind of event that has one.
fn held_everywhere(input: &Payload) -> (crate::ExecutionRecord, ExecutionWrite) {
    let mut tape = sample::Tape::new(1, NOON, 1);
    let payload = |number: usize| Payload::from_checked_text(format!("{{ \"n\": {number} }}"));
    let name: std::sync::Arc<str> = "x".into();
    let some = || name.clone();
    let details = [
        Details::ExecutionStarted { input: input.clone(), role_arn: some(), alias_arn: None, version_arn: None },
        Details::StateEntered { name: some(), input: payload(2) },
        Details::Scheduled {
            resource: some(),
            input: payload(3),
            timeout_seconds: None,
            heartbeat_seconds: Some(1),
            credentials_role_arn: Some(some()),
        },
        Details::TaskScheduled {
            resource_type: some(),
            resource: some(),
            region: some(),
            parameters: payload(4),
            timeout_seconds: None,
            heartbeat_seconds: None,
            credentials_role_arn: None,
        },
        Details::Output { output: payload(5) },
        Details::StateExited { name: some(), output: payload(6), assigned: vec![(some(), payload(9))] },
        Details::TaskOutput { resource_type: some(), resource: some(), output: payload(7) },
    ];
    let frames = (0..7_u32).map(|index| {
        let event = u64::from(index) + 1;
        let source = if index < 4 { Source::EventInput(event) } else { Source::EventOutput(event) };
        let held = if index == 0 { input.clone() } else { payload(index as usize + 1) };
        sample::frame(index, event, source, held, Waiting::Branches { started_event: 2, open: index })
    });
    let frames: Vec<_> = frames.collect();
    details.into_iter().for_each(|details| tape.put(EventType::PassStateEntered, details));
    let mut write = sample::write(1, 1, tape.take());
    write.frames_put = frames;
    (sample::record(&Case::numbered(1)), write)
}

/// Listing: by machine, status, redrive and qualifier; by end, redrive or start, the latest first, in pages.
pub fn listing_filters_latest_first(harness: &mut dyn Harness) {
    let store = harness.store();
    let version: std::sync::Arc<str> = "arn:aws:states:us-east-1:123456789012:stateMachine:Orders-1:3".into();
    let alias: std::sync::Arc<str> = "arn:aws:states:us-east-1:123456789012:stateMachine:Orders-1:live".into();
    for key in 1..=20 {
        let version_arn = (key % 5 == 0).then(|| version.clone());
        let alias_arn = (key % 10 == 0).then(|| alias.clone());
        put(store, sample::start(&Case { machine: 1 + key % 2, version_arn, alias_arn, ..Case::numbered(key) }));
    }
    let all = ExecutionFilter { machine: MachineKey(1), status: None, redriven: None, qualifier_arn: None };
    let keys = |filter: &ExecutionFilter, after: Option<u64>, limit| -> Vec<u64> {
        let before = after.map(|key| store.execution(ExecutionKey(key)).unwrap().unwrap().place());
        let page = store.executions(filter, before, limit).unwrap();
        page.iter().for_each(|record| assert_eq!(Some(record), store.execution(record.key).unwrap().as_ref()));
        page.iter().map(|record| record.key.0).collect()
    };
    assert_eq!(keys(&all, None, 100), [20, 18, 16, 14, 12, 10, 8, 6, 4, 2], "by start");
    assert_eq!(keys(&all, Some(16), 3), [14, 12, 10]);
    // They end in another order than they began in; 4 and 8 in the same moment.
    for (key, status, end) in
        [(2, Status::Succeeded, 9), (8, Status::Succeeded, 7), (4, Status::Succeeded, 7), (10, Status::Failed, 8)]
    {
        let [_, mut last, _] = sample::batches(&Case::numbered(key), &mut Dice(key));
        (last.frames_put, last.closed) = (Vec::new(), Some((status, NOON.plus_seconds(end))));
        put(store, advance(last));
    }
    assert_eq!(keys(&all, None, 100), [2, 10, 8, 4, 20, 18, 16, 14, 12, 6]);
    assert_eq!(keys(&all, None, 3), [2, 10, 8]);
    assert_eq!(keys(&all, Some(8), 3), [4, 20, 18], "a page begins within a moment");
    assert_eq!(keys(&all, Some(6), 3), [0; 0]);
    let succeeded = ExecutionFilter { status: Some(Status::Succeeded), ..all.clone() };
    assert_eq!((keys(&succeeded, None, 2), keys(&succeeded, Some(8), 9)), (vec![2, 8], vec![4]));
    let running = ExecutionFilter { status: Some(Status::Running), machine: MachineKey(2), ..all.clone() };
    assert_eq!(keys(&running, None, 4), [19, 17, 15, 13]);
    let of = |arn: &str| ExecutionFilter { qualifier_arn: Some(arn.to_owned()), ..all.clone() };
    assert_eq!((keys(&of(&version), None, 1), keys(&of(&version), Some(10), 5)), (vec![10], vec![20]));
    assert_eq!(keys(&ExecutionFilter { status: Some(Status::Running), ..of(&version) }, None, 5), [20]);
    assert_eq!((keys(&of(&alias), None, 5), keys(&of(&alias.replace("live", "old")), None, 5)), (vec![10, 20], vec![]));
    assert_eq!(keys(&ExecutionFilter { machine: MachineKey(3), ..all.clone() }, None, 5), [0; 0]);
    // A redrive moves one up to its moment, whatever it is listed by.
    let next = store.execution(ExecutionKey(10)).unwrap().unwrap().last_event + 1;
    let mut open = sample::write(10, next, sample::pass_events(next, 1));
    (open.redrive_count, open.redriven) = (1, Some(NOON.plus_seconds(99)));
    put(store, advance(open));
    assert_eq!(keys(&all, None, 3), [10, 2, 8]);
    let redriven = |only| ExecutionFilter { redriven: Some(only), ..all.clone() };
    assert_eq!((keys(&redriven(true), None, 5), keys(&redriven(false), None, 2)), (vec![10], vec![2, 8]));
    assert_eq!(keys(&ExecutionFilter { redriven: Some(true), ..of(&version) }, None, 5), [10]);
    assert_eq!(keys(&ExecutionFilter { status: Some(Status::Running), ..all.clone() }, None, 2), [10, 20]);
}

/// Records are made, replaced, read by name, by prefix and in pages, and removed.
pub fn records_of_the_registry(harness: &mut dyn Harness) {
    let store = harness.store();
    let records = every_record();
    commit(store, records.iter().cloned().map(|record| Write::Put(Box::new(record))).collect()).unwrap();
    for record in &records {
        let found = store.record(record.body.kind(), &record.scope, &record.name).unwrap();
        assert_eq!(found.as_ref(), Some(record));
    }
    let names = |scope: &str, prefix: &str, after: Option<&str>, limit| -> Vec<String> {
        let page = store.records(RecordKind::Activity, scope, prefix, after, limit).unwrap();
        page.iter().map(|record| record.name.to_string()).collect()
    };
    assert_eq!(names("1:a", "", None, 10), ["Z", "a%b", "a_b", "ab", "abc", "b", "é"]);
    assert_eq!(names("1:a", "a", None, 10), ["a%b", "a_b", "ab", "abc"]);
    assert_eq!(names("1:a", "a", Some("a_b"), 1), ["ab"]);
    assert_eq!(names("1:a", "ab", Some("a"), 10), ["ab", "abc"]);
    assert_eq!(names("1:a", "a_", None, 10), ["a_b"]);
    assert_eq!(names("1:b", "", None, 10), ["ab"]);
    assert_eq!(names("1:", "", None, 10), Vec::<String>::new());
    assert_eq!(store.record(RecordKind::Machine, "1:a", "ab").unwrap(), None);

    let mut changed = records[0].clone();
    let RecordBody::Machine(machine) = &mut changed.body else { panic!() };
    machine.next_version = 9;
    put(store, Write::Put(Box::new(changed.clone())));
    assert_eq!(store.record(RecordKind::Machine, &changed.scope, &changed.name).unwrap(), Some(changed));
    let remove = || Write::Remove { kind: RecordKind::Activity, scope: "1:a".into(), name: "ab".into() };
    put(store, remove());
    put(store, remove());
    assert_eq!(names("1:a", "ab", None, 10), ["abc"]);
    assert_eq!(names("1:b", "ab", None, 10), ["ab"]);
}

/// Records of every kind; the first is a machine.
pub fn every_record() -> Vec<Record> {
    let text = |text: &str| std::sync::Arc::<str>::from(text);
    let tags = vec![(text("team"), text("shop")), (text("a"), text(""))];
    let machine = MachineKey(77);
    let body = RecordBody::Machine(MachineRecord {
        key: machine,
        arn: text("arn:aws:states:us-east-1:1:stateMachine:m"),
        name: text("m"),
        express: true,
        created: NOON,
        revision_id: text("r1"),
        next_version: 3,
        deleting: false,
        tags: tags.clone(),
    });
    let mut records = vec![Record { scope: text("1:a"), name: text("m"), body }];
    let body = RecordBody::Revision(RevisionRecord {
        machine,
        revision_id: text("r1"),
        created: NOON,
        definition: text(&format!("{{ \"StartAt\":  \"é\"{} }}", " ".repeat(4000))),
        role_arn: text("role"),
        logging: Some(text("{}")),
        tracing: None,
        encryption: Some(text("{\"type\":\"AWS_OWNED_KEY\"}")),
    });
    records.push(Record { scope: text("1:a"), name: text("000000000000004d/r1"), body });
    let (description, created, number) = (Some(text("first")), NOON, 3);
    let body = RecordBody::Version(VersionRecord { machine, number, revision_id: text("r1"), description, created });
    records.push(Record { scope: text("1:a"), name: text("000000000000004d/0000000003"), body });
    let body = RecordBody::Alias(AliasRecord {
        machine,
        name: text("live"),
        description: None,
        routing: vec![(2, 10), (3, 90)],
        created: NOON,
        updated: NOON.plus_seconds(1),
    });
    records.push(Record { scope: text("1:a"), name: text("000000000000004d/live"), body });
    records.push(Record { scope: text("1:a"), name: text("m/Map:5e0b7b5c"), body: map_run() });
    records.push(Record { scope: text("1:"), name: text("sfn"), body: role() });
    for (scope, name) in
        [("a", "ab"), ("a", "b"), ("a", "a_b"), ("a", "a%b"), ("a", "abc"), ("b", "ab"), ("a", "é"), ("a", "Z")]
    {
        let body = RecordBody::Activity(ActivityRecord {
            arn: text(&format!("arn:aws:states:{scope}:1:activity:{name}")),
            name: text(name),
            created: NOON,
            encryption: None,
            tags: tags.clone(),
        });
        records.push(Record { scope: text(&format!("1:{scope}")), name: text(name), body });
    }
    records
}

fn role() -> RecordBody {
    let text = |text: &str| std::sync::Arc::<str>::from(text);
    RecordBody::Role(RoleRecord {
        arn: text("arn:aws:iam::1:role/service-role/Sfn"),
        name: text("Sfn"),
        id: text("AROAEXAMPLE"),
        path: text("/service-role/"),
        created: NOON,
        trust_policy: text("{ \"Statement\": [] }"),
        description: Some(text("é")),
        session_seconds_max: 3600,
        permissions_boundary: None,
        policies: vec![(text("logs"), text("{}"))],
        attached: vec![text("arn:aws:iam::aws:policy/ReadOnlyAccess")],
        tags: vec![(text("team"), text("shop"))],
    })
}

fn map_run() -> RecordBody {
    RecordBody::MapRun(MapRunRecord {
        children: MachineKey(78),
        arn: "arn:aws:states:us-east-1:1:mapRun:m/Map:5e0b7b5c".into(),
        execution_arn: "arn:aws:states:us-east-1:1:execution:m:e".into(),
        execution: Some(ExecutionKey(1_000_077)),
        state_machine_arn: "arn:aws:states:us-east-1:1:stateMachine:m".into(),
        status: Status::Running,
        started: NOON,
        stopped: None,
        max_concurrency: 40,
        tolerated_count: None,
        tolerated_percentage: Some(2.5),
        counts: MapRunCounts { total: 9, succeeded: 4, failed: 3, timed_out: 2, aborted: 1 },
        redrive_count: 0,
        redriven: None,
    })
}

/// Retention removes closed executions with all they have, and nothing else.
pub fn expiry_removes_everything(harness: &mut dyn Harness) {
    let store = harness.store();
    for key in 1..=6 {
        run(store, &Case::named(key, 1, &format!("n{key}")));
    }
    put(store, sample::start(&Case::named(7, 1, "n7")));
    let stopped = |key| store.execution(ExecutionKey(key)).unwrap().unwrap().stopped.unwrap();
    assert_eq!(store.expire(NOON, 100).unwrap(), 0);
    let mut times: Vec<_> = (1..=6).map(stopped).collect();
    times.sort();
    assert_eq!(store.expire(times[0], 100).unwrap(), 0, "what stopped at this moment stays");
    assert_eq!(store.expire(Timestamp(i64::MAX), 4).unwrap(), 4);
    assert_eq!(store.expire(Timestamp(i64::MAX), 4).unwrap(), 2);
    assert_eq!(store.expire(Timestamp(i64::MAX), 4).unwrap(), 0);
    let all = ExecutionFilter { machine: MachineKey(1), status: None, redriven: None, qualifier_arn: None };
    assert_eq!(store.executions(&all, None, 10).unwrap().len(), 1);
    for key in 1..=6 {
        assert_eq!(store.execution(ExecutionKey(key)).unwrap(), None);
        assert_eq!(all_events(store, key), []);
        assert_eq!(store.execution_named(MachineKey(1), &format!("n{key}")).unwrap(), None);
    }
    assert!(store.load(ExecutionKey(7)).unwrap().is_some());
}

/// Describing gives the row with the first event and, of a closed one, the last; by key and by name.
pub fn describing_reads_both_ends(harness: &mut dyn Harness) {
    let store = harness.store();
    run(store, &Case::named(1, 1, "done"));
    put(store, sample::start(&Case::named(2, 1, "open")));
    let Write::Start { record, write } = sample::start(&Case::named(3, 1, "at-once")) else { panic!("a start") };
    let closed = Some((Status::Failed, NOON.plus_seconds(1)));
    put(store, Write::Start { record, write: Box::new(ExecutionWrite { closed, frames_put: Vec::new(), ..*write }) });
    for (key, name, is_open) in [(1, "done", false), (2, "open", true), (3, "at-once", false)] {
        let record = store.execution(ExecutionKey(key)).unwrap().unwrap();
        let history = all_events(store, key);
        for which in [Which::Key(ExecutionKey(key)), Which::Named(MachineKey(1), name)] {
            let found = store.described(which).unwrap().unwrap();
            assert_eq!((&found.record, found.began.as_ref()), (&record, history.first()));
            assert_eq!(found.ended.as_ref(), history.last().filter(|_| !is_open), "{name}");
        }
    }
    for which in [Which::Key(ExecutionKey(9)), Which::Named(MachineKey(2), "done"), Which::Named(MachineKey(1), "none")]
    {
        assert!(store.described(which).unwrap().is_none(), "{which:?}");
    }
}

/// A closed execution goes on when it is redriven; its history goes on too, and it does not expire while it runs.
pub fn a_redrive_opens_again(harness: &mut dyn Harness) {
    let store = harness.store();
    let [.., third] = run(store, &Case::named(1, 1, "again"));
    let from = third.next_event;
    let mut open = sample::write(1, from, sample::pass_events(from, 1));
    // The frames of a redrive have numbers that none had before, the top level's too.
    let kept = Payload::from_checked_text("[1, 2]");
    let mut below = sample::frame(9, from, Source::Content(0), kept.clone(), Waiting::Nothing);
    below.parent = Some((FrameId(8), 0));
    let top = Waiting::Branches { started_event: 3, open: 1 };
    open.frames_put = vec![sample::frame(8, from, Source::EventInput(1), Payload::default(), top), below];
    (open.contents_put, open.next_frame, open.next_content) = (vec![(0, kept.clone())], 10, 1);
    (open.redrive_count, open.redriven) = (1, Some(NOON.plus_seconds(99)));
    let stale = ExecutionWrite { redrive_count: 0, ..open.clone() };
    refused(store, advance(stale), WriteError::Conflict { next_event: 0 });
    put(store, advance(open.clone()));
    refused(store, advance(open.clone()), WriteError::Conflict { next_event: from + 1 });
    let loaded = store.load(ExecutionKey(1)).unwrap().unwrap();
    let record = &loaded.record;
    assert_eq!((record.status, record.stopped, record.redrive_count), (Status::Running, None, 1));
    assert_eq!((record.redriven, record.last_event), (open.redriven, from));
    assert_eq!((loaded.frames.len(), loaded.next_event), (2, from + 1));
    assert_eq!((loaded.next_frame, loaded.next_content), (10, 1));
    assert_eq!(loaded.frames[&FrameId(9)].input.payload.text(), kept.text());
    let open_now = store.open_executions(None, 10).unwrap().executions;
    assert_eq!(open_now.iter().map(|one| one.frames.len()).collect::<Vec<_>>(), [2]);
    assert_eq!(store.expire(Timestamp(i64::MAX), 10).unwrap(), 0);
    let redriven = ExecutionFilter { machine: MachineKey(1), status: None, redriven: Some(true), qualifier_arn: None };
    assert_eq!(store.executions(&redriven, None, 5).unwrap().len(), 1);

    let mut close = sample::write(1, from + 1, sample::pass_events(from + 1, 1));
    (close.redrive_count, close.redriven) = (1, open.redriven);
    (close.next_frame, close.next_content) = (10, 1);
    close.closed = Some((Status::Failed, NOON.plus_seconds(100)));
    put(store, advance(close));
    let record = store.execution(ExecutionKey(1)).unwrap().unwrap();
    assert_eq!((record.status, record.redrive_count, record.last_event), (Status::Failed, 1, from + 1));
    assert_eq!(all_events(store, 1).len() as u64, from + 1);
}

/// The greatest key stays known when its execution has expired.
pub fn keys_are_never_reused(harness: &mut dyn Harness) {
    assert_eq!(harness.store().last_key().unwrap(), ExecutionKey(0));
    let largest = (1 << 47) - 1;
    run(harness.store(), &Case::numbered(5));
    run(harness.store(), &Case::numbered(largest));
    put(harness.store(), sample::start(&Case::numbered(9)));
    assert_eq!(harness.store().last_key().unwrap(), ExecutionKey(largest));
    assert_eq!(harness.store().expire(Timestamp(i64::MAX), 10).unwrap(), 2);
    assert_eq!(harness.store().last_key().unwrap(), ExecutionKey(largest));
    if harness.reopen() {
        assert_eq!(harness.store().last_key().unwrap(), ExecutionKey(largest));
    }
}

/// The numbers of machines and of Map Runs' children count too: the same sequence gives out all of them.
pub fn machine_keys_are_never_reused(harness: &mut dyn Harness) {
    for (number, record) in every_record().into_iter().filter_map(|record| Some((record.body.machine_key()?.0, record)))
    {
        put(harness.store(), Write::Put(Box::new(record)));
        assert_eq!(harness.store().last_key().unwrap(), ExecutionKey(number));
    }
    run(harness.store(), &Case::numbered(3));
    assert_eq!(harness.store().expire(Timestamp(i64::MAX), 10).unwrap(), 1);
    assert_eq!(harness.store().last_key().unwrap(), ExecutionKey(78));
    if harness.reopen() {
        assert_eq!(harness.store().last_key().unwrap(), ExecutionKey(78));
    }
}

/// What was committed is there after closing and opening again.
pub fn reopening_keeps_everything(harness: &mut dyn Harness) {
    let [first, second, third] = run(harness.store(), &Case::named(1, 1, "done"));
    put(harness.store(), sample::start(&Case::named(2, 1, "open")));
    let records = every_record();
    commit(harness.store(), records.iter().cloned().map(|record| Write::Put(Box::new(record))).collect()).unwrap();
    let open = harness.store().load(ExecutionKey(2)).unwrap();
    for _ in 0..2 {
        if !harness.reopen() {
            return;
        }
        let store = harness.store();
        assert_eq!(all_events(store, 1), [&*first.events, &*second.events, &*third.events].concat());
        assert_eq!(store.load(ExecutionKey(2)).unwrap(), open);
        assert_eq!(store.execution_named(MachineKey(1), "open").unwrap(), Some(ExecutionKey(2)));
        let record = &records[1];
        assert_eq!(store.record(record.body.kind(), &record.scope, &record.name).unwrap().as_ref(), Some(record));
        assert_eq!(store.last_key().unwrap(), ExecutionKey(78), "the Map Run's");
        put(store, Write::Put(Box::new(record.clone())));
    }
}

/// An execution that starts and ends in one commit.
pub fn a_start_may_close_at_once(harness: &mut dyn Harness) {
    let store = harness.store();
    let mut write = sample::write(1, 1, sample::pass_events(1, 8));
    write.closed = Some((Status::Failed, NOON));
    write.frames_put = vec![sample::frame(0, 1, Source::Content(0), Payload::default(), Waiting::Nothing)];
    write.contents_put = vec![(0, Payload::default())];
    write.next_content = 1;
    let record = Box::new(sample::record(&Case::named(1, 1, "short")));
    put(store, Write::Start { record, write: Box::new(write) });
    let record = store.execution(ExecutionKey(1)).unwrap().unwrap();
    assert_eq!((record.status, record.stopped, record.last_event), (Status::Failed, Some(NOON), 8));
    assert_eq!(store.load(ExecutionKey(1)).unwrap(), None);
    assert_eq!(store.open_executions(None, 1).unwrap().executions, []);
    assert_eq!(all_events(store, 1).len(), 8);
}

/// As long a history as AWS allows, in small and large chunks, read in pages; event ids far beyond 65,535 work too.
pub fn a_history_of_25_000_events(harness: &mut dyn Harness) {
    let store = harness.store();
    let mut first = sample::write(1, 1, sample::pass_events(1, 1000));
    first.frames_put = vec![sample::frame(0, 1, Source::EventInput(2), Payload::default(), Waiting::Nothing)];
    put(store, Write::Start { record: Box::new(sample::record(&Case::numbered(1))), write: Box::new(first) });
    let mut from = 1001;
    for size in [2, 100, 2, 2500].into_iter().cycle() {
        let count = (25_001 - from).min(size);
        put(store, advance(sample::write(1, from, sample::pass_events(from, count))));
        from += count;
        if from == 25_001 {
            break;
        }
    }
    let (mut up, mut down, mut next) = (Vec::new(), Vec::new(), 1);
    while next <= 25_000 {
        let page = store.history(ExecutionKey(1), next, false, 1000).unwrap();
        next = page.last().unwrap().id + 1;
        up.extend(page.into_iter().map(|event| event.id));
        let from = down.last().map_or(25_000, |id| id - 1);
        down.extend(store.history(ExecutionKey(1), from, true, 1000).unwrap().into_iter().map(|event| event.id));
    }
    assert_eq!(up, (1..=25_000).collect::<Vec<_>>());
    down.reverse();
    assert_eq!(down, up);
    put(store, advance(sample::write(1, 25_001, sample::pass_events(25_001, 60_000))));
    let group = (85_001..85_101).map(|id| advance(sample::write(1, id, sample::pass_events(id, 1))));
    assert!(commit(store, group.collect()).unwrap().iter().all(Result::is_ok));
    let page = store.history(ExecutionKey(1), 84_999, false, 50).unwrap();
    assert_eq!(page.iter().map(|event| event.id).collect::<Vec<_>>(), (84_999..85_049).collect::<Vec<_>>());
    let page = store.history(ExecutionKey(1), 65_540, true, 10).unwrap();
    assert_eq!(page.iter().map(|event| event.id).collect::<Vec<_>>(), (65_531..=65_540).rev().collect::<Vec<_>>());
}

/// A wide Map: many frames, each with payloads of its own.
pub fn an_execution_of_10_000_frames(harness: &mut dyn Harness) {
    let store = harness.store();
    let payload = |event: u64| Payload::from_checked_text(format!("{{\"event\":{event}}}"));
    let mut first = sample::write(1, 1, sample::pass_events(1, 10_000));
    first.frames_put = (0..10_000_u32)
        .map(|id| {
            let event = u64::from(id) + 1;
            let source = if event % 2 == 0 { Source::EventInput(event) } else { Source::EventOutput(event) };
            sample::frame(id, event, source, payload(event), Waiting::Wait { until: NOON })
        })
        .collect();
    first.frames_put[0].input = sample::full_frame(0, 3, &Payload::default()).input;
    first.contents_put = vec![(3, Payload::default())];
    (first.next_frame, first.next_content) = (10_000, 4);
    let Details::StateExited { .. } = first.events[0].details else { panic!() };
    first.events[0].details = Details::StateEntered { name: "x".into(), input: payload(1) };
    let expected: BTreeMap<_, _> = first.frames_put.iter().map(|frame| (frame.id, frame.clone())).collect();
    put(store, Write::Start { record: Box::new(sample::record(&Case::numbered(1))), write: Box::new(first) });
    let loaded = store.load(ExecutionKey(1)).unwrap().unwrap();
    assert!(loaded.frames == expected);

    let mut next = sample::write(1, 10_001, sample::pass_events(10_001, 1));
    next.frames_removed = (1..5_000).map(FrameId).collect();
    (next.next_frame, next.next_content) = (10_000, 4);
    next.frames_put =
        vec![sample::frame(9_999, 10_001, Source::EventOutput(10_001), payload(10_001), Waiting::Nothing)];
    put(store, advance(next.clone()));
    let loaded = store.load(ExecutionKey(1)).unwrap().unwrap();
    assert_eq!(loaded.frames.len(), 5_001);
    assert_eq!(loaded.frames.get(&FrameId(9_999)), next.frames_put.first());
    let mut close = sample::write(1, 10_002, Vec::new());
    (close.next_frame, close.next_content) = (10_000, 4);
    close.closed = Some((Status::Aborted, NOON));
    put(store, advance(close));
    assert_eq!(store.open_executions(None, 1).unwrap().executions, []);
}

/// A merged write does what its parts do one after the other, in one group or in several.
pub fn merged_writes_leave_what_their_parts_leave(harness: &mut dyn Harness) {
    let store = harness.store();
    for seed in 0..120_u64 {
        let [apart, merged] = [2 * seed + 1, 2 * seed + 2];
        let (first, steps) = random_steps(apart, &mut Dice(seed));
        for key in [apart, merged] {
            let write = Box::new(ExecutionWrite { key: ExecutionKey(key), ..first.clone() });
            put(store, Write::Start { record: Box::new(sample::record(&Case::numbered(key))), write });
        }
        let mut whole = ExecutionWrite { key: ExecutionKey(merged), ..steps[0].clone() };
        for step in &steps[1..] {
            let step = ExecutionWrite { key: ExecutionKey(merged), ..step.clone() };
            assert!(whole.can_merge(&step));
            whole.merge(step);
        }
        put(store, advance(whole.clone()));
        refused_after(store, whole);
        steps.into_iter().for_each(|step| put(store, advance(step)));

        let [one, other] = [apart, merged].map(|key| store.load(ExecutionKey(key)).unwrap());
        assert_eq!(one.is_none(), other.is_none(), "seed {seed}");
        if let (Some(one), Some(other)) = (one, other) {
            assert_eq!(one.frames, other.frames, "seed {seed}");
            let numbers = |stored: &StoredExecution| (stored.next_event, stored.next_frame, stored.next_content);
            assert_eq!(numbers(&one), numbers(&other), "seed {seed}");
        }
        assert_eq!(all_events(store, apart), all_events(store, merged), "seed {seed}");
        let [one, other] = [apart, merged].map(|key| store.execution(ExecutionKey(key)).unwrap().unwrap());
        assert_eq!((one.status, one.stopped, one.last_event), (other.status, other.stopped, other.last_event));
    }
}

/// A write that was applied does not fit a second time.
#[track_caller]
fn refused_after(store: &dyn Store, write: ExecutionWrite) {
    let next_event = if write.closed.is_some() { 0 } else { write.next_event };
    if write.expected_next_event != write.next_event {
        refused(store, advance(write), WriteError::Conflict { next_event });
    }
}

/// A start and two to seven steps that make, change and remove frames and contents; one of three ends the execution.
fn random_steps(key: u64, dice: &mut Dice) -> (ExecutionWrite, Vec<ExecutionWrite>) {
    let input = Payload::from_checked_text("[1]");
    let mut first = sample::write(key, 1, sample::pass_events(1, 3));
    first.events[0].details = Details::StateEntered { name: "x".into(), input: input.clone() };
    first.frames_put = vec![sample::frame(0, 3, Source::EventInput(1), input, Waiting::Nothing)];
    let (mut frames, mut contents): (Vec<u32>, BTreeMap<u32, u32>) = (vec![0], BTreeMap::new());
    let (mut next_event, mut next_frame, mut next_content) = (4, 1, 0);
    let count = 2 + dice.below(6);
    let steps = (0..count).map(|number| {
        let mut step = sample::write(key, next_event, sample::pass_events(next_event, dice.below(4)));
        for _ in 0..dice.below(4) {
            let old = dice.below(2 * frames.len() as u64);
            match frames.get(usize::try_from(old).unwrap()).copied() {
                Some(frame) if frame != 0 && dice.below(2) == 0 => {
                    frames.retain(|kept| *kept != frame);
                    step.frames_put.retain(|put| put.id.0 != frame);
                    step.frames_removed.push(FrameId(frame));
                    remove_content(&mut step, contents.remove(&frame));
                }
                found => {
                    let frame = found.unwrap_or(next_frame);
                    if found.is_none() {
                        next_frame += 1;
                        frames.push(frame);
                    }
                    let payload = Payload::from_checked_text(format!("[{next_content}]"));
                    remove_content(&mut step, contents.insert(frame, next_content));
                    step.contents_put.push((next_content, payload.clone()));
                    step.frames_put.retain(|put| put.id.0 != frame);
                    let source = Source::Content(next_content);
                    step.frames_put.push(sample::frame(frame, number, source, payload, Waiting::Nothing));
                    next_content += 1;
                }
            }
        }
        next_event = step.next_event;
        (step.next_frame, step.next_content) = (next_frame, next_content);
        if number + 1 == count && dice.below(3) == 0 {
            step.closed = Some((Status::Succeeded, NOON));
        }
        step
    });
    let steps = steps.collect();
    (first, steps)
}

fn remove_content(step: &mut ExecutionWrite, number: Option<u32>) {
    let Some(number) = number else { return };
    let before = step.contents_put.len();
    step.contents_put.retain(|(put, _)| *put != number);
    if step.contents_put.len() == before {
        step.contents_removed.push(number);
    }
}

/// Closing waits for what is queued; later commits fail, and closing twice is harmless.
pub fn a_closed_store_refuses(harness: &mut dyn Harness) {
    let store = harness.store();
    let (sender, receiver) = mpsc::channel();
    for key in 1..=20 {
        let sender = sender.clone();
        let group = vec![sample::start(&Case::numbered(key))];
        store.commit(&group, Box::new(move |outcome| sender.send(outcome.is_ok()).unwrap()));
    }
    store.close();
    assert_eq!(receiver.try_iter().filter(|fine| *fine).count(), 20);
    assert!(commit(store, vec![sample::start(&Case::numbered(21))]).is_err());
    store.close();
    if harness.reopen() {
        assert_eq!(harness.store().open_executions(None, 100).unwrap().count(), 20);
    }
}
