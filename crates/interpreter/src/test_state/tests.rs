//! Tests: rows of a state, a call and what it reports.

use std::sync::Arc;

use stepwell_asl::{Definition, Options, compile, compile_state};
use stepwell_value::{Number, Payload, Timestamp, Value};

use super::{Answer, Configuration, Inspection, Mock, Refusal, Report, Test, Tested, check, test_state};
use crate::{Failure, FrameId, Identity, Limits, Moment, Outside};

struct Nothing;

impl Outside for Nothing {
    fn token(&self, _: FrameId, _: u32) -> Arc<str> {
        Arc::from("token")
    }
}

fn identity() -> Arc<Identity> {
    Arc::new(Identity {
        execution_arn: "arn:x:express:m:e".into(),
        name: "e".into(),
        state_machine_arn: "arn:x:stateMachine:m".into(),
        state_machine_name: "m".into(),
        version_arn: None,
        alias_arn: None,
        role_arn: "role".into(),
        region: "r".into(),
        started: Timestamp(0),
        express: true,
        test_case: None,
    })
}

fn single(state: &str) -> Definition {
    let compiled = compile_state(state, "StateName", &Options::default());
    compiled.definition.unwrap_or_else(|| panic!("{:?}", compiled.diagnostics))
}

fn payload(text: &str) -> Payload {
    Payload::from_text(text).unwrap()
}

/// A test of the state `StateName` with `{"a": 1}` as input and the members of `call`: `input`, `context`, `variables`
/// (JSON), `result` (JSON), `error`, `cause`, and the members of `stateConfiguration`.
fn test<'a>(definition: &'a Definition, call: &Value) -> (Test<'a>, Option<Mock>) {
    let json = |name: &str| call.get(name).map(|value| payload(&value.to_json()));
    let text = |name: &str| call.get(name).and_then(Value::as_str).map(Arc::from);
    let number = |name: &str| call.get(name).and_then(Value::as_i64).map(i64::unsigned_abs);
    let failure = Failure { error: text("error"), cause: text("cause") };
    let result = call.get("result").map(|result| result.as_str().map_or_else(|| result.to_json(), str::to_owned));
    let mock = Mock { result, error_output: Some(failure).filter(|failure| *failure != Failure::default()) };
    let state = definition.state_named(call.get("stateName").and_then(Value::as_str).unwrap_or("StateName")).unwrap();
    let test = Test {
        definition,
        state: state.id,
        identity: identity(),
        input: json("input").unwrap_or_else(|| payload(r#"{"a": 1}"#)),
        context: json("context"),
        variables: json("variables"),
        answer: None,
        configuration: Configuration {
            retrier_retry_count: u32::try_from(number("retrierRetryCount").unwrap_or(0)).unwrap(),
            error_caused_by_state: text("errorCausedByState"),
            map_iteration_failure_count: number("mapIterationFailureCount"),
            map_item_reader_data: text("mapItemReaderData"),
        },
    };
    (test, Some(mock).filter(|mock| *mock != Mock::default()))
}

fn run(test: &Test<'_>) -> Tested {
    test_state(test, Moment { now: Timestamp(0), entropy: 1, outside: &Nothing }, &Limits::AWS)
}

/// A report as one JSON object: status, output, error, cause, nextState, and the inspection data under their names.
fn shown(report: &Report) -> Value {
    let Inspection { input: _, error_details, .. } = &report.inspection;
    let data = &report.inspection;
    let payload = |payload: &Option<Payload>| payload.as_ref().map(|payload| payload.value().clone());
    let text = |text: &Option<Arc<str>>| text.clone().map(Value::String);
    let number = |number: Option<u64>| number.map(|number| Value::from(i64::try_from(number).unwrap()));
    let index = |index: Option<usize>| number(index.map(|index| u64::try_from(index).unwrap()));
    let details = error_details.unwrap_or_default();
    let members = [
        ("status", Some(Value::from(report.status.name()))),
        ("output", payload(&report.output)),
        ("error", text(&report.failure.error)),
        ("cause", text(&report.failure.cause)),
        ("nextState", text(&report.next_state)),
        ("afterArguments", payload(&data.after_arguments)),
        ("afterInputPath", payload(&data.after_input_path)),
        ("afterParameters", payload(&data.after_parameters)),
        ("result", payload(&data.result)),
        ("afterResultSelector", payload(&data.after_result_selector)),
        ("afterResultPath", payload(&data.after_result_path)),
        ("variables", payload(&data.variables)),
        ("catchIndex", index(details.catch_index)),
        ("retryIndex", index(details.retry_index)),
        ("retryBackoffIntervalSeconds", number(details.retry_backoff_interval_seconds)),
        ("afterItemsPath", payload(&data.after_items_path)),
        ("afterItemSelector", payload(&data.after_item_selector)),
        ("afterItemsPointer", payload(&data.after_items_pointer)),
        ("toleratedFailureCount", number(data.tolerated_failure_count)),
        ("toleratedFailurePercentage", data.tolerated_failure_percentage.and_then(Number::from_f64).map(Value::Number)),
        ("maxConcurrency", number(data.max_concurrency)),
    ];
    Value::object(members.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))))
}

/// Tests a state with the members of `call`; `expected` has all members of the report (see [`shown`]).
#[track_caller]
fn row(state: &str, call: &str, expected: &str) {
    row_of(&single(state), call, expected);
}

#[track_caller]
fn row_of(definition: &Definition, call: &str, expected: &str) {
    let call = Value::parse(call).unwrap();
    let (mut test, mock) = test(definition, &call);
    test.answer = check(&test, mock.as_ref(), true, false).unwrap();
    let Tested::Done(report) = run(&test) else { panic!("it calls") };
    let (found, expected) = (shown(&report), Value::parse(expected).unwrap());
    assert_eq!(found, expected, "\n found {found}\nwanted {expected}");
}

/// A call that is refused with this message (or `InvalidDefinition: ` and the message).
#[track_caller]
fn refused(state: &str, call: &str, expected: &str) {
    let definition = single(state);
    let call = Value::parse(call).unwrap();
    let (test, mock) = test(&definition, &call);
    let flag = |name: &str| call.get(name).and_then(Value::as_bool);
    let outcome = check(&test, mock.as_ref(), flag("role") != Some(false), flag("revealSecrets") == Some(true));
    let message = match outcome {
        Ok(_) => String::new(),
        Err(Refusal::Validation(message)) => message,
        Err(Refusal::InvalidDefinition(message)) => format!("InvalidDefinition: {message}"),
    };
    assert_eq!(message, expected);
}

const LAMBDA: &str =
    r#"{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"F.$":"$.a"},"End":true}"#;
const PARALLEL: &str = r#"{"Type":"Parallel","InputPath":"$.p","ResultPath":"$.r","Branches":[
    {"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}},{"StartAt":"B","States":{"B":{"Type":"Pass","End":true}}}],"End":true}"#;

/// A Distributed Map in JSONata over `$states.input.v`, with further fields.
fn map(more: &str) -> String {
    format!(
        r#"{{"Type":"Map","QueryLanguage":"JSONata","Items":"{{% $states.input.v %}}","ItemProcessor":{{
            "ProcessorConfig":{{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"}},"StartAt":"I",
            "States":{{"I":{{"Type":"Pass","End":true}}}}}},"End":true{more}}}"#
    )
}

#[test]
fn states_that_call_nothing() {
    // recorded: test_base_inspection_level_debug, test_base_inspection_level_trace
    row(
        r#"{"Type":"Pass","End":true}"#,
        "{}",
        r#"{"status":"SUCCEEDED","output":{"a":1},"afterInputPath":{"a":1},"afterParameters":{"a":1},"afterResultSelector":{"a":1},"afterResultPath":{"a":1}}"#,
    );
    row(
        r#"{"Type":"Pass","InputPath":"$.a","Parameters":{"x":2},"Result":{"k":3},"ResultPath":"$.m","Next":"Z"}"#,
        "{}",
        r#"{"status":"SUCCEEDED","output":{"a":1,"m":{"k":3}},"nextState":"Z","result":{"k":3},"afterResultSelector":{"k":3},"afterResultPath":{"a":1,"m":{"k":3}}}"#,
    );
    row(r#"{"Type":"Succeed"}"#, "{}", r#"{"status":"SUCCEEDED","output":{"a":1},"afterInputPath":{"a":1}}"#);
    row(
        r#"{"Type":"Fail","Error":"E","Cause":"C"}"#,
        "{}",
        r#"{"status":"FAILED","error":"E","cause":"C","afterInputPath":{"a":1}}"#,
    );
    row(
        r#"{"Type":"Fail","QueryLanguage":"JSONata","Error":"{% 'E' & $states.input.a %}"}"#,
        "{}",
        r#"{"status":"FAILED","error":"E1"}"#,
    );
    row(
        r#"{"Type":"Choice","Choices":[{"Variable":"$.a","NumericEquals":1,"Next":"One"}],"Default":"Other"}"#,
        "{}",
        r#"{"status":"SUCCEEDED","output":{"a":1},"nextState":"One","afterInputPath":{"a":1}}"#,
    );
    // A wait takes no time here.
    row(
        r#"{"Type":"Wait","SecondsPath":"$.a","Next":"Z"}"#,
        "{}",
        r#"{"status":"SUCCEEDED","output":{"a":1},"nextState":"Z","afterInputPath":{"a":1}}"#,
    );
}

#[test]
fn variables() {
    row(
        r#"{"Type":"Pass","QueryLanguage":"JSONata","Output":"{% $x + $states.input.a %}","Assign":{"y":"{% $x * 2 %}"},"End":true}"#,
        r#"{"variables":{"x":20}}"#,
        r#"{"status":"SUCCEEDED","output":21,"variables":{"x":20,"y":40}}"#,
    );
    row(
        r#"{"Type":"Succeed","QueryLanguage":"JSONata"}"#,
        r#"{"variables":{"x":20}}"#,
        r#"{"status":"SUCCEEDED","output":{"a":1},"variables":{"x":20}}"#,
    );
}

#[test]
fn mocked_tasks() {
    row(
        LAMBDA,
        r#"{"result":"{\"p\": 7}"}"#,
        r#"{"status":"SUCCEEDED","output":{"p":7},"afterInputPath":{"a":1},"afterParameters":{"F":1},"result":{"p":7},"afterResultSelector":{"p":7},"afterResultPath":{"p":7}}"#,
    );
    let jsonata = r#"{"Type":"Task","QueryLanguage":"JSONata","Resource":"arn:aws:states:::lambda:invoke","Arguments":{"F":2},
        "Output":"{% $states.result.p %}","End":true}"#;
    row(
        jsonata,
        r#"{"result":{"p":7}}"#,
        r#"{"status":"SUCCEEDED","output":7,"afterArguments":{"F":2},"result":{"p":7}}"#,
    );
    // A callback's token comes from the context object, or is made up.
    let callback = r#"{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage.waitForTaskToken","Parameters":{"T.$":"$$.Task.Token"},"ResultPath":null,"End":true}"#;
    let expected = |token: &str| {
        format!(
            r#"{{"status":"SUCCEEDED","output":{{"a":1}},"afterInputPath":{{"a":1}},"afterParameters":{{"T":"{token}"}},"result":1,"afterResultSelector":1,"afterResultPath":{{"a":1}}}}"#
        )
    };
    row(callback, r#"{"result":1}"#, &expected("token"));
    row(callback, r#"{"result":1,"context":{"Task":{"Token":"mine"}}}"#, &expected("mine"));
}

#[test]
fn a_task_without_mock_calls() {
    let definition = single(LAMBDA);
    let (mut test, _) = test(&definition, &Value::empty_object());
    let Tested::Calls(request) = run(&test) else { panic!("it does not call") };
    assert_eq!(request.parameters.text().as_ref(), r#"{"F":1}"#);
    test.answer = Some(Answer::Error(Failure::named("E")));
    let Tested::Done(report) = run(&test) else { panic!("it calls again") };
    assert_eq!((report.status.name(), report.failure.name()), ("FAILED", "E"));
}

#[test]
fn retry_and_catch() {
    let task = |more: &str| {
        format!(
            r#"{{"Type":"Task","QueryLanguage":"JSONata","Resource":"arn:aws:states:::lambda:invoke","Arguments":{{"F":2}},"End":true{more}}}"#
        )
    };
    let retry = r#","Retry":[{"ErrorEquals":["Other"]},{"ErrorEquals":["E"],"IntervalSeconds":1,"MaxAttempts":5,"BackoffRate":2.0}]"#;
    let catch = r#","Catch":[{"ErrorEquals":["Other"],"Next":"X"},{"ErrorEquals":["States.TaskFailed"],"Output":"{% $states.errorOutput %}","Assign":{"v":"{% $states.context.State.RetryCount %}"},"Next":"H"}]"#;
    // recorded: test_state_configuration_retrier_retry_count
    let failed = |status: &str, details: &str| {
        format!(r#"{{"status":"{status}","error":"E","cause":"C","afterArguments":{{"F":2}}{details}}}"#)
    };
    let call = |count: u32| format!(r#"{{"error":"E","cause":"C","retrierRetryCount":{count}}}"#);
    row(&task(""), &call(0), &failed("FAILED", ""));
    row(&task(retry), &call(4), &failed("RETRIABLE", r#","retryIndex":1,"retryBackoffIntervalSeconds":16"#));
    row(&task(retry), &call(5), &failed("FAILED", r#","retryIndex":1"#));
    let caught = r#","output":{"Error":"E","Cause":"C"},"nextState":"H","variables":{"v":5},"catchIndex":1"#;
    row(&task(catch), &call(5), &failed("CAUGHT_ERROR", caught));
    row(&task(&format!("{retry}{catch}")), &call(5), &failed("CAUGHT_ERROR", &format!(r#"{caught},"retryIndex":1"#)));
    // States.Runtime is neither retried nor caught.
    let runtime = r#"{"status":"FAILED","error":"States.Runtime","cause":"C","afterArguments":{"F":2}}"#;
    row(
        &task(r#","Catch":[{"ErrorEquals":["States.ALL"],"Next":"X"}]"#),
        r#"{"error":"States.Runtime","cause":"C"}"#,
        runtime,
    );
}

#[test]
fn parallel() {
    // recorded: test_io_parallel_state_mock_success
    row(
        PARALLEL,
        r#"{"input":{"p":1},"result":[3,4]}"#,
        r#"{"status":"SUCCEEDED","output":{"p":1,"r":[3,4]},"afterResultSelector":[3,4],"afterResultPath":{"p":1,"r":[3,4]}}"#,
    );
    row(PARALLEL, r#"{"input":{"p":1},"error":"E"}"#, r#"{"status":"FAILED","error":"E"}"#);
}

#[test]
fn maps() {
    let call = |more: &str| format!(r#"{{"input":{{"v":["x","y"]}},"result":[0,1]{more}}}"#);
    // recorded: test_base_map_state_inspect, test_map_state_failure_count
    row(&map(""), &call(""), r#"{"status":"SUCCEEDED","output":[0,1],"maxConcurrency":0}"#);
    row(
        &map(r#","MaxConcurrency":"{% $n := 7 %}","ToleratedFailureCount":1,"ToleratedFailurePercentage":"{% 2.5 %}""#),
        &call(r#","mapIterationFailureCount":0"#),
        r#"{"status":"SUCCEEDED","output":[0,1],"toleratedFailureCount":1,"toleratedFailurePercentage":2.5,"maxConcurrency":7}"#,
    );
    row(
        &map(""),
        &call(r#","mapIterationFailureCount":2"#),
        r#"{"status":"SUCCEEDED","output":[0,1],"maxConcurrency":0}"#,
    );
    let exceeded = r#"{"status":"FAILED","error":"States.ExceedToleratedFailureThreshold","cause":"The specified tolerated failure threshold was exceeded","#;
    let fails = |field: &str, shown: &str| {
        let expected = format!(r#"{exceeded}"{shown},"maxConcurrency":0}}"#);
        row(&map(&format!(r#","{field}"#)), &call(r#","mapIterationFailureCount":1"#), &expected);
    };
    fails(r#"ToleratedFailureCount":0"#, r#"toleratedFailureCount":0"#);
    fails(r#"ToleratedFailurePercentage":49"#, r#"toleratedFailurePercentage":49"#);
    row(
        &map(r#","ItemSelector":{"i":"{% $states.context.Map.Item.Index %}"}"#),
        &call(r#","context":{}"#),
        r#"{"status":"SUCCEEDED","output":[0,1],"afterItemSelector":[{"i":0},{"i":1}],"maxConcurrency":0}"#,
    );
}

#[test]
fn maps_in_jsonpath() {
    let map = |items: &str| {
        format!(
            r#"{{"Type":"Map","ItemsPath":"{items}","MaxConcurrency":1,"ItemSelector":{{"v.$":"$$.Map.Item.Value"}},
            "ItemProcessor":{{"StartAt":"I","States":{{"I":{{"Type":"Pass","End":true}}}}}},"End":true}}"#
        )
    };
    // recorded: test_state_map_context_object
    let context = r#""context":{"Execution":{"Input":{"v":["c","d"]}}}"#;
    row(
        &map("$$.Execution.Input.v"),
        &format!(r#"{{"result":[8,9],{context}}}"#),
        r#"{"status":"SUCCEEDED","output":[8,9],"afterInputPath":{"a":1},"afterResultSelector":[8,9],"afterResultPath":[8,9],"afterItemsPath":["c","d"],"afterItemSelector":[{"v":"c"},{"v":"d"}],"maxConcurrency":1}"#,
    );
    row(
        &map("$$"),
        &format!(r#"{{"result":[8,9],{context}}}"#),
        r#"{"status":"FAILED","error":"States.Runtime","cause":"Reference path \"$\" must point to array.","afterInputPath":{"a":1}}"#,
    );
    row(
        &map("$.none"),
        r#"{"input":{"none":[]},"result":[]}"#,
        r#"{"status":"SUCCEEDED","output":[],"afterInputPath":{"none":[]},"afterResultSelector":[],"afterResultPath":[],"afterItemsPath":[],"afterItemSelector":[],"maxConcurrency":1}"#,
    );
}

#[test]
fn items_are_spelled_as_they_were_found() {
    let definition = single(
        r#"{"Type":"Map","ItemsPath":"$.v","ItemProcessor":{"StartAt":"I","States":{"I":{"Type":"Pass","End":true}}},"End":true}"#,
    );
    let (mut test, _) = test(&definition, &Value::empty_object());
    test.input = payload(r#"{"w": 1, "v": ["x",  "y"]}"#);
    test.answer = Some(Answer::Result(payload("[1,  2]")));
    let Tested::Done(report) = run(&test) else { panic!("it calls") };
    assert_eq!(report.inspection.after_items_path.unwrap().text().as_ref(), r#"["x",  "y"]"#);
    assert_eq!(report.output.unwrap().text().as_ref(), "[1,  2]");
}

#[test]
fn a_state_of_a_machine() {
    let machine = r#"{"StartAt":"M","States":{"M":{"Type":"Map","ItemReader":{"Resource":"arn:aws:states:::s3:getObject",
        "ReaderConfig":{"InputType":"JSON","ItemsPointer":"/d"},"Parameters":{"Bucket":"b","Key":"k"}},"ToleratedFailurePercentage":50,
        "ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"I",
        "States":{"I":{"Type":"Pass","Result":1,"Next":"J"},"J":{"Type":"Succeed"}}},"End":true}}}"#;
    let definition = compile(machine, &Options::default()).definition.unwrap();
    row_of(
        &definition,
        r#"{"stateName":"I"}"#,
        r#"{"status":"SUCCEEDED","output":1,"nextState":"J","result":1,"afterResultSelector":1,"afterResultPath":1}"#,
    );
    row_of(
        &definition,
        r#"{"stateName":"M","result":[4,5],"mapItemReaderData":"{\"d\":[1,2]}","mapIterationFailureCount":1}"#,
        r#"{"status":"SUCCEEDED","output":[4,5],"afterInputPath":{"a":1},"afterResultSelector":[4,5],"afterResultPath":[4,5],"afterItemsPointer":[1,2],"toleratedFailurePercentage":50,"maxConcurrency":0}"#,
    );
}

#[test]
fn refusals() {
    let pass = r#"{"Type":"Pass","End":true}"#;
    let writer =
        map(r#","ResultWriter":{"Resource":"arn:aws:states:::s3:putObject","Arguments":{"Bucket":"b","Prefix":"p"}}"#);
    let sync = r#"{"Type":"Task","Resource":"arn:aws:states:::states:startExecution.sync","End":true}"#;
    // recorded: test_state_mock_validation, test_test_state_mock_scenarios, test_test_state_scenarios
    refused(
        LAMBDA,
        r#"{"result":1,"revealSecrets":true}"#,
        "TestState does not support RevealSecrets when a mock is specified.",
    );
    refused(LAMBDA, r#"{"result":"not JSON"}"#, "Mocked result must be valid JSON");
    refused(
        LAMBDA,
        r#"{"result":1,"error":"E"}"#,
        "A test mock should have only one of the following fields: [result, errorOutput].",
    );
    refused(LAMBDA, r#"{"role":false}"#, "RoleArn must be specified when testing a Task state");
    refused(LAMBDA, r#"{"role":false,"result":1}"#, "");
    refused(pass, r#"{"result":1}"#, "State type 'Pass' is not supported when a mock is specified");
    refused(&map(""), r#"{"result":{}}"#, "Mocked result must be an array.");
    refused(&writer, r#"{"result":[]}"#, "Mocked result must be a JSON object.");
    refused(&writer, r#"{"result":{}}"#, "");
    refused(PARALLEL, r#"{"result":{}}"#, "Mocked result must be an array.");
    refused(
        PARALLEL,
        r#"{"result":[1]}"#,
        "Mocked result must contain the same number of items as number of Parallel branches.",
    );
    let unsupported = "InvalidDefinition: TestState API does not support Map or Parallel states. Supported state types include: [Task, Wait, Pass, Succeed, Fail, Choice]";
    refused(PARALLEL, "{}", unsupported);
    refused(
        &map(""),
        r#"{"mapIterationFailureCount":0}"#,
        "TestState does not support MapIterationFailureCount when a mock is not specified.",
    );
    refused(
        &map(""),
        r#"{"mapIterationFailureCount":3,"result":[1,1]}"#,
        "Map iteration failure count must be less than or equal to the number of Map iterations",
    );
    refused(&map(""), r#"{"error":"E","errorCausedByState":"I"}"#, "");
    refused(&map(""), r#"{"error":"E","errorCausedByState":"StateName"}"#, "State not found in definition");
    refused(
        sync,
        "{}",
        "InvalidDefinition: TestState API does not support Activity tasks or the '.sync' and '.waitForTaskToken' service integration patterns unless a mock is specified",
    );
}

#[test]
fn context_objects() {
    #[track_caller]
    fn context(context: &str, expected: &str) {
        let expected =
            if expected.is_empty() { String::new() } else { format!("Invalid Context object provided: {expected}") };
        refused(LAMBDA, &format!(r#"{{"result":1,"context":{context}}}"#), &expected);
    }
    // recorded: test_state_context_object
    context("{}", "");
    context(r#"{"Execution":{},"State":{},"StateMachine":{}}"#, "");
    context(r#"{"Execution":{"Id":1}}"#, "Execution.Id must be a string");
    context(r#"{"Pokedex":{}}"#, "Field 'Pokedex' is not allowed");
    context(r#"{"Execution":{"pokemon":1}}"#, "Field 'pokemon' is not allowed");
    context(r#"{"Map":{}}"#, "'Map' field is not supported when mocking a Context object");
    context(
        r#"{"Task":{"Token":"t"}}"#,
        "Context object contains 'Task' when state is not a Task state with a '.sync' or '.waitForTaskToken' service integration pattern",
    );
    context(r#"{"State":{"RetryCount":"1"}}"#, "State.RetryCount must be a number");
    context("[]", "Context object must be a JSON object");
}
