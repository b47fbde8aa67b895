//! Tasks that call Lambda functions: by bare function ARN, and `lambda:invoke` with and without a task token.

use stepwell_asl::definition::{Pattern, Target};
use stepwell_engine::{Answer, Call, Scope};
use stepwell_interpreter::Failure;
use stepwell_value::{Number, Payload, Value};

use crate::lambda::{FunctionRef, InvocationType, InvokeError, InvokeOptions, Invoked, Lambda, Place};
use crate::{ids, sdk};

/// A Task whose resource is a function's ARN: its input is the event, the function's answer its result.
pub(crate) async fn call_function(lambda: &Lambda, call: &Call) -> Answer {
    let function = match FunctionRef::parse(&call.request.resource.arn, &place(call)) {
        Ok(function) => function,
        Err(error) => return refused(&error),
    };
    match lambda.invoke(&function, call.request.parameters.text(), &InvokeOptions::default()).await {
        Ok(invoked) if invoked.function_error.is_some() => Answer::failed(function_failure(&invoked)),
        Ok(invoked) => match Payload::from_text(invoked.payload.as_str()) {
            Ok(output) => Answer::Succeeded(output),
            Err(_) => Answer::Succeeded(Payload::from_value(Value::from(invoked.payload))),
        },
        Err(error) => refused(&error),
    }
}

/// `lambda:invoke` and `lambda:invoke.waitForTaskToken`.
pub(crate) async fn invoke(lambda: &Lambda, call: &Call) -> Answer {
    let parameters = call.request.parameters.value();
    let text = |name: &str| parameters.get(name).and_then(Value::as_str).map(str::to_owned);
    let Some(name) = text("FunctionName") else {
        let cause = "The field 'FunctionName' is required but was missing";
        return Answer::failed(Failure::new("States.Runtime", cause));
    };
    let function = match FunctionRef::parse(&name, &place(call)) {
        Ok(function) => function,
        Err(error) => return refused(&error),
    };
    let options = InvokeOptions {
        invocation_type: text("InvocationType").and_then(|kind| InvocationType::parse(&kind)).unwrap_or_default(),
        log_tail: text("LogType").as_deref() == Some("Tail"),
        client_context: text("ClientContext"),
        qualifier: text("Qualifier"),
        ..InvokeOptions::default()
    };
    // AWS gives a function without `Payload` an empty object (recorded: test_invoke); a string is the event's text itself
    // (recorded: test_invoke_json_values).
    let event = match parameters.get("Payload") {
        None | Some(Value::Null) => "{}".to_owned(),
        Some(Value::String(text)) => text.to_string(),
        Some(payload) => payload.to_json(),
    };
    match lambda.invoke(&function, &event, &options).await {
        Ok(invoked) if invoked.function_error.is_some() => Answer::failed(canonical_cause(function_failure(&invoked))),
        Ok(invoked) => answer(call, output(invoked)),
        Err(error) => refused(&error),
    }
}

fn answer(call: &Call, output: Payload) -> Answer {
    match &call.request.resource.target {
        Target::Integration { pattern: Pattern::WaitForTaskToken, .. } => Answer::Submitted(output),
        _ => Answer::Succeeded(output),
    }
}

/// Account and region that a bare function name belongs to.
fn place(call: &Call) -> Place {
    let scope = Scope::of_arn(&call.identity.state_machine_arn);
    Place { region: scope.region, account: scope.account, ..Place::default() }
}

/// The answer of Invoke in the form of an SDK; members as recorded (test_invoke).
fn output(invoked: Invoked) -> Payload {
    let headers = headers(&invoked);
    let payload = match Value::parse(&invoked.payload) {
        Ok(value) => value,
        Err(_) => Value::from(invoked.payload.as_str()),
    };
    let mut members = Vec::new();
    if let Some(version) = invoked.executed_version {
        members.push(("ExecutedVersion", Value::from(version)));
    }
    if let Some(log) = invoked.log_result {
        members.push(("LogResult", Value::from(log)));
    }
    members.push(("Payload", payload));
    members.extend(sdk::metadata(invoked.status_code, &invoked.request_id, &headers));
    members.push(("StatusCode", Value::Number(Number::Int(i64::from(invoked.status_code)))));
    Payload::from_value(Value::object(members))
}

/// A function that failed: its own error name, its answer as the cause.
fn function_failure(invoked: &Invoked) -> Failure {
    let error = Value::parse(&invoked.payload).ok().and_then(|body| Some(body.get("errorType")?.as_str()?.to_owned()));
    let name = match error.as_deref() {
        // A process that ended or never came up is no error of the function's own.
        None | Some("Runtime.ExitError" | "Runtime.Unknown") => "Lambda.Unknown",
        Some(name) => name,
    };
    if name == "Lambda.Unknown" {
        let cause = format!(
            "The cause could not be determined because Lambda did not return an error type. Returned payload: {}",
            invoked.payload
        );
        return Failure::new(name, cause);
    }
    Failure::new(name, invoked.payload.as_str())
}

/// `lambda:invoke` writes the function's error anew, without blanks (recorded: test_raise_exception_catch_output_path); a
/// bare function ARN hands it on as it is.
fn canonical_cause(failure: Failure) -> Failure {
    let canonical = failure.cause.as_deref().and_then(|cause| Value::parse(cause).ok()).map(|cause| cause.to_json());
    Failure { cause: canonical.map(Into::into).or(failure.cause), error: failure.error }
}

/// The headers of Invoke in AWS's order, as an SDK shows them; what an endpoint left out is what AWS would have sent
/// (recorded: test_invoke).
fn headers(invoked: &Invoked) -> Vec<(String, String)> {
    let given = |name: &str| {
        let found = invoked.headers.iter().find(|(given, _)| given.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone())
    };
    let length = invoked.payload.len().to_string();
    let version = invoked.executed_version.clone().unwrap_or_else(|| "$LATEST".to_owned());
    let usual: [(&str, Option<String>); 8] = [
        ("X-Amz-Executed-Version", Some(version)),
        ("x-amzn-Remapped-Content-Length", given("x-amzn-Remapped-Content-Length").or(Some("0".to_owned()))),
        ("Connection", Some("keep-alive".to_owned())),
        ("x-amzn-RequestId", Some(invoked.request_id.clone())),
        ("Content-Length", Some(length)),
        ("Date", given("Date").or_else(|| Some(ids::http_date()))),
        ("X-Amzn-Trace-Id", given("X-Amzn-Trace-Id").or_else(|| Some(ids::trace_id()))),
        ("Content-Type", given("Content-Type").or(Some("application/json".to_owned()))),
    ];
    let others = ["X-Amz-Function-Error", "X-Amz-Log-Result"].map(|name| (name, given(name)));
    let all = usual.into_iter().chain(others);
    all.filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn refused(error: &InvokeError) -> Answer {
    Answer::failed(Failure::new(error.name(), error.cause_of_invoke()))
}
