//! What retention makes of Map Runs, their children and what those run.

use stepwell_interpreter::{Frame, FrameId, Held, MapRunWait, Source, Status, Waiting};
use stepwell_value::{Payload, Timestamp};

use super::open::Part;
use super::{Harness, every_record, map_run, put};
use crate::record::{ExecutionWrite, MapRunRecord, RecordBody};
use crate::sample::{self, Case, Dice, NOON};
use crate::{ExecutionKey, MachineKey, Record, RecordKind, Write};

/// The children of a Map Run stay while it runs; then it goes with the last of them.
pub fn what_a_map_run_needs_does_not_expire(harness: &mut dyn Harness) {
    let store = harness.store();
    let RecordBody::MapRun(mut run) = map_run() else { panic!("no Map Run") };
    let put_run = |run: &MapRunRecord| {
        let (scope, name) = ("1:us-east-1".into(), "m/Map:5e0b7b5c".into());
        put(store, Write::Put(Box::new(Record { scope, name, body: RecordBody::MapRun(run.clone()) })));
    };
    let is_known = || store.record(RecordKind::MapRun, "1:us-east-1", "m/Map:5e0b7b5c").unwrap().is_some();
    let forever = Timestamp(i64::MAX);
    put_run(&run);
    super::run(store, &Case::named(1, run.children.0, "first"));
    super::run(store, &Case::named(2, run.children.0, "second"));
    super::run(store, &Case::named(3, 1, "of a machine"));
    assert_eq!(store.expire(forever, 10).unwrap(), 1, "the children stay");
    assert!(is_known());

    (run.status, run.stopped) = (Status::Succeeded, Some(NOON));
    put_run(&run);
    assert_eq!(store.expire(NOON, 10).unwrap(), 0, "it has ended only now");
    assert_eq!(store.expire(forever, 1).unwrap(), 1);
    assert!(is_known(), "a child is left");
    assert_eq!(store.expire(forever, 10).unwrap(), 1);
    assert!(!is_known());
    if harness.reopen() {
        assert!(
            harness.store().last_key().unwrap() >= ExecutionKey(run.children.0),
            "its number is not given out again"
        );
    }
}

/// With a Map Run goes the revision of its children and no other; one that never had children goes like all others.
pub fn nothing_is_left_of_a_map_run(harness: &mut dyn Harness) {
    let store = harness.store();
    let (RecordBody::MapRun(run), forever) = (map_run(), Timestamp(i64::MAX)) else { panic!("no Map Run") };
    let revision = every_record().into_iter().find(|record| record.body.kind() == RecordKind::Revision).unwrap().body;
    let scope = "1:us-east-1";
    let with_children = |children: u64, stopped| MapRunRecord {
        children: MachineKey(children),
        arn: format!("arn:aws:states:us-east-1:1:mapRun:m/Map:run-{children}").into(),
        stopped,
        ..run.clone()
    };
    let runs = [(70, Some(NOON)), (71, Some(NOON)), (72, None)].map(|(number, stopped)| with_children(number, stopped));
    for run in &runs {
        let name = format!("m/Map:run-{}", run.children.0).into();
        put(store, Write::Put(Box::new(Record { scope: scope.into(), name, body: RecordBody::MapRun(run.clone()) })));
    }
    let names =
        ["0000000000000046/run-70", "0000000000000047/run-71", "0000000000000048/run-72", "0000000000000046/other"];
    for name in &names {
        let (name, body) = ((*name).into(), revision.clone());
        put(store, Write::Put(Box::new(Record { scope: scope.into(), name, body })));
    }
    super::run(store, &Case::named(1, 70, "of the first"));
    let left = || {
        let [mut runs, revisions] = [RecordKind::MapRun, RecordKind::Revision].map(|kind| {
            let records = store.records(kind, scope, "", None, 9).unwrap();
            records.into_iter().map(|record| record.name.to_string()).collect::<Vec<_>>()
        });
        runs.extend(revisions);
        runs
    };
    let all = left();
    assert_eq!((store.expire(NOON, 10).unwrap(), left()), (0, all), "they have ended only now");
    assert_eq!(store.expire(forever, 10).unwrap(), 1);
    let other = ["m/Map:run-72", names[3], names[2]];
    assert_eq!(left(), other, "one runs, and one revision is of none of them");
}

/// A Map Run that is over stays while its execution waits for it, in whichever frame, and from the execution's end until that
/// is removed; with it stay its children and what they ran.
pub fn a_map_run_stays_while_it_may_be_asked_for(harness: &mut dyn Harness) {
    const SCOPE: &str = "1:us-east-1";
    let forever = Timestamp(i64::MAX);
    let RecordBody::MapRun(run) = map_run() else { panic!("no Map Run") };
    let name = |of: u64| format!("m/Map:run-{of}");
    let run_of = |of: u64| MapRunRecord {
        children: MachineKey(70 + of),
        arn: format!("arn:aws:states:us-east-1:1:mapRun:{}", name(of)).into(),
        execution: Some(ExecutionKey(of)),
        stopped: Some(NOON),
        ..run.clone()
    };
    let waits = |of: u64, id: u32, last_event| {
        let inputs = Held { payload: Payload::default(), source: Source::EventInput(1) };
        let wait = Waiting::MapRun(MapRunWait { map_run_arn: run_of(of).arn, ..sample::map_run_wait(inputs) });
        let frame = sample::frame(id, last_event, Source::EventInput(1), Payload::default(), wait);
        Frame { parent: (id > 0).then_some((FrameId(0), 0)), ..frame }
    };
    let mut batches = [1, 2, 3].map(|key| sample::batches(&Case::numbered(key), &mut Dice(key)));
    for (key, [first, ..]) in (1..).zip(&mut batches) {
        // The third waits in a frame below its top one.
        let waiting = waits(key, u32::from(key == 3), first.next_event - 1);
        first.frames_put.retain(|frame| frame.id != waiting.id);
        first.frames_put.push(waiting);
        first.next_frame = 2;
        let record = Box::new(sample::record(&Case::numbered(key)));
        put(harness.store(), Write::Start { record, write: Box::new(first.clone()) });
        let (name, body) = (name(key).into(), RecordBody::MapRun(run_of(key)));
        put(harness.store(), Write::Put(Box::new(Record { scope: SCOPE.into(), name, body })));
        super::run(harness.store(), &Case::named(10 + key, 70 + key, "a child"));
    }
    let left = |harness: &dyn Harness| {
        let is_left = |of: &u64| {
            let run = harness.store().record(RecordKind::MapRun, SCOPE, &name(*of)).unwrap().is_some();
            let child = harness.store().execution(ExecutionKey(10 + of)).unwrap().is_some();
            assert_eq!(run, child, "Map Run {of} and its child");
            run
        };
        [1, 2, 3].into_iter().filter(is_left).collect::<Vec<u64>>()
    };
    harness.reopen();
    assert_eq!((harness.store().expire(forever, 10).unwrap(), left(harness)), (0, vec![1, 2, 3]));

    // The first goes on, the second ends.
    let [[_, on, _], [_, second, end], _] = batches;
    put(harness.store(), Write::Advance(Box::new(ExecutionWrite { next_frame: 2, ..on })));
    assert_eq!((harness.store().expire(forever, 10).unwrap(), left(harness)), (1, vec![2, 3]));
    for write in [second, end] {
        put(harness.store(), Write::Advance(Box::new(ExecutionWrite { next_frame: 2, ..write })));
    }
    assert_eq!((harness.store().expire(NOON, 10).unwrap(), left(harness)), (0, vec![2, 3]));
    assert_eq!((harness.store().expire(forever, 10).unwrap(), left(harness)), (1, vec![2, 3]), "its execution is gone");
    assert_eq!((harness.store().expire(forever, 10).unwrap(), left(harness)), (1, vec![3]));
    if harness.damage(Part::Frame, ExecutionKey(3)) {
        assert_eq!((harness.store().expire(forever, 10).unwrap(), left(harness)), (0, vec![3]), "nobody knows");
    }
}
