//! TestState

use std::sync::Arc;
use std::time::Duration;

use stepwell_asl::definition::Target;
use stepwell_asl::{Definition, Options, StateId, StateKind, aws_message, compile_state};
use stepwell_engine::{Answer as CallAnswer, Handle};
use stepwell_interpreter::test_state::{
    Answer as StateAnswer, Configuration, ErrorDetails, Inspection, Mock, Refusal, Report, Test, Tested, check,
    test_state,
};
use stepwell_interpreter::{Failure, FrameId, Identity, Moment, Outside, TaskRequest};
use stepwell_model::service::{Mismatch, Strictness, check_result};
use stepwell_model::{ApiError, Request};
use stepwell_value::{Number, Payload, Value};

use super::Answer;
use crate::call::Call;
use crate::ids::uuid;
use crate::machines;
use crate::settings::check_role;
use crate::wire::{Shape, count, text};

/// The name of a state that is given alone; AWS's own.
const STATE_NAME: &str = "StateName";
/// How long a test may take; then it fails with States.Timeout. Source: API reference of TestState.
const TEST_MAX: Duration = Duration::from_secs(300);

pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let request = &call.request;
    request.opt_str("roleArn").map_or(Ok(()), check_role)?;
    let (definition, state) = definition(request)?;
    let mock = request.opt_structure("mock");
    let mut test = Test {
        definition: &definition,
        state,
        identity: identity(call),
        input: input(request)?,
        context: context(request)?,
        variables: variables(request)?,
        answer: None,
        configuration: configuration(request),
    };
    let given = mock.as_ref().map(mock_of);
    test.answer =
        check(&test, given.as_ref(), request.has("roleArn"), request.flag("revealSecrets")).map_err(refusal)?;
    if let (Some(mock), Some(StateAnswer::Result(result))) = (&mock, &test.answer) {
        check_fields(&test, mock.opt_str("fieldValidationMode"), result)?;
    }
    let report = report(call.engine(), test).await;
    Ok(answer(&report, request.opt_str("inspectionLevel").unwrap_or("INFO")))
}

/// The definition and the state that is meant: the one in a machine that `stateName` names, or the one given alone.
fn definition(request: &Request) -> Result<(Definition, StateId), ApiError> {
    let text = request.str("definition")?;
    let (definition, name) = match request.opt_str("stateName") {
        Some(name) => (machines::compiled(text, false)?, name),
        None => {
            let compiled = compile_state(text, STATE_NAME, &Options::default());
            let refused = || ApiError::invalid_definition_plain(aws_message(&compiled.diagnostics));
            (compiled.definition.ok_or_else(refused)?, STATE_NAME)
        }
    };
    let state = definition.state_named(name).map(|state| state.id);
    let state = state.ok_or_else(|| ApiError::validation("State not found in definition"))?;
    Ok((definition, state))
}

/// The execution that the context object tells of (recorded: test_base_map_state_inspect).
fn identity(call: &Call<'_>) -> Arc<Identity> {
    let (machine, name) = (uuid(), uuid());
    let scope = call.scope();
    let arn = |kind: &str| format!("arn:aws:states:{}:{}:{kind}", scope.region, scope.account);
    let role = call.request.opt_text("roleArn");
    Arc::new(Identity {
        execution_arn: Arc::from(arn(&format!("express:{machine}:{name}"))),
        name: Arc::from(name),
        state_machine_arn: Arc::from(arn(&format!("stateMachine:{machine}"))),
        state_machine_name: Arc::from(machine),
        version_arn: None,
        alias_arn: None,
        role_arn: role.unwrap_or_else(|| Arc::from(format!("arn:aws:iam::{}:role/TestState", scope.account))),
        region: Arc::from(&*scope.region),
        started: call.engine().now(),
        express: true,
        test_case: None,
    })
}

fn input(request: &Request) -> Result<Payload, ApiError> {
    match request.opt_text("input") {
        None => Ok(Payload::default()),
        Some(text) if text.is_empty() => Err(ApiError::empty_execution_input()),
        Some(text) => Payload::from_text(text).map_err(|error| ApiError::invalid_execution_input(&error.message)),
    }
}

fn context(request: &Request) -> Result<Option<Payload>, ApiError> {
    let parsed = request.opt_text("context").map(Payload::from_text).transpose();
    parsed.map_err(|_| ApiError::validation("Invalid Context object provided: Context object must be valid JSON"))
}

fn variables(request: &Request) -> Result<Option<Payload>, ApiError> {
    let Some(text) = request.opt_text("variables") else { return Ok(None) };
    let parsed = Payload::from_text(text).ok().filter(|variables| variables.value().as_object().is_some());
    let refused = || ApiError::validation("Invalid variables provided: variables must be a JSON object");
    parsed.map(Some).ok_or_else(refused)
}

fn configuration(request: &Request) -> Configuration {
    let Some(given) = request.opt_structure("stateConfiguration") else { return Configuration::default() };
    let count = |name: &str| given.opt_i64(name).and_then(|number| u64::try_from(number).ok());
    Configuration {
        retrier_retry_count: count("retrierRetryCount").map_or(0, |number| u32::try_from(number).unwrap_or(u32::MAX)),
        error_caused_by_state: given.opt_text("errorCausedByState"),
        map_iteration_failure_count: count("mapIterationFailureCount"),
        map_item_reader_data: given.opt_text("mapItemReaderData"),
    }
}

fn mock_of(mock: &Request) -> Mock {
    let failure = |given: Request| Failure { error: given.opt_text("error"), cause: given.opt_text("cause") };
    Mock {
        result: mock.opt_str("result").map(str::to_owned),
        error_output: mock.opt_structure("errorOutput").map(failure),
    }
}

fn refusal(refusal: Refusal) -> ApiError {
    match refusal {
        Refusal::InvalidDefinition(message) => ApiError::invalid_definition_plain(message),
        Refusal::Validation(message) => ApiError::validation(message),
    }
}

/// Checks a mocked result against the API that the Task calls.
fn check_fields(test: &Test<'_>, mode: Option<&str>, result: &Payload) -> Result<(), ApiError> {
    let (mode, strictness) = match mode {
        Some("NONE") => return Ok(()),
        Some("PRESENT") => ("PRESENT", Strictness::Present),
        _ => ("STRICT", Strictness::Strict),
    };
    let StateKind::Task(task) = &test.definition.state(test.state).kind else { return Ok(()) };
    let Target::Integration { service, resource, .. } = &task.resource.target else { return Ok(()) };
    let message = match check_result(service, resource, result.value(), strictness) {
        Ok(()) => return Ok(()),
        Err(Mismatch::Field(message)) => message,
        Err(Mismatch::Unknown) => format!(
            "this version of Stepwell does not know what `{service}:{resource}` answers, so it cannot check the mock in mode {mode}; set `mock.fieldValidationMode` to NONE"
        ),
    };
    Err(ApiError::validation(format!("Mock result schema validation error: {message}")))
}

/// What a test without an execution knows of the outside: nothing. Activities are mocked, so that none has to exist.
struct NoExecution;

impl Outside for NoExecution {
    fn token(&self, _: FrameId, _: u32) -> Arc<str> {
        Arc::from("TestState")
    }
}

/// Runs the test; a call that the state makes is made, and the test run again with its answer.
async fn report(engine: &Handle, mut test: Test<'_>) -> Report {
    let random: String = uuid().chars().filter(char::is_ascii_hexdigit).take(16).collect();
    let entropy = u64::from_str_radix(&random, 16).unwrap_or(0);
    loop {
        let moment = Moment { now: test.identity.started, entropy, outside: &NoExecution };
        match test_state(&test, moment, &engine.config().limits) {
            Tested::Done(report) => return *report,
            Tested::Calls(request) => {
                test.answer = Some(answer_of(engine, *request, Arc::clone(&test.identity)).await);
            }
        }
    }
}

async fn answer_of(engine: &Handle, request: TaskRequest, identity: Arc<Identity>) -> StateAnswer {
    let left = request.timeout.map(|timeout| Duration::from_millis(timeout.millis_since(identity.started)));
    let most = left.map_or(TEST_MAX, |left| left.min(TEST_MAX));
    match tokio::time::timeout(most, engine.call_once(request, identity)).await {
        Ok(CallAnswer::Succeeded(output) | CallAnswer::Submitted(output)) => StateAnswer::Result(output),
        Ok(CallAnswer::Failed(failure, _)) => StateAnswer::Error(failure),
        Err(_) => StateAnswer::Error(Failure::named("States.Timeout")),
    }
}

fn answer(report: &Report, level: &str) -> Value {
    let mut shape = Shape::new()
        .with_some("output", report.output.as_ref().map(payload))
        .with_some("error", report.failure.error.as_ref().map(text))
        .with_some("cause", report.failure.cause.as_ref().map(text));
    if level != "INFO" {
        shape.put("inspectionData", inspection(&report.inspection));
    }
    shape.with_some("nextState", report.next_state.as_ref().map(text)).with("status", report.status.name()).build()
}

fn payload(payload: &Payload) -> Value {
    text(payload.text())
}

fn inspection(data: &Inspection) -> Shape {
    let percentage = data.tolerated_failure_percentage.map(|share| Number::from_literal(&format!("{share:?}")));
    Shape::new()
        .with("input", payload(&data.input))
        .with_some("afterArguments", data.after_arguments.as_ref().map(payload))
        .with_some("afterInputPath", data.after_input_path.as_ref().map(payload))
        .with_some("afterParameters", data.after_parameters.as_ref().map(payload))
        .with_some("result", data.result.as_ref().map(payload))
        .with_some("afterResultSelector", data.after_result_selector.as_ref().map(payload))
        .with_some("afterResultPath", data.after_result_path.as_ref().map(payload))
        .with_some("variables", data.variables.as_ref().map(payload))
        .with_some("errorDetails", data.error_details.as_ref().map(error_details))
        .with_some("afterItemsPath", data.after_items_path.as_ref().map(payload))
        .with_some("afterItemSelector", data.after_item_selector.as_ref().map(payload))
        .with_some("afterItemsPointer", data.after_items_pointer.as_ref().map(payload))
        .with_some("toleratedFailureCount", data.tolerated_failure_count.map(count))
        .with_some("toleratedFailurePercentage", percentage.map(Value::Number))
        .with_some("maxConcurrency", data.max_concurrency.map(count))
}

fn error_details(details: &ErrorDetails) -> Shape {
    let index = |index: usize| count(u64::try_from(index).unwrap_or(u64::MAX));
    Shape::new()
        .with_some("catchIndex", details.catch_index.map(index))
        .with_some("retryIndex", details.retry_index.map(index))
        .with_some("retryBackoffIntervalSeconds", details.retry_backoff_interval_seconds.map(count))
}
