//! TestState over HTTP: what the operation adds to the interpreter's part.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may stop where it stands

mod common;

use common::Row;
use stepwell_value::Value;

const ROWS: &str = include_str!("answers/test_state.txt");
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

/// The rows of `answers/test_state.txt`.
#[test]
fn every_state_parameter_and_member() {
    common::on_a_server(async |server| {
        let mut client = server.client().await;
        let (mut state, mut wrong) = (Value::Null, String::new());
        for line in ROWS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some(definition) = line.strip_prefix("state ") {
                state = Value::from(definition);
                continue;
            }
            let mut parts = line.strip_prefix("call ").unwrap().split(" | ");
            let (call, expected) = (parts.next().unwrap(), parts.next().unwrap());
            for level in ["INFO", "DEBUG", "TRACE"] {
                let (status, answer) = client.call("TestState", &request_of(&state, call, level)).await;
                let got = if status == 200 { parsed(&answer) } else { Value::from(common::told(&answer)) };
                let wanted = Value::parse(expected).unwrap_or_else(|_| Value::from(expected));
                if got != at_level(&wanted, level) {
                    wrong.push_str(&format!("{state}\n{call}\n{level}: {got}\n"));
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong}");
    });
}

/// The request of a row: what is JSON there is text here.
fn request_of(state: &Value, call: &str, level: &str) -> String {
    let call = Value::parse(call).unwrap();
    let text = |value: &Value| Value::from(value.to_json());
    let mut members = vec![("definition".into(), state.clone()), ("inspectionLevel".into(), Value::from(level))];
    if call.get("roleArn").is_none() {
        members.push(("roleArn".into(), Value::from("arn:aws:iam::123456789012:role/r")));
    }
    for (name, value) in call.as_object().unwrap().iter() {
        let value = match (&**name, value.get("result")) {
            ("input" | "context" | "variables", _) => text(value),
            ("mock", Some(result)) => {
                let others = value.as_object().unwrap().iter().filter(|(name, _)| &***name != "result");
                let others = others.map(|(name, value)| (name.clone(), value.clone()));
                Value::object(others.chain([("result".into(), text(result))]))
            }
            _ => value.clone(),
        };
        members.push((name.clone(), value));
    }
    Value::object(members).to_json()
}

/// An answer with its JSON texts read.
fn parsed(answer: &Value) -> Value {
    let read = |value: &Value| value.as_str().map_or_else(|| value.clone(), |text| Value::parse(text).unwrap());
    Value::object(answer.as_object().unwrap().iter().map(|(name, value)| {
        let value = match (&**name, value.as_object()) {
            ("output", _) => read(value),
            ("inspectionData", Some(data)) => {
                Value::object(data.iter().map(|(name, value)| (name.clone(), read(value))))
            }
            _ => value.clone(),
        };
        (name.clone(), value)
    }))
}

/// What of an answer is shown at a level.
fn at_level(answer: &Value, level: &str) -> Value {
    match answer.as_object() {
        Some(members) if level == "INFO" => {
            let shown = members.iter().filter(|(name, _)| &***name != "inspectionData");
            Value::object(shown.map(|(name, value)| (name.clone(), value.clone())))
        }
        _ => answer.clone(),
    }
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
