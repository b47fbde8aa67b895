//! Every case is stopped after every one of its events and redriven: frames come of it that can be stored and go on.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stepwell_asl::{Definition, Options, compile};
use stepwell_conformance::{Mode, parse, run};
use stepwell_interpreter::{
    Details, EventType, Execution, Failure, FrameId, HistoryEvent, Identity, Limits, Moment, Outside, Redrive, Source,
    Status, Transition, Waiting, redrive,
};
use stepwell_store::held;
use stepwell_value::Timestamp;

struct Tokens;

impl Outside for Tokens {
    fn token(&self, frame: FrameId, epoch: u32) -> Arc<str> {
        Arc::from(format!("{}-{epoch}", frame.0))
    }
}

fn cases(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            cases(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "case") {
            found.push(path);
        }
    }
}

fn identity() -> Arc<Identity> {
    Arc::new(Identity {
        execution_arn: Arc::from("arn:aws:states:us-east-1:123456789012:execution:case:run"),
        name: Arc::from("run"),
        state_machine_arn: Arc::from("arn:aws:states:us-east-1:123456789012:stateMachine:case"),
        state_machine_name: Arc::from("case"),
        version_arn: None,
        alias_arn: None,
        role_arn: Arc::from("arn:aws:iam::123456789012:role/case"),
        region: Arc::from("us-east-1"),
        started: Timestamp(0),
        express: false,
        test_case: None,
    })
}

/// Cuts a history off after an event, as StopExecution would, and redrives it.
fn cut(definition: &Definition, history: &[HistoryEvent], after: usize) -> (Execution, Transition, Vec<HistoryEvent>) {
    let mut history = history[..after].to_vec();
    history.push(HistoryEvent {
        id: after as u64 + 1,
        previous: 0,
        at: history[after - 1].at,
        event_type: EventType::ExecutionAborted,
        details: Details::Failure(Failure::default()),
    });
    let request = Redrive { identity: identity(), history: &history, redrive_count: 1, client_token: None };
    let moment = Moment { now: history[after].at, entropy: 7, outside: &Tokens };
    let limits = Limits { history_events: None, ..Limits::AWS };
    let (execution, transition) = redrive(definition, &request, moment, &limits).unwrap();
    history.extend(transition.events.iter().cloned());
    (execution, transition, history)
}

/// What must hold of the frames of a redrive.
#[track_caller]
fn check(place: &str, execution: &Execution, transition: &Transition, history: &[HistoryEvent]) {
    assert_eq!(execution.status, Status::Running, "{place}");
    assert_eq!(execution.next_event, history.len() as u64 + 1, "{place}");
    let put: BTreeSet<FrameId> = execution.frames.keys().copied().collect();
    assert_eq!(transition.frames_put, put, "{place}");
    assert_eq!(execution.frames.values().filter(|frame| frame.parent.is_none()).count(), 1, "{place}");
    for (id, frame) in &execution.frames {
        assert!(id.0 > 0 && id.0 < execution.next_frame, "{place}: {id:?}");
        assert!(frame.last_event < execution.next_event, "{place}: {frame:?}");
        if let Some((parent, _)) = frame.parent {
            assert!(parent < *id && execution.frames.contains_key(&parent), "{place}: {frame:?}");
        }
        let below = execution.frames.values().filter(|below| below.parent.is_some_and(|(parent, _)| parent == *id));
        let unfinished = below.filter(|below| !matches!(below.waiting, Waiting::Siblings { .. })).count();
        match &frame.waiting {
            Waiting::Branches { open, .. } | Waiting::Iterations { open, .. } => {
                assert_eq!(*open as usize, unfinished, "{place}: {frame:?}");
            }
            Waiting::Task(_) | Waiting::Wait { .. } => panic!("{place}: {frame:?}"),
            _ => assert_eq!(unfinished, 0, "{place}: {frame:?}"),
        }
    }
    check_payloads(place, execution, transition, history);
}

/// Every payload can be read back from where the frame says it is.
#[track_caller]
fn check_payloads(place: &str, execution: &Execution, transition: &Transition, history: &[HistoryEvent]) {
    let mut frames = execution.frames.clone();
    let stored = |source: Source| match source {
        Source::Content(number) => {
            transition.contents_put.iter().find(|(put, _)| *put == number).map(|(_, payload)| payload.clone())
        }
        Source::EventInput(id) | Source::EventOutput(id) => {
            let event = history.iter().find(|event| event.id == id)?;
            held::payload_of(event, source).cloned()
        }
    };
    let sources = held::sources(frames.values());
    let payloads = sources.into_iter().filter_map(|source| Some((source, stored(source)?))).collect();
    frames.values_mut().for_each(held::strip);
    held::fill(&mut frames, &payloads).unwrap_or_else(|error| panic!("{place}: {error}"));
    assert_eq!(frames, execution.frames, "{place}");
}

#[test]
fn cut_off_anywhere_every_case_can_be_redriven() {
    let mut files = Vec::new();
    cases(&Path::new(env!("CARGO_MANIFEST_DIR")).join("cases"), &mut files);
    let mut cuts = 0;
    for file in files {
        let case = parse(&fs::read_to_string(&file).unwrap()).unwrap();
        let outcome = run(&case, Mode::InMemory).unwrap();
        let compiled = compile(&case.definition, &Options::default());
        let Some(definition) = compiled.definition.filter(|_| !case.express) else { continue };
        let closed = outcome.events.iter().position(|event| event.event_type == EventType::ExecutionSucceeded);
        let last = closed.unwrap_or(outcome.events.len()).min(500);
        for after in 1..=last {
            let place = format!("{}, cut off after event {after}", file.display());
            let (execution, transition, history) = cut(&definition, &outcome.events, after);
            check(&place, &execution, &transition, &history);
            // Redriven once more without having done anything: the same frames, under other numbers.
            let (again, _, _) = cut(&definition, &history, history.len());
            let waiting = |execution: &Execution| -> Vec<Waiting> {
                execution.frames.values().map(|frame| frame.waiting.clone()).collect()
            };
            assert_eq!(waiting(&again), waiting(&execution), "{place}");
            assert!(again.frames.keys().all(|id| id.0 >= execution.next_frame), "{place}");
            cuts += 1;
        }
    }
    assert!(cuts > 1000, "only {cuts} cuts");
}
