//! Stepwell's own operations over HTTP: ForkExecution and DescribeLineage.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may stop where it stands

mod common;

use common::Row;

const TWO: &str = r#"{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Pass\",\"Next\":\"B\"},\"B\":{\"Type\":\"Fail\",\"Error\":\"E\"}}}"#;
const MENDED: &str =
    r#"{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Pass\",\"Next\":\"B\"},\"B\":{\"Type\":\"Succeed\"}}}"#;
const OTHER: &str = r#"{\"StartAt\":\"X\",\"States\":{\"X\":{\"Type\":\"Succeed\"}}}"#;
const MAP: &str = r#"{\"StartAt\":\"M\",\"States\":{\"M\":{\"Type\":\"Map\",\"Label\":\"L\",\"End\":true,\"ItemProcessor\":{\"ProcessorConfig\":{\"Mode\":\"DISTRIBUTED\",\"ExecutionType\":\"STANDARD\"},\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Succeed\"}}}}}}"#;
const ROLE: &str = "arn:aws:iam::123456789012:role/r";

#[track_caller]
fn check(rows: &[Row]) {
    let names = [("TWO", TWO), ("MENDED", MENDED), ("OTHER", OTHER), ("MAP", MAP), ("ROLE", ROLE)];
    common::check(&names, rows);
}

#[test]
fn a_failed_execution_is_forked_with_a_mended_definition() {
    check(&[
        (
            "CreateStateMachine",
            r#"{"name":"m","definition":"TWO","roleArn":"ROLE"}"#,
            200,
            r#"{"stateMachineArn":"*","creationDate":"*"}"#,
        ),
        (
            "StartExecution",
            r#"{"stateMachineArn":"A:stateMachine:m","name":"one","input":"1"}"#,
            200,
            r#"{"executionArn":"<one>","startDate":"*"}"#,
        ),
        ("ended", "<one>", 200, ""),
        (
            "Stepwell.ForkExecution",
            r#"{"executionArn":"<one>","eventId":4,"name":"two","definition":"MENDED","input":"{\"n\": 2}"}"#,
            200,
            r#"{"executionArn":"<two>","startDate":"<started>","forkedFrom":{"executionArn":"<one>","eventId":4}}"#,
        ),
        ("ended", "<two>", 200, ""),
        (
            "DescribeExecution",
            r#"{"executionArn":"<two>"}"#,
            200,
            r#"{"executionArn":"A:execution:m:two","stateMachineArn":"A:stateMachine:m","name":"two","status":"SUCCEEDED","startDate":"<started>",
                "stopDate":"*","input":"1","inputDetails":{"included":true},"output":"{\"n\": 2}","outputDetails":{"included":true},
                "redriveCount":0,"redriveStatus":"NOT_REDRIVABLE","redriveStatusReason":"*"}"#,
        ),
        (
            "GetExecutionHistory",
            r#"{"executionArn":"<two>","includeExecutionData":false}"#,
            200,
            r#"{"events":[
                {"timestamp":"<started>","type":"ExecutionStarted","id":1,"previousEventId":0,"executionStartedEventDetails":{"roleArn":"ROLE"}},
                {"timestamp":"*","type":"PassStateEntered","id":2,"previousEventId":0,"stateEnteredEventDetails":{"name":"A"}},
                {"timestamp":"*","type":"PassStateExited","id":3,"previousEventId":2,"stateExitedEventDetails":{"name":"A"}},
                {"timestamp":"*","type":"SucceedStateEntered","id":4,"previousEventId":3,"stateEnteredEventDetails":{"name":"B"}},
                {"timestamp":"*","type":"SucceedStateExited","id":5,"previousEventId":4,"stateExitedEventDetails":{"name":"B"}},
                {"timestamp":"*","type":"ExecutionSucceeded","id":6,"previousEventId":5,"executionSucceededEventDetails":{}}]}"#,
        ),
        (
            "DescribeStateMachineForExecution",
            r#"{"executionArn":"<two>"}"#,
            200,
            r#"{"stateMachineArn":"A:stateMachine:m","name":"m","definition":"MENDED","roleArn":"ROLE","updateDate":"*","revisionId":"*",
                "loggingConfiguration":"*","tracingConfiguration":"*","encryptionConfiguration":"*"}"#,
        ),
        // The machine itself is as it was.
        (
            "DescribeStateMachine",
            r#"{"stateMachineArn":"A:stateMachine:m"}"#,
            200,
            r#"{"stateMachineArn":"A:stateMachine:m","name":"m","status":"ACTIVE","definition":"TWO","roleArn":"ROLE","type":"STANDARD",
                "creationDate":"*","loggingConfiguration":"*","tracingConfiguration":"*","encryptionConfiguration":"*"}"#,
        ),
        (
            "Stepwell.ForkExecution",
            r#"{"executionArn":"<two>","eventId":1,"name":"three"}"#,
            200,
            r#"{"executionArn":"<three>","startDate":"*","forkedFrom":{"executionArn":"<two>","eventId":1}}"#,
        ),
        (
            "Stepwell.DescribeLineage",
            r#"{"executionArn":"<three>"}"#,
            200,
            r#"{"executionArn":"<three>","forkedFrom":{"executionArn":"<two>","eventId":1},
                "ancestors":[{"executionArn":"<two>","eventId":1},{"executionArn":"<one>","eventId":4}]}"#,
        ),
        ("Stepwell.DescribeLineage", r#"{"executionArn":"<one>"}"#, 200, r#"{"executionArn":"<one>","ancestors":[]}"#),
    ]);
}

#[test]
fn what_cannot_be_forked() {
    check(&[
        (
            "CreateStateMachine",
            r#"{"name":"m","definition":"TWO","roleArn":"ROLE"}"#,
            200,
            r#"{"stateMachineArn":"*","creationDate":"*"}"#,
        ),
        (
            "CreateStateMachine",
            r#"{"name":"w","definition":"MAP","roleArn":"ROLE"}"#,
            200,
            r#"{"stateMachineArn":"*","creationDate":"*"}"#,
        ),
        (
            "StartExecution",
            r#"{"stateMachineArn":"A:stateMachine:m","name":"one"}"#,
            200,
            r#"{"executionArn":"<one>","startDate":"*"}"#,
        ),
        (
            "StartExecution",
            r#"{"stateMachineArn":"A:stateMachine:w","name":"all","input":"[1]"}"#,
            200,
            r#"{"executionArn":"<all>","startDate":"*"}"#,
        ),
        ("ended", "<one>", 200, ""),
        ("ended", "<all>", 200, ""),
        (
            "Stepwell.ForkExecution",
            r#"{"eventId":0,"name":""}"#,
            400,
            "ValidationException: 3 validation errors detected: Value null at 'executionArn' failed to satisfy constraint: Member must not be null; Value '0' at 'eventId' failed to satisfy constraint: Member must have value greater than or equal to 1; Value '' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ),
        (
            "Stepwell.ForkExecution",
            r#"{"executionArn":"<one>x","eventId":1}"#,
            400,
            "ExecutionDoesNotExist: Execution Does Not Exist: 'A:execution:m:onex'",
        ),
        (
            "Stepwell.ForkExecution",
            r#"{"executionArn":"<one>","eventId":6}"#,
            400,
            "ValidationException: eventId: the execution has no event of this id",
        ),
        (
            "Stepwell.ForkExecution",
            r#"{"executionArn":"<one>","eventId":2,"input":"{"}"#,
            400,
            "InvalidExecutionInput: Invalid State Machine Execution Input: 'Unexpected end-of-input: was expecting double-quote to start field name'",
        ),
        (
            "Stepwell.ForkExecution",
            r#"{"executionArn":"<one>","eventId":4,"definition":"OTHER"}"#,
            400,
            "ExecutionNotForkable: The execution cannot be forked: the new definition has no state 'B' at this place, where the execution has to go on; choose an earlier event, or keep the state",
        ),
        (
            "Stepwell.ForkExecution",
            r#"{"executionArn":"<one>","eventId":1,"name":"one"}"#,
            400,
            "ExecutionAlreadyExists: Execution Already Exists: 'A:execution:m:one'",
        ),
        (
            "ListMapRuns",
            r#"{"executionArn":"<all>"}"#,
            200,
            r#"{"mapRuns":[{"mapRunArn":"<run>","executionArn":"<all>","stateMachineArn":"*","startDate":"*","stopDate":"*"}]}"#,
        ),
        (
            "ListExecutions",
            r#"{"mapRunArn":"<run>"}"#,
            200,
            r#"{"executions":[{"executionArn":"<child>","stateMachineArn":"*","name":"*","status":"SUCCEEDED","startDate":"*","stopDate":"*","mapRunArn":"<run>","itemCount":1,"redriveCount":0}]}"#,
        ),
        (
            "Stepwell.ForkExecution",
            r#"{"executionArn":"<child>","eventId":1}"#,
            400,
            "ExecutionNotForkable: The execution cannot be forked: it is a child of a Map Run; fork the parent execution instead",
        ),
        ("Stepwell.Unheard", r#"{}"#, 400, "UnknownOperationException:"),
        ("ListExecutions", r#"{"stateMachineArn":"A:stateMachine:m"}"#, 200, r#"{"executions":["*"]}"#),
    ]);
}
