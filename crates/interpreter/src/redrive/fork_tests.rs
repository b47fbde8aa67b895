//! Tests: executions are forked after every one of their events, and at some with other input or another definition.

use std::sync::Arc;

use stepwell_asl::Definition;
use stepwell_value::{Payload, Timestamp};

use super::fork::{Fork, ForkRefusal, fork};
use super::tests::{Run, Tokens, definition};
use crate::{Details, EventType, Limits, Moment, Status};

/// A fork of `run` at this event, as far as it goes.
fn forked(run: &Run, event: u64, input: Option<&str>, other: Option<&str>) -> Result<Run, ForkRefusal> {
    let other: Option<Definition> = other.map(definition);
    let used = other.as_ref().unwrap_or(&run.definition);
    let mut identity = (*run.execution.identity).clone();
    (identity.name, identity.role_arn, identity.started) = ("fork".into(), "own role".into(), Timestamp(1_000_000));
    let request = Fork {
        identity: Arc::new(identity),
        history: &run.history,
        source: &run.definition,
        event,
        input: input.map(|input| Payload::from_text(input).unwrap()),
    };
    let moment = Moment { now: Timestamp(1_000_000), entropy: 7, outside: &Tokens };
    let (execution, transition) = fork(used, &request, moment, &Limits::AWS)?;
    let mut fork = Run::start(r#"{"StartAt": "S", "States": {"S": {"Type": "Succeed"}}}"#, "{}");
    fork.history.clear();
    fork.due.clear();
    fork.frames.clear();
    fork.contents.clear();
    fork.definition = other.unwrap_or_else(|| run.definition.clone());
    (fork.execution, fork.now, fork.broken) = (execution, Timestamp(1_000_000), false);
    assert!(transition.closed.is_none());
    fork.check_recovery(&transition);
    fork.committed(transition);
    Ok(fork.end())
}

/// What every history has to be: numbered without gaps, each event after the one it follows, …Exited after …Entered.
fn check_legal(run: &Run) {
    let mut entered = 0;
    for (event, number) in run.history.iter().zip(1..) {
        assert_eq!(event.id, number, "{}", run.text(1));
        assert!(event.previous < event.id, "{}", run.text(1));
        assert!(event.at >= Timestamp(1_000_000), "{}", run.text(1));
        match &event.details {
            Details::StateEntered { .. } => entered += 1,
            Details::StateExited { .. } => entered -= 1,
            Details::ExecutionStarted { role_arn, .. } => assert_eq!((number, &**role_arn), (1, "own role")),
            Details::ExecutionRedriven { .. } => panic!("a fork was not redriven: {}", run.text(1)),
            _ => {}
        }
        assert!(entered >= 0, "{}", run.text(1));
    }
    assert_eq!(entered, 0, "{}", run.text(1));
}

fn output(run: &Run) -> String {
    match run.history.last().map(|event| &event.details) {
        Some(Details::Output { output }) => output.text().to_string(),
        _ => panic!("it has not succeeded: {}", run.text(1)),
    }
}

/// Names of the states that were entered after the fork began to run by itself.
fn names(run: &Run, event_type: EventType) -> Vec<String> {
    let of_type = run.history.iter().filter(|event| event.event_type == event_type);
    let name = |details: &Details| match details {
        Details::StateEntered { name, .. } => name.to_string(),
        _ => String::new(),
    };
    of_type.map(|event| name(&event.details)).collect()
}

const LINE: &str = r#"{"StartAt": "A", "States": {
    "A": {"Type": "Pass", "QueryLanguage": "JSONata", "Assign": {"kept": "{% $states.input.n %}"}, "Next": "T"},
    "T": {"Type": "Task", "Resource": "F:fine", "Retry": [{"ErrorEquals": ["States.ALL"]}], "Next": "C"},
    "C": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericGreaterThan": 5, "Next": "Big"}], "Default": "Small"},
    "Big": {"Type": "Pass", "Parameters": {"big.$": "$.n", "kept.$": "$kept"}, "End": true},
    "Small": {"Type": "Pass", "Parameters": {"small.$": "$.n", "kept.$": "$kept"}, "End": true}}}"#;

const FAN: &str = r#"{"StartAt": "P", "States": {
    "P": {"Type": "Parallel", "Next": "Z", "Branches": [
        {"StartAt": "P1", "States": {"P1": {"Type": "Task", "Resource": "F:fine", "Next": "P2"},
            "P2": {"Type": "Wait", "Seconds": 5, "End": true}}},
        {"StartAt": "M", "States": {"M": {"Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 2, "End": true, "ItemProcessor": {
            "StartAt": "I1", "States": {"I1": {"Type": "Pass", "Next": "I2"},
                "I2": {"Type": "Task", "Resource": "F:fine", "End": true}}}}}}]},
    "Z": {"Type": "Pass", "End": true}}}"#;

#[track_caller]
fn check_everywhere(text: &str, input: &str) {
    let run = Run::start(text, input).end();
    assert_eq!(run.execution.status, Status::Succeeded, "{}", run.text(1));
    let (last, whole) = (run.history.len() as u64, output(&run));
    for event in 1..=last {
        match forked(&run, event, None, None) {
            Ok(fork) => {
                check_legal(&fork);
                assert_eq!(output(&fork), whole, "at {event}: {}", fork.text(1));
                assert_eq!(fork.history.len(), run.history.len(), "at {event}: {}", fork.text(1));
            }
            Err(refusal) => {
                assert_eq!(refusal, ForkRefusal::Ended, "at {event}");
                assert!(event + 1 >= last, "at {event}");
            }
        }
    }
    assert_eq!(forked(&run, last + 1, None, None).err(), Some(ForkRefusal::NoSuchEvent));
    assert_eq!(forked(&run, 0, None, None).err(), Some(ForkRefusal::NoSuchEvent));
}

#[test]
fn at_every_event_the_rest_is_done_once_more() {
    check_everywhere(LINE, r#"{"n": 7}"#);
    check_everywhere(FAN, r#"{"items": [1, 2, 3]}"#);
}

#[test]
fn a_failed_execution_is_forked_where_it_failed() {
    let text = FAN.replacen("F:fine", "F:fail", 1);
    let run = Run::start(&text, r#"{"items": [1, 2, 3]}"#).end();
    assert_eq!(run.execution.status, Status::Failed);
    for event in 1..=run.history.len() as u64 {
        let fork = forked(&run, event, None, None).unwrap();
        check_legal(&fork);
        assert_eq!(output(&fork), r#"[{"items": [1, 2, 3]},[1,2,3]]"#, "at {event}: {}", fork.text(1));
        assert!(names(&fork, EventType::ParallelStateFailed).is_empty(), "at {event}: {}", fork.text(1));
    }
}

#[test]
fn a_redriven_execution_is_forked_without_its_redrives() {
    let text = FAN.replacen("F:fine", "F:fail", 1);
    let mut run = Run::start(&text, r#"{"items": [1, 2]}"#).end();
    run.redrive();
    run = run.end();
    run.broken = false;
    run.redrive();
    let run = run.end();
    assert_eq!(run.execution.status, Status::Succeeded);
    for event in 1..run.history.len() as u64 - 1 {
        let fork = forked(&run, event, None, None).unwrap_or_else(|refusal| panic!("at {event}: {refusal}"));
        check_legal(&fork);
        assert_eq!(output(&fork), output(&run), "at {event}: {}", fork.text(1));
    }
}

#[test]
fn other_input_goes_to_the_state_of_the_event() {
    let run = Run::start(LINE, r#"{"n": 7}"#).end();
    #[track_caller]
    fn check(run: &Run, event_type: EventType, input: &str, expected: &str) {
        let event = run.history.iter().find(|event| event.event_type == event_type).unwrap().id;
        let fork = forked(run, event, Some(input), None).unwrap();
        check_legal(&fork);
        assert_eq!(output(&fork), expected, "{}", fork.text(1));
    }
    check(&run, EventType::ExecutionStarted, r#"{"n": 1}"#, r#"{"small":1,"kept":1}"#);
    check(&run, EventType::PassStateEntered, r#"{"n": 2}"#, r#"{"small":2,"kept":2}"#);
    check(&run, EventType::PassStateExited, r#"{"n": 3}"#, r#"{"small":3,"kept":7}"#);
    check(&run, EventType::TaskStateEntered, r#"{"n": 9}"#, r#"{"big":9,"kept":7}"#);
    check(&run, EventType::LambdaFunctionStarted, r#"{"n": 9}"#, r#"{"big":9,"kept":7}"#);
    check(&run, EventType::TaskStateExited, r#"{"n": 4}"#, r#"{"small":4,"kept":7}"#);
    check(&run, EventType::ChoiceStateExited, r#"{"n": 5}"#, r#"{"big":5,"kept":7}"#);
}

#[test]
fn other_input_within_branches() {
    let run = Run::start(FAN, r#"{"items": [1, 2, 3]}"#).end();
    let at = |name: &str, nth: usize| {
        let entered = |details: &Details| matches!(details, Details::StateEntered { name: n, .. } if **n == *name);
        run.history.iter().filter(|event| entered(&event.details)).nth(nth).unwrap().id
    };
    let result = |event, input| {
        forked(&run, event, Some(input), None).map(|fork| {
            check_legal(&fork);
            output(&fork)
        })
    };
    assert_eq!(result(at("I2", 1), "20").unwrap(), r#"[{"items": [1, 2, 3]},[1,20,3]]"#);
    assert_eq!(result(at("P2", 0), "0").unwrap(), r#"[0,[1,2,3]]"#);
    assert_eq!(result(at("M", 0), r#"{"items": [8]}"#).unwrap(), r#"[{"items": [1, 2, 3]},[8]]"#);
    assert_eq!(result(at("P", 0), r#"{"items": []}"#).unwrap(), r#"[{"items": []},[]]"#);
    assert_eq!(result(at("Z", 0), "5").unwrap(), "5");
    let iteration = run.history.iter().find(|event| event.event_type == EventType::MapIterationSucceeded).unwrap().id;
    assert_eq!(result(iteration, "5"), Err(ForkRefusal::BranchEnded));
}

#[test]
fn another_definition_goes_on_from_what_was_done() {
    let run = Run::start(LINE, r#"{"n": 7}"#).end();
    let entered = |name: &str| {
        let of = |details: &Details| matches!(details, Details::StateEntered { name: n, .. } if **n == *name);
        run.history.iter().find(|event| of(&event.details)).unwrap().id
    };
    let other = LINE.replace(r#""big.$": "$.n""#, r#""huge.$": "$.n""#);
    let fork = forked(&run, entered("Big"), None, Some(&other)).unwrap();
    check_legal(&fork);
    assert_eq!(output(&fork), r#"{"huge":7,"kept":7}"#);
    // What comes after a state that was done is the new definition's matter.
    let detour = LINE.replacen(r#""Next": "T""#, r#""Next": "X""#, 1);
    let detour = detour.replacen(r#""T":"#, r#""X": {"Type": "Pass", "Result": {"n": 1}, "Next": "T"}, "T":"#, 1);
    assert_eq!(output(&forked(&run, entered("T") - 1, None, Some(&detour)).unwrap()), r#"{"small":1,"kept":7}"#);
    let longer = LINE.replacen(r#""kept.$": "$kept"}, "End": true"#, r#""kept.$": "$kept"}, "Next": "Small2""#, 1);
    let longer = longer.replacen(r#""Small":"#, r#""Small2": {"Type": "Pass", "End": true}, "Small":"#, 1);
    let at_the_end = run.history.len() as u64;
    assert_eq!(forked(&run, at_the_end, None, None).err(), Some(ForkRefusal::Ended));
    assert!(
        names(&forked(&run, at_the_end, None, Some(&longer)).unwrap(), EventType::PassStateEntered)
            .contains(&"Small2".to_owned())
    );
    let renamed = LINE.replace(r#""T""#, r#""Task""#);
    assert_eq!(forked(&run, entered("T"), None, Some(&renamed)).err(), Some(ForkRefusal::StateMissing("T".into())));
    assert!(forked(&run, entered("Big"), None, Some(&renamed)).is_ok(), "what was done may be named otherwise");
}

#[test]
fn another_definition_within_branches() {
    let run = Run::start(FAN, r#"{"items": [1, 2, 3]}"#).end();
    let started = run.history.iter().find(|event| event.event_type == EventType::MapIterationSucceeded).unwrap().id;
    let one = r#"{"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": true, "Branches": [
        {"StartAt": "P1", "States": {"P1": {"Type": "Pass", "End": true}}}]}}}"#;
    assert_eq!(forked(&run, started, None, Some(one)).err(), Some(ForkRefusal::OtherBranches("P".into())));
    assert_eq!(output(&forked(&run, 2, None, Some(one)).unwrap()), r#"[{"items": [1, 2, 3]}]"#);
    let slower = FAN.replace(r#""Seconds": 5"#, r#""Seconds": 9"#);
    let fork = forked(&run, started, None, Some(&slower)).unwrap();
    check_legal(&fork);
    assert_eq!(output(&fork), output(&run));
}

#[test]
fn a_fork_is_forked_and_redriven() {
    let text = FAN.replacen("F:fine", "F:fail", 1);
    let run = Run::start(&text, r#"{"items": [1, 2, 3]}"#).end();
    let fork = forked(&run, run.history.len() as u64, None, None).unwrap();
    for event in 1..fork.history.len() as u64 - 1 {
        let again = forked(&fork, event, None, None).unwrap_or_else(|refusal| panic!("at {event}: {refusal}"));
        check_legal(&again);
        assert_eq!(output(&again), output(&fork));
    }
}
