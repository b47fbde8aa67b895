//! What is better counted than written down: jitter over many throws, AWS's own history limit, what a case file may not say.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use stepwell_conformance::{Mode, Outcome, parse, run};
use stepwell_interpreter::EventType;

#[track_caller]
fn played(text: &str) -> Outcome {
    run(&parse(text).unwrap(), Mode::InMemory).unwrap()
}

/// The milliseconds from each failed attempt to the next one.
fn delays(outcome: &Outcome) -> Vec<u64> {
    let scheduled = outcome.events.iter().filter(|event| event.event_type == EventType::LambdaFunctionScheduled);
    let moments: Vec<_> = scheduled.map(|event| event.at).collect();
    moments.windows(2).map(|pair| pair[1].millis_since(pair[0])).collect()
}

#[test]
fn full_jitter_stays_below_the_delay_and_is_spread_over_it() {
    let ceilings = [10_000, 20_000, 25_000];
    let mut sums = [0; 3];
    let throws = 2_000;
    for entropy in 0..throws {
        let case = format!(
            r#"definition
  {{"StartAt": "Charge", "States": {{"Charge": {{"Type": "Task", "End": true,
    "Resource": "arn:aws:lambda:us-east-1:123456789012:function:charge",
    "Retry": [{{"ErrorEquals": ["E"], "IntervalSeconds": 10, "MaxDelaySeconds": 25, "JitterStrategy": "FULL"}}]}}}}}}
entropy {entropy}
task Charge
  * fail E
"#
        );
        let delays = delays(&played(&case));
        assert_eq!(delays.len(), 3);
        for (index, delay) in delays.iter().enumerate() {
            assert!(*delay <= ceilings[index], "entropy {entropy}: {delays:?}");
            sums[index] += delay;
        }
    }
    for (sum, ceiling) in sums.iter().zip(ceilings) {
        let (mean, half) = (sum / throws, ceiling / 2);
        assert!(mean > half * 9 / 10 && mean < half * 11 / 10, "a mean of {mean} ms below {ceiling} ms");
    }
}

/// AWS: 24,999 events, then ExecutionFailed.
#[test]
fn the_history_ends_at_25_000_events() {
    let case = r#"definition
  {"StartAt": "Loop", "States": {"Loop": {"Type": "Pass", "Next": "Again"},
    "Again": {"Type": "Choice", "Choices": [{"Variable": "$.done", "IsPresent": true, "Next": "Done"}], "Default": "Loop"},
    "Done": {"Type": "Succeed"}}}
"#;
    let outcome = played(case);
    let last = outcome.events.last().unwrap();
    assert_eq!((last.id, last.previous, last.event_type), (25_000, 24_999, EventType::ExecutionFailed));
    assert_eq!(outcome.status.name(), "FAILED");
}

#[track_caller]
fn refused(text: &str, expected: &str) {
    match parse(text) {
        Ok(_) => panic!("`{text}` is read"),
        Err(error) => assert_eq!(error.to_string(), expected),
    }
}

#[test]
fn what_a_case_may_not_say() {
    refused("", "line 1: there is no section `definition`");
    refused("  {}", "line 1: an indented line before the first section");
    refused("defintion {}", "line 1: `defintion` is no section; see the module `case` for those there are");
    refused("limits size=1", "line 1: `size=1` is no limit; write NAME=NUMBER or NAME=none");
    refused("task A\n  succeed 1", "line 2: an attempt begins with `-`, or `*` for all further ones");
    refused(
        "task A\n  - works",
        "line 2: `works` is no news; there are started, submitted, heartbeat, succeed, echo, fail, never",
    );
    refused("task A\n  - after 5 succeed 1", "line 2: a delay is written `after 5s` or `after 0.25s`");
    refused("task A\n  - fail at night E", "line 2: `night` is no stage; there are schedule, start, submit, timeout");
    refused("stop now", "line 1: a delay is written `after 5s` or `after 0.25s`");
}

#[track_caller]
fn cannot_run(text: &str, expected: &str) {
    match run(&parse(text).unwrap(), Mode::InMemory) {
        Ok(_) => panic!("`{text}` is played"),
        Err(error) => assert_eq!(error.to_string(), expected),
    }
}

#[test]
fn what_cannot_be_played() {
    cannot_run(
        r#"definition {"StartAt": "A", "States": {"A": {"Type": "Pass"}}}"#,
        "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: This object should have only one of the following fields: [Next, End] at /States/A'",
    );
    let definition = r#"definition {"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "End": true}}}"#;
    cannot_run(
        definition,
        "state `A` schedules its task for the 1. time, and the case says nothing about that; add a `-` or `*` line under `task A`",
    );
}
