//! Tasks that call Step Functions itself: `states:startExecution` in its four patterns, and `aws-sdk:sfn:*`.

use std::time::Duration;

use sha2::{Digest, Sha256};
use stepwell_asl::definition::{Pattern, Target};
use stepwell_engine::{Answer, BoxFuture, Call, Cancelled, Handle, Scope, registry};
use stepwell_interpreter::{FailedStage, Failure, Progress};
use stepwell_model::Operation;
use stepwell_store::{Error, ExecutionKey};
use stepwell_value::{Payload, Value};
use tokio::task::JoinHandle;

use crate::ids::{http_date, request_id};
use crate::sdk;

/// How long a start waits when the server cannot take it now.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// Our own API, called from within: the same operations, checks and errors as over HTTP.
pub trait StepFunctionsApi: Send + Sync + 'static {
    /// Performs an operation (`StartExecution`) for an account and region.
    fn call(&self, scope: Scope, operation: &str, input: Value) -> BoxFuture<'static, Result<Value, ServiceError>>;
}

/// An error of a service, as its API gives it.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceError {
    /// `StateMachineDoesNotExist`
    pub code: String,
    /// The message.
    pub message: String,
    /// The HTTP status.
    pub status: u16,
}

/// `states:startExecution`: request-response, `.sync`, `.sync:2`, `.waitForTaskToken`.
pub(crate) async fn start_execution(api: &dyn StepFunctionsApi, engine: &Handle, call: &Call) -> Answer {
    let pattern = match &call.request.resource.target {
        Target::Integration { pattern, .. } => *pattern,
        _ => Pattern::RequestResponse,
    };
    let submitted = match &call.request.submitted {
        Some(before) => before.clone(),
        None => match start(api, engine, call, pattern).await {
            Ok(output) => output,
            Err(error) => return failed("StepFunctions", &error),
        },
    };
    match pattern {
        Pattern::RequestResponse => Answer::Succeeded(submitted),
        Pattern::WaitForTaskToken => Answer::Submitted(submitted),
        Pattern::Sync | Pattern::Sync2 => {
            call.reporter.report(Progress::Submitted { output: submitted.clone() });
            wait_for_end(api, engine, call, &submitted, pattern).await
        }
    }
}

/// Starts the execution. One that gets no name gets one made of the task's token, so that a call that is made again after
/// a restart starts nothing twice; when the execution that was started before has ended by then, it is still the one.
async fn start(
    api: &dyn StepFunctionsApi,
    engine: &Handle,
    call: &Call,
    pattern: Pattern,
) -> Result<Payload, ServiceError> {
    let mut parameters = sdk_parameters(call.request.parameters.value());
    let is_named = parameters.get("name").is_some();
    if !is_named {
        parameters = with_member(&parameters, "name", Value::from(name_of(&call.token)));
    }
    let scope = Scope::of_arn(&call.identity.state_machine_arn);
    let refused = loop {
        let starting = api.call(scope.clone(), "StartExecution", parameters.clone());
        let answer = match pattern {
            Pattern::Sync | Pattern::Sync2 => {
                let engine = engine.clone();
                let late: Late<_> = Box::new(|answer| Box::pin(stop_started(engine, answer)));
                Lasting::begin(starting, call.cancelled.clone(), late).answer().await
            }
            Pattern::RequestResponse | Pattern::WaitForTaskToken => starting.await,
        };
        match answer {
            Ok(answer) => return Ok(sdk_output(&answer)),
            // The store does not take writes now (a full disk), or cannot be read: that is trouble of the server, not of the workflow.
            Err(error) if error.status >= 500 => tokio::time::sleep(AGAIN_AFTER).await,
            Err(error) => break error,
        }
    };
    let may_be_ours = refused.code == "ExecutionAlreadyExists" && (call.request.repeated || !is_named);
    match may_be_ours {
        true => started_before(api, call, &parameters, refused).await,
        false => Err(refused),
    }
}

/// The answer of a start that was made before a restart; `refused` when the execution of that name is another one.
async fn started_before(
    api: &dyn StepFunctionsApi,
    call: &Call,
    parameters: &Value,
    refused: ServiceError,
) -> Result<Payload, ServiceError> {
    // Execution Already Exists: 'ARN'
    let Some(arn) = refused.message.split('\'').nth(1) else { return Err(refused) };
    let scope = Scope::of_arn(&call.identity.state_machine_arn);
    let input = Value::object([("executionArn", Value::from(arn))]);
    let description = loop {
        match api.call(scope.clone(), "DescribeExecution", input.clone()).await {
            Ok(description) => break description,
            Err(error) if error.status >= 500 => tokio::time::sleep(AGAIN_AFTER).await,
            Err(_) => return Err(refused),
        }
    };
    let parsed = |value: Option<&Value>| value.and_then(Value::as_str).and_then(|text| Value::parse(text).ok());
    let given = parsed(parameters.get("input")).unwrap_or_else(Value::empty_object);
    if parsed(description.get("input")) != Some(given) {
        return Err(refused);
    }
    let answer = ["executionArn", "startDate"].map(|name| (name, description.get(name).cloned().unwrap_or_default()));
    Ok(sdk_output(&Value::object(answer)))
}

/// The parameters as the API takes them: `Input` may be any JSON; null and nothing are an empty object.
fn sdk_parameters(parameters: &Value) -> Value {
    let members = parameters.as_object().map(|map| map.iter()).into_iter().flatten();
    Value::object(members.map(|(key, value)| match (&**key, value) {
        ("Input", Value::String(_)) => ("input".to_owned(), value.clone()),
        ("Input", Value::Null) => ("input".to_owned(), Value::from("{}")),
        ("Input", other) => ("input".to_owned(), Value::from(other.to_json())),
        (key, value) => {
            let mut letters = key.chars();
            let first = letters.next().map(|first| first.to_ascii_lowercase());
            (first.into_iter().chain(letters).collect(), value.clone())
        }
    }))
}

fn with_member(object: &Value, name: &str, value: Value) -> Value {
    let members = object.as_object().map(|map| map.iter()).into_iter().flatten();
    let members = members.map(|(key, value)| (key.to_string(), value.clone()));
    Value::object(members.chain([(name.to_owned(), value)]))
}

/// A name like a UUID, the same for the same token.
fn name_of(token: &str) -> String {
    let digest = Sha256::digest(token.as_bytes());
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-4{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

/// Waits for the end of the started execution and gives its description.
async fn wait_for_end(
    api: &dyn StepFunctionsApi,
    engine: &Handle,
    call: &Call,
    submitted: &Payload,
    pattern: Pattern,
) -> Answer {
    let Some(arn) = submitted.value().get("ExecutionArn").and_then(Value::as_str) else {
        return Answer::failed(Failure::new("States.TaskFailed", "the started execution has no ARN"));
    };
    let key = loop {
        match key_of(engine, arn) {
            Ok(key) => break key,
            Err(error) => {
                tracing::warn!(arn, %error, "the started execution cannot be read; its task waits");
                tokio::time::sleep(AGAIN_AFTER).await;
            }
        }
    };
    if let Some(key) = key {
        let nested = Nested { engine: engine.clone(), key, cancelled: call.cancelled.clone() };
        engine.ended(key).await;
        drop(nested);
    }
    let scope = Scope::of_arn(&call.identity.state_machine_arn);
    let input = Value::object([("executionArn", Value::from(arn))]);
    loop {
        match api.call(scope.clone(), "DescribeExecution", input.clone()).await {
            Ok(description) => return ended(&description, pattern),
            // What was started is damaged, or cannot be read: that, too, is trouble of the server.
            Err(error) if error.status >= 500 => tokio::time::sleep(AGAIN_AFTER).await,
            Err(error) => return failed("StepFunctions", &error),
        }
    }
}

/// What is done with an answer that nobody waits for any more.
type Late<T> = Box<dyn FnOnce(T) -> BoxFuture<'static, ()> + Send>;

/// A call whose answer must not be lost: it goes on when the task is given up.
struct Lasting<T: Send + 'static> {
    /// None when it is answered.
    call: Option<JoinHandle<T>>,
    cancelled: Cancelled,
    late: Option<Late<T>>,
}

impl<T: Send + 'static> Lasting<T> {
    fn begin(call: BoxFuture<'static, T>, cancelled: Cancelled, late: Late<T>) -> Lasting<T> {
        Lasting { call: Some(tokio::spawn(call)), cancelled, late: Some(late) }
    }

    async fn answer(mut self) -> T {
        let answer = match &mut self.call {
            Some(call) => call.await,
            None => return std::future::pending().await, // there is one until it is answered
        };
        self.call = None;
        match answer {
            Ok(answer) => answer,
            // So does the task, which the engine knows how to deal with.
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => std::future::pending().await, // the runtime ends
        }
    }
}

impl<T: Send + 'static> Drop for Lasting<T> {
    fn drop(&mut self) {
        let (Some(call), Some(late)) = (self.call.take(), self.late.take()) else { return };
        if let Some(runtime) = tokio::runtime::Handle::try_current().ok().filter(|_| self.cancelled.is_set()) {
            runtime.spawn(async move {
                if let Ok(answer) = call.await {
                    late(answer).await;
                }
            });
        }
    }
}

/// Stops an execution whose task was given up before it was known that it had started.
async fn stop_started(engine: Handle, answer: Result<Value, ServiceError>) {
    let Ok(answer) = answer else { return };
    let Some(arn) = answer.get("executionArn").and_then(Value::as_str) else { return };
    match key_of(&engine, arn) {
        Ok(Some(key)) => stop_nested(engine, key).await,
        Ok(None) => {}
        Err(error) => tracing::warn!(arn, %error, "a nested execution could not be stopped"),
    }
}

async fn stop_nested(engine: Handle, key: ExecutionKey) {
    if let Err(error) = engine.stop(key, Failure::default()).await {
        tracing::warn!(execution = key.0, %error, "a nested execution could not be stopped");
    }
}

/// A nested execution while its end is awaited. When the task is given up in the meantime, it is stopped, as far as the
/// server still runs: AWS promises no more ("best-effort", developer guide, "Run a Job").
struct Nested {
    engine: Handle,
    key: ExecutionKey,
    cancelled: Cancelled,
}

impl Drop for Nested {
    fn drop(&mut self) {
        let Some(runtime) = tokio::runtime::Handle::try_current().ok().filter(|_| self.cancelled.is_set()) else {
            return;
        };
        runtime.spawn(stop_nested(self.engine.clone(), self.key));
    }
}

/// The key of an execution by its ARN.
///
/// # Errors
/// When the store cannot be read.
fn key_of(engine: &Handle, arn: &str) -> Result<Option<ExecutionKey>, Error> {
    let names = arn.split_once(":execution:").and_then(|(_, names)| names.split_once(':'));
    let Some((machine, name)) = names else { return Ok(None) };
    let machine = registry::machine(&**engine.store(), &Scope::of_arn(arn), machine)?;
    let found = machine.map(|machine| engine.find(machine.key, name)).transpose()?.flatten();
    Ok(found.map(|record| record.key))
}

/// The members of a description that AWS hands on, in its order (recorded: test_start_execution_sync).
const DESCRIBED: &[&str] = &[
    "cause",
    "error",
    "executionArn",
    "input",
    "inputDetails",
    "name",
    "output",
    "outputDetails",
    "startDate",
    "stateMachineArn",
    "status",
    "stopDate",
];

fn ended(description: &Value, pattern: Pattern) -> Answer {
    let members = DESCRIBED.iter().filter_map(|name| Some((*name, description.get(name)?.clone())));
    let members = members.map(|(name, value)| match (name, pattern) {
        ("input" | "output", Pattern::Sync2) => {
            let parsed = value.as_str().and_then(|text| Value::parse(text).ok());
            (name, parsed.unwrap_or(value))
        }
        ("inputDetails" | "outputDetails", _) => (name, sdk::pascal_members(&value)),
        ("startDate" | "stopDate", _) => (name, millis(&value)),
        _ => (name, value),
    });
    let members = members.map(|(name, value)| {
        let mut letters = name.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        (first.into_iter().chain(letters).collect::<String>(), value)
    });
    let output = Value::object(members);
    let succeeded = description.get("status").and_then(Value::as_str) == Some("SUCCEEDED");
    if succeeded {
        Answer::Succeeded(Payload::from_value(output))
    } else {
        Answer::failed(Failure::new("States.TaskFailed", output.to_json()))
    }
}

/// A date of the API (seconds) as the integrations give it: milliseconds.
fn millis(seconds: &Value) -> Value {
    match seconds.as_number() {
        Some(number) => Value::from((number.as_f64() * 1000.0).round() as i64),
        None => seconds.clone(),
    }
}

/// `aws-sdk:sfn:ACTION`
pub(crate) async fn call_sdk(api: &dyn StepFunctionsApi, action: &str, call: &Call) -> Answer {
    let mut letters = action.chars();
    let operation: String = letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect();
    let scope = Scope::of_arn(&call.identity.state_machine_arn);
    let parameters = call.request.parameters.value();
    let known = Operation::find(&operation); // the API says what is wrong with any other
    let request = known.map_or_else(|| parameters.clone(), |known| known.request_of_sdk(parameters));
    match api.call(scope, &operation, request).await {
        Ok(answer) => {
            let answer = known.map_or_else(|| answer.clone(), |known| known.answer_of_sdk(&answer));
            let output = Payload::from_value(without_nulls(&answer));
            match &call.request.resource.target {
                Target::Integration { pattern: Pattern::WaitForTaskToken, .. } => Answer::Submitted(output),
                _ => Answer::Succeeded(output),
            }
        }
        Err(error) => {
            let code = error.code.strip_suffix("Exception").unwrap_or(&error.code);
            let ServiceError { message, status, .. } = &error;
            let id = request_id();
            let cause =
                format!("{message} (Service: Sfn, Status Code: {status}, Request ID: {id}) (SDK Attempt Count: 1)");
            Answer::failed(Failure::new(format!("Sfn.{code}Exception"), cause))
        }
    }
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let members = map.iter().filter(|(_, member)| !member.is_null());
            Value::object(members.map(|(key, member)| (key.to_string(), without_nulls(member))))
        }
        other => other.clone(),
    }
}

/// The answer of StartExecution in the form of an SDK; members as recorded (test_start_execution).
fn sdk_output(answer: &Value) -> Payload {
    let id = request_id();
    let date = http_date();
    let length = answer.to_json().len().to_string();
    let headers = [
        ("x-amzn-RequestId", id.as_str()),
        ("connection", "keep-alive"),
        ("Content-Length", &length),
        ("Date", &date),
        ("Content-Type", "application/x-amz-json-1.0"),
    ];
    let headers: Vec<(String, String)> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let mut members = vec![("ExecutionArn", answer.get("executionArn").cloned().unwrap_or_default())];
    members.extend(sdk::metadata(200, &id, &headers));
    members.push(("StartDate", answer.get("startDate").map(millis).unwrap_or_default()));
    Payload::from_value(Value::object(members))
}

fn failed(prefix: &str, error: &ServiceError) -> Answer {
    let code = error.code.strip_suffix("Exception").unwrap_or(&error.code);
    let ServiceError { message, status, .. } = error;
    let id = request_id();
    let cause = format!(
        "{message} (Service: AWSStepFunctions; Status Code: {status}; Error Code: {}; Request ID: {id}; Proxy: null)",
        error.code
    );
    Answer::Failed(Failure::new(format!("{prefix}.{code}Exception"), cause), FailedStage::Run)
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot::{self, error::RecvError};

    use super::*;

    fn nobody<T: 'static>() -> Late<T> {
        Box::new(|_| panic!("it is not late"))
    }

    /// A call that is given up, or whose server stops, before its answer comes: what becomes of the answer.
    async fn answered_late(given_up: bool) -> Result<u32, RecvError> {
        let (answer, answered) = oneshot::channel::<u32>();
        let (sender, is_late) = oneshot::channel();
        let (begun, has_begun) = oneshot::channel();
        let cancelled = Cancelled::default();
        let call = Box::pin(async move {
            let _ = begun.send(());
            answered.await.unwrap()
        });
        let late: Late<u32> = Box::new(|answer| Box::pin(async move { sender.send(answer).unwrap() }));
        let task = tokio::spawn(Lasting::begin(call, cancelled.clone(), late).answer());
        has_begun.await.unwrap();
        if given_up {
            cancelled.set();
        }
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        answer.send(7).unwrap();
        is_late.await
    }

    #[tokio::test]
    async fn what_a_given_up_call_has_started_is_known() {
        assert_eq!(answered_late(true).await, Ok(7));
        assert!(answered_late(false).await.is_err());
    }

    #[tokio::test]
    async fn an_answer_in_time_is_the_callers() {
        assert_eq!(Lasting::begin(Box::pin(async { 7 }), Cancelled::default(), nobody()).answer().await, 7);
    }

    #[tokio::test]
    async fn a_panic_of_the_call_is_the_tasks() {
        let call: BoxFuture<'static, u32> = Box::pin(async { panic!("planted") });
        let task = tokio::spawn(Lasting::begin(call, Cancelled::default(), nobody()).answer());
        assert!(task.await.unwrap_err().is_panic());
    }
}
