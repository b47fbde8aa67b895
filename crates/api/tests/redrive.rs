//! RedriveExecution over HTTP: dates, counts, tokens, lists, histories and refusals.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may stop where it stands

mod common;

use common::Row;

const FAIL: &str = r#""definition":"{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Fail\",\"Error\":\"E\"}}}""#;
const PASS: &str = r#""definition":"{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Pass\",\"End\":true}}}""#;
const WAIT: &str =
    r#""definition":"{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Wait\",\"Seconds\":99,\"End\":true}}}""#;
const MAP: &str = r#""definition":"{\"StartAt\":\"M\",\"States\":{\"M\":{\"Type\":\"Map\",\"Label\":\"L\",\"End\":true,\"ItemProcessor\":{\"ProcessorConfig\":{\"Mode\":\"DISTRIBUTED\",\"ExecutionType\":\"STANDARD\"},\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Fail\"}}}}}}""#;
const ROLE: &str = r#""roleArn":"arn:aws:iam::123456789012:role/r""#;

/// Runs rows on a server of their own, with the names above standing for what they are.
#[track_caller]
fn check(rows: &[Row]) {
    let names = [("FAIL", FAIL), ("PASS", PASS), ("WAIT", WAIT), ("MAP,", &format!("{MAP},")), ("ROLE", ROLE)];
    common::check(&names, rows);
}

#[test]
fn a_failed_execution_goes_on() {
    const ONE: &str = r#"{"executionArn":"A:execution:m:one"}"#;
    check(&[
        (
            "CreateStateMachine",
            r#"{"name":"m",FAIL,ROLE}"#,
            200,
            r#"{"stateMachineArn":"A:stateMachine:m","creationDate":"*"}"#,
        ),
        (
            "StartExecution",
            r#"{"stateMachineArn":"A:stateMachine:m","name":"one"}"#,
            200,
            r#"{"executionArn":"<one>","startDate":"<started>"}"#,
        ),
        ("ended", "<one>", 200, ""),
        (
            "ListExecutions",
            r#"{"stateMachineArn":"A:stateMachine:m","redriveFilter":"REDRIVEN"}"#,
            200,
            r#"{"executions":[]}"#,
        ),
        (
            "RedriveExecution",
            r#"{"executionArn":"<one>","clientToken":"token"}"#,
            200,
            r#"{"redriveDate":"<redriven>"}"#,
        ),
        ("ended", "<one>", 200, ""),
        // The same token: the same redrive, though the execution could be redriven again.
        (
            "RedriveExecution",
            r#"{"executionArn":"<one>","clientToken":"token"}"#,
            200,
            r#"{"redriveDate":"<redriven>"}"#,
        ),
        (
            "DescribeExecution",
            ONE,
            200,
            r#"{"executionArn":"A:execution:m:one","stateMachineArn":"A:stateMachine:m","name":"one","status":"FAILED","startDate":"<started>",
                "stopDate":"*","input":"{}","inputDetails":{"included":true},"error":"E","redriveCount":1,"redriveDate":"<redriven>",
                "redriveStatus":"REDRIVABLE"}"#,
        ),
        (
            "GetExecutionHistory",
            r#"{"executionArn":"<one>","reverseOrder":true,"maxResults":4}"#,
            200,
            r#"{"events":[
                {"timestamp":"*","type":"ExecutionFailed","id":6,"previousEventId":5,"executionFailedEventDetails":{"error":"E"}},
                {"timestamp":"*","type":"FailStateEntered","id":5,"previousEventId":4,
                    "stateEnteredEventDetails":{"name":"A","input":"{}","inputDetails":{"truncated":false}}},
                {"timestamp":"<redriven>","type":"ExecutionRedriven","id":4,"previousEventId":3,
                    "executionRedrivenEventDetails":{"redriveCount":1}},
                {"timestamp":"*","type":"ExecutionFailed","id":3,"previousEventId":2,"executionFailedEventDetails":{"error":"E"}}],
                "nextToken":"*"}"#,
        ),
        (
            "ListExecutions",
            r#"{"stateMachineArn":"A:stateMachine:m","redriveFilter":"REDRIVEN"}"#,
            200,
            r#"{"executions":[{"executionArn":"<one>","stateMachineArn":"A:stateMachine:m","name":"one","status":"FAILED","startDate":"<started>",
                "stopDate":"*","redriveCount":1,"redriveDate":"<redriven>"}]}"#,
        ),
        ("RedriveExecution", ONE, 200, r#"{"redriveDate":"<second>"}"#),
        ("ended", "<one>", 200, ""),
        (
            "RedriveExecution",
            r#"{"executionArn":"<one>","clientToken":"token"}"#,
            200,
            r#"{"redriveDate":"<redriven>"}"#,
        ),
    ]);
}

#[test]
fn what_cannot_be_redriven() {
    check(&[
        ("CreateStateMachine", r#"{"name":"p",PASS,ROLE}"#, 200, r#"{"stateMachineArn":"*","creationDate":"*"}"#),
        ("CreateStateMachine", r#"{"name":"w",WAIT,ROLE}"#, 200, r#"{"stateMachineArn":"*","creationDate":"*"}"#),
        (
            "StartExecution",
            r#"{"stateMachineArn":"A:stateMachine:p","name":"x"}"#,
            200,
            r#"{"executionArn":"<p>","startDate":"*"}"#,
        ),
        (
            "StartExecution",
            r#"{"stateMachineArn":"A:stateMachine:w","name":"x"}"#,
            200,
            r#"{"executionArn":"<w>","startDate":"*"}"#,
        ),
        ("ended", "<p>", 200, ""),
        (
            "RedriveExecution",
            r#"{"executionArn":"<p>"}"#,
            400,
            "ExecutionNotRedrivable: Execution is SUCCEEDED and cannot be redriven",
        ),
        (
            "RedriveExecution",
            r#"{"executionArn":"<w>"}"#,
            400,
            "ExecutionNotRedrivable: Execution is RUNNING and cannot be redriven",
        ),
        ("StopExecution", r#"{"executionArn":"<w>"}"#, 200, r#"{"stopDate":"*"}"#),
        ("RedriveExecution", r#"{"executionArn":"<w>"}"#, 200, r#"{"redriveDate":"*"}"#),
        ("StopExecution", r#"{"executionArn":"<w>"}"#, 200, r#"{"stopDate":"*"}"#),
        (
            "RedriveExecution",
            r#"{"executionArn":"<w>","clientToken":"a b"}"#,
            400,
            "ValidationException: 1 validation error detected: Value 'a b' at 'clientToken' failed to satisfy constraint: Member must satisfy regular expression pattern: [!-~]+",
        ),
        (
            "RedriveExecution",
            r#"{"executionArn":"A:execution:p:none"}"#,
            400,
            "ExecutionDoesNotExist: Execution Does Not Exist: 'A:execution:p:none'",
        ),
        (
            "RedriveExecution",
            r#"{"executionArn":"A:express:p:x:y"}"#,
            400,
            "InvalidArn: Invalid Arn: 'Resource type not valid in this context: express'",
        ),
        ("RedriveExecution", r#"{"executionArn":"x"}"#, 400, "InvalidArn: Invalid Arn: 'Invalid ARN prefix: x'"),
        (
            "StartExecution",
            r#"{"stateMachineArn":"A:stateMachine:w","name":"y"}"#,
            200,
            r#"{"executionArn":"<y>","startDate":"*"}"#,
        ),
        ("DeleteStateMachine", r#"{"stateMachineArn":"A:stateMachine:w"}"#, 200, "{}"),
        (
            "RedriveExecution",
            r#"{"executionArn":"<w>"}"#,
            400,
            "ExecutionNotRedrivable: State machine is in DELETING status",
        ),
    ]);
}

#[test]
fn children_of_a_map_run_are_redriven_with_it() {
    check(&[
        ("CreateStateMachine", r#"{"name":"m",MAP,ROLE}"#, 200, r#"{"stateMachineArn":"*","creationDate":"*"}"#),
        (
            "StartExecution",
            r#"{"stateMachineArn":"A:stateMachine:m","name":"one","input":"[1]"}"#,
            200,
            r#"{"executionArn":"<one>","startDate":"*"}"#,
        ),
        ("ended", "<one>", 200, ""),
        (
            "ListMapRuns",
            r#"{"executionArn":"<one>"}"#,
            200,
            r#"{"mapRuns":[{"executionArn":"<one>","mapRunArn":"<run>","stateMachineArn":"*","startDate":"*","stopDate":"*"}]}"#,
        ),
        (
            "ListExecutions",
            r#"{"mapRunArn":"<run>"}"#,
            200,
            r#"{"executions":[{"executionArn":"<child>","stateMachineArn":"*","name":"<name>","status":"FAILED","startDate":"<s>","stopDate":"*","redriveCount":0,"mapRunArn":"<run>","itemCount":1}]}"#,
        ),
        (
            "DescribeExecution",
            r#"{"executionArn":"<child>","includedData":"METADATA_ONLY"}"#,
            200,
            r#"{"executionArn":"<child>","stateMachineArn":"*","name":"<name>","status":"FAILED","startDate":"<s>","stopDate":"*",
                "inputDetails":{"included":false},"mapRunArn":"<run>","redriveCount":0,"redriveStatus":"REDRIVABLE_BY_MAP_RUN"}"#,
        ),
        (
            "RedriveExecution",
            r#"{"executionArn":"<child>"}"#,
            400,
            "ExecutionNotRedrivable: Execution is a child of a Map Run and is redriven with it; redrive the parent execution instead",
        ),
        ("RedriveExecution", r#"{"executionArn":"<one>"}"#, 200, r#"{"redriveDate":"<date>"}"#),
        ("ended", "<one>", 200, ""),
        (
            "ListExecutions",
            r#"{"mapRunArn":"<run>"}"#,
            200,
            r#"{"executions":[{"executionArn":"<child>","stateMachineArn":"*","name":"<name>","status":"FAILED","startDate":"<s>","stopDate":"*","redriveCount":1,"redriveDate":"*","mapRunArn":"<run>","itemCount":1}]}"#,
        ),
        (
            "DescribeMapRun",
            r#"{"mapRunArn":"<run>"}"#,
            200,
            r#"{"mapRunArn":"<run>","executionArn":"<one>","status":"FAILED","startDate":"*","stopDate":"*","maxConcurrency":0,
                "toleratedFailurePercentage":"*","toleratedFailureCount":0,"itemCounts":"*","executionCounts":"*",
                "redriveCount":1,"redriveDate":"<date>"}"#,
        ),
    ]);
}
