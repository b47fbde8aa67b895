//! TestState over HTTP: what the operation adds to the interpreter's part.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may stop where it stands

mod common;

use common::Row;
use stepwell_value::Value;

const PASS: &str = r#"{"Type":"Pass","Next":"Z"}"#;
const PUT_EVENTS: &str =
    r#"{"Type":"Task","Resource":"arn:aws:states:::events:putEvents","Parameters":{"Entries":[]},"End":true}"#;
const UNKNOWN: &str =
    r#"{"Type":"Task","Resource":"arn:aws:states:::aws-sdk:braket:getJob","Parameters":{},"End":true}"#;
const CAUGHT: &str = r#"{"Type":"Task","QueryLanguage":"JSONata","Resource":"arn:aws:states:::aws-sdk:braket:getJob",
    "Arguments":{},"Catch":[{"ErrorEquals":["NoSuchService"],"Output":"{% $states.context.State.Name %}","Next":"H"}],"End":true}"#;
const MACHINE: &str = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Fail","Error":"E"}}}"#;
const ROLE: &str = r#""roleArn":"arn:aws:iam::123456789012:role/r""#;

/// A call of TestState: the definition, the request's other members, status, answer (see [`Row`]).
#[track_caller]
fn check(calls: &[(&str, &str, u16, &'static str)]) {
    let leaked = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    let row = |(definition, more, status, expected): &(&str, &str, u16, &'static str)| {
        let body = format!(r#"{{"definition":{}{more}}}"#, Value::from(*definition));
        ("TestState", leaked(body), *status, *expected)
    };
    common::check(&[("ROLE", ROLE)], &calls.iter().map(row).collect::<Vec<Row>>());
}

#[test]
fn answers() {
    check(&[
        (PASS, "", 200, r#"{"output":"{}","nextState":"Z","status":"SUCCEEDED"}"#),
        (
            PASS,
            r#","input":"[1,  2]","inspectionLevel":"DEBUG","variables":"{\"x\":1}""#,
            200,
            r#"{"output":"[1,  2]","inspectionData":{"input":"[1,  2]","afterInputPath":"[1,  2]","afterParameters":"[1,  2]","afterResultSelector":"[1,  2]","afterResultPath":"[1,  2]","variables":"{\"x\":1}"},"nextState":"Z","status":"SUCCEEDED"}"#,
        ),
        (MACHINE, r#","stateName":"B""#, 200, r#"{"error":"E","status":"FAILED"}"#),
        (
            PUT_EVENTS,
            r#","mock":{"result":"{\"Entries\":[]}"}"#,
            200,
            r#"{"output":"{\"Entries\":[]}","status":"SUCCEEDED"}"#,
        ),
        (
            UNKNOWN,
            r#","mock":{"result":"7","fieldValidationMode":"NONE"}"#,
            200,
            r#"{"output":"7","status":"SUCCEEDED"}"#,
        ),
        // Without a mock the call is made.
        (UNKNOWN, ",ROLE", 200, r#"{"error":"NoSuchService","cause":"as asked","status":"FAILED"}"#),
        (
            CAUGHT,
            r#","inspectionLevel":"TRACE",ROLE"#,
            200,
            r#"{"output":"\"StateName\"","error":"NoSuchService","cause":"as asked","inspectionData":{"input":"{}","afterArguments":"{}","errorDetails":{"catchIndex":0}},"nextState":"H","status":"CAUGHT_ERROR"}"#,
        ),
    ]);
}

#[test]
fn refusals() {
    check(&[
        (MACHINE, r#","stateName":"Z""#, 400, "ValidationException: State not found in definition"),
        (
            r#"{"Type":"Pass"}"#,
            "",
            400,
            "InvalidDefinition: Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: This object should have only one of the following fields: [Next, End] at /States/StateName'",
        ),
        (
            PASS,
            r#","input":"not""#,
            400,
            "InvalidExecutionInput: Invalid State Machine Execution Input: 'Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')'",
        ),
        (
            PASS,
            r#","variables":"[]""#,
            400,
            "ValidationException: Invalid variables provided: variables must be a JSON object",
        ),
        (
            PASS,
            r#","context":"{""#,
            400,
            "ValidationException: Invalid Context object provided: Context object must be valid JSON",
        ),
        (UNKNOWN, "", 400, "ValidationException: RoleArn must be specified when testing a Task state"),
        (
            PUT_EVENTS,
            r#","mock":{"result":"{\"Entries\":7}"}"#,
            400,
            "ValidationException: Mock result schema validation error: Field 'Entries' must be an array",
        ),
        (
            UNKNOWN,
            r#","mock":{"result":"{}"}"#,
            400,
            "ValidationException: Mock result schema validation error: this version of Stepwell does not know what `aws-sdk:braket:getJob` answers, so it cannot check the mock in mode STRICT; set `mock.fieldValidationMode` to NONE",
        ),
        (
            PASS,
            r#","mock":{"result":"{}"}"#,
            400,
            "ValidationException: State type 'Pass' is not supported when a mock is specified",
        ),
    ]);
}
