//! The mock configuration of Step Functions Local, over the built server: test cases, attempts, patterns, changes, restarts.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop where it stands")]

mod support;

use std::path::Path;

use stepwell_value::Value;
use support::{Ended, Server, text};

/// Services that Stepwell need not have: everything here is mocked.
const DEFINITIONS: &[(&str, &str)] = &[
    (
        "retry",
        r#"{"StartAt": "Call", "States": {"Call": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:ec2:describeInstances",
            "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxDelaySeconds": 1, "MaxAttempts": 5, "BackoffRate": 1}],
            "End": true}}}"#,
    ),
    (
        "map",
        r#"{"StartAt": "Each", "States": {"Each": {"Type": "Map", "ItemProcessor": {"StartAt": "Call", "States": {
            "Call": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:getObject", "End": true}}}, "End": true}}}"#,
    ),
    (
        "sync",
        r#"{"StartAt": "Job", "States": {"Job": {"Type": "Task", "Resource": "arn:aws:states:::batch:submitJob.sync",
            "Parameters": {"JobName": "j", "JobDefinition": "d", "JobQueue": "q"},
            "Catch": [{"ErrorEquals": ["States.TaskFailed"], "Next": "Caught"}], "End": true},
            "Caught": {"Type": "Pass", "End": true}}}"#,
    ),
    (
        "hybrid",
        r#"{"StartAt": "Mocked", "States": {
            "Mocked": {"Type": "Task", "Resource": "arn:aws:states:::dynamodb:getItem", "Parameters": {"TableName": "t", "Key": {}},
                "OutputPath": "$.Item", "Next": "Real"},
            "Real": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sfn:listStateMachines", "End": true}}}"#,
    ),
    (
        "quick",
        r#"{"StartAt": "Call", "States": {
            "Call": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:getObject", "Next": "Again"},
            "Again": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "Done"}], "Default": "Call"},
            "Done": {"Type": "Succeed"}}}"#,
    ),
    (
        "held",
        r#"{"StartAt": "First", "States": {
            "First": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:getObject", "Next": "Wait"},
            "Wait": {"Type": "Wait", "Seconds": 2, "Next": "Again"},
            "Again": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "Done"}], "Default": "First"},
            "Done": {"Type": "Succeed"}}}"#,
    ),
];

const CONFIG: &str = "[mock]\nconfig = \"mock.json\"\n[state_machines.quick]\ntype = \"EXPRESS\"\n";

const MOCK: &str = r#"{
    "StateMachines": {
        "retry": {"TestCases": {"Happy": {"Call": "Once"}, "Retry": {"Call": "Later"}, "Short": {"Call": "Short"}}},
        "map": {"TestCases": {"Items": {"Call": "Items"}}},
        "sync": {"TestCases": {"Done": {"Job": "Once"}, "Fails": {"Job": "Fails"}}},
        "hybrid": {"TestCases": {"Hybrid": {"Mocked": "Item"}}},
        "quick": {"TestCases": {"Loop": {"Call": "Items"}}},
        "held": {"TestCases": {"Counts": {"First": "Items"}}}
    },
    "MockedResponses": {
        "Once": {"0": {"Return": {"n": 1}}},
        "Later": {"0": {"Throw": {"Error": "A", "Cause": "a"}}, "1-2": {"Throw": {"Error": "B"}}, "3": {"Return": "done"}},
        "Short": {"0": {"Throw": {"Error": "A"}}},
        "Items": {"0": {"Return": {"n": 0}}, "1": {"Return": {"n": 1}}, "2": {"Return": {"n": 2}}},
        "Fails": {"0": {"Throw": {"Error": "States.TaskFailed", "Cause": "the job"}}},
        "Item": {"0": {"Return": {"Item": {"id": 7}}}}
    }
}"#;

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, definition) in DEFINITIONS {
        std::fs::write(folder.path().join(format!("{name}.asl.json")), definition).unwrap();
    }
    std::fs::write(folder.path().join("mock.json"), MOCK).unwrap();
    std::fs::write(folder.path().join("stepwell.toml"), CONFIG).unwrap();
    folder
}

fn serve(folder: &Path) -> Server {
    Server::start(&["dev", &folder.display().to_string(), "--ephemeral"])
}

fn start(server: &Server, machine: &str, input: &str) -> Ended {
    server.run(&["exec", "start", machine, "--input", input, "--wait"])
}

#[track_caller]
fn check(server: &Server, machine: &str, input: &str, output: &str) {
    let ended = start(server, machine, input).code(0);
    assert_eq!(Value::parse(&ended.out).unwrap(), Value::parse(output).unwrap(), "{machine}");
}

/// The types of the events of a machine's newest execution.
fn types(server: &Server, machine: &str) -> Vec<String> {
    let list = server.json(&["exec", "list", machine]);
    let newest = text(&list.get("executions").unwrap().as_array().unwrap()[0], "executionArn").to_owned();
    let history = server.json(&["exec", "history", &newest]);
    let events = history.get("events").unwrap().as_array().unwrap().clone();
    events.iter().map(|event| text(event, "type").to_owned()).collect()
}

#[test]
fn test_cases_answer_from_the_file() {
    let folder = folder();
    let server = serve(folder.path());
    check(&server, "retry#Happy", "{}", r#"{"n": 1}"#);
    check(&server, "retry#Retry", "{}", "\"done\"");
    let scheduled = types(&server, "retry").iter().filter(|name| *name == "TaskScheduled").count();
    assert_eq!(scheduled, 4);
    // States.Runtime is neither retried nor caught.
    start(&server, "retry#Short", "{}").code(1).says(&[
        "States.Runtime",
        "no response for attempt 1 of state 'Call'",
        "`MockedResponses.Short` covers 0",
    ]);
    check(&server, "map#Items", r#"[1, 2, 3]"#, r#"[{"n": 0}, {"n": 1}, {"n": 2}]"#);
    check(&server, "sync#Done", "{}", r#"{"n": 1}"#);
    let job = ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"];
    assert_eq!(types(&server, "sync")[2..6], job);
    check(&server, "sync#Fails", "{}", r#"{"Error": "States.TaskFailed", "Cause": "the job"}"#);
    let listed = start(&server, "hybrid#Hybrid", "{}").code(0);
    assert!(listed.out.contains("stateMachine:hybrid"), "{listed:?}");
    check(&server, "quick#Loop", "{}", r#"{"n": 1}"#);
    check(&server, "quick#Loop", "{}", r#"{"n": 1}"#);
    start(&server, "map#", "[1]").code(1).says(&["IntegrationNotAvailable"]);
    server.stop();
}

#[test]
fn what_is_missing_is_named() {
    let folder = folder();
    let mut server = serve(folder.path());
    let missing = "`StateMachines.retry.TestCases` has no `Hapy`; it has `Happy`, `Retry`, `Short`";
    start(&server, "retry#Hapy", "{}").code(1).says(&["ValidationException", "mock.json", missing]);
    let file = folder.path().join("mock.json");
    std::fs::write(&file, "{\"StateMachines\": {\"retry\": 1}}").unwrap();
    check(&server, "retry#Happy", "{}", r#"{"n": 1}"#);
    server.process.wait_for("mock.json:1:29: `StateMachines.retry` has to be an object; the one before stays in force");
    std::fs::write(&file, MOCK.replace("Happy", "Glad").replace("\"n\": 1", "\"n\": 8")).unwrap();
    check(&server, "retry#Glad", "{}", r#"{"n": 8}"#);
    start(&server, "retry#Happy", "{}").code(1).says(&["ValidationException"]);
    server.stop();
}

#[test]
fn the_test_case_and_its_attempts_survive_a_restart() {
    let folder = folder();
    let data = folder.path().join("data").display().to_string();
    let arguments = ["dev", &folder.path().display().to_string(), "--data", &data];
    let mut server = Server::start(&arguments);
    let started = server.json(&["exec", "start", "held#Counts"]);
    let arn = text(&started, "executionArn").to_owned();
    support::until("the first wait", || types(&server, "held").contains(&"WaitStateEntered".to_owned()).then_some(()));
    server.process.signal("KILL");
    server.process.end();
    let server = Server::start(&arguments);
    let ended = support::until("the end", || {
        let described = server.json(&["exec", "describe", &arn]);
        (text(&described, "status") != "RUNNING").then_some(described)
    });
    // The second attempt, counted on from before the restart, gives n = 1.
    assert_eq!([text(&ended, "status"), text(&ended, "output")], ["SUCCEEDED", r#"{"n":1}"#]);
    server.stop();
}
