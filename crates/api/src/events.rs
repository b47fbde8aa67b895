//! History events as GetExecutionHistory answers them.

use std::sync::Arc;

use stepwell_interpreter::{Details, Failure, HistoryEvent};
use stepwell_value::{Payload, Value};

use crate::wire::{Shape, count, date, flag, text};

/// One event. `data`: whether payloads are included (`includeExecutionData`).
pub fn event(event: &HistoryEvent, data: bool) -> Value {
    let mut shape = Shape::new()
        .with("timestamp", date(event.at))
        .with("type", event.event_type.name())
        .with("id", count(event.id))
        .with("previousEventId", count(event.previous));
    let member = event.event_type.details_member();
    if !member.is_empty() {
        shape.put(member, details(&event.details, data));
    }
    shape.build()
}

fn details(details: &Details, data: bool) -> Shape {
    let shape = Shape::new();
    match details {
        Details::None => shape,
        Details::ExecutionStarted { input, role_arn, alias_arn, version_arn } => with_input(shape, input, data)
            .with("roleArn", text(role_arn))
            .with_some("stateMachineAliasArn", alias_arn.as_ref().map(text))
            .with_some("stateMachineVersionArn", version_arn.as_ref().map(text)),
        Details::Output { output } => with_output(shape, output, data),
        Details::Failure(failure) => with_failure(shape, failure),
        Details::StateEntered { name, input } => with_input(shape.with("name", text(name)), input, data),
        Details::StateExited { name, output, assigned } => {
            with_assigned(with_output(shape.with("name", text(name)), output, data), assigned, data)
        }
        Details::Scheduled { .. } => scheduled(details, data),
        Details::ActivityStarted { worker_name } => shape.with_some("workerName", worker_name.as_ref().map(text)),
        Details::TaskScheduled { .. } => task_scheduled(details, data),
        Details::TaskStarted { resource_type, resource } => of_resource(resource_type, resource),
        Details::TaskOutput { resource_type, resource, output } => {
            with_output(of_resource(resource_type, resource), output, data)
        }
        Details::TaskFailure { resource_type, resource, failure } => {
            with_failure(of_resource(resource_type, resource), failure)
        }
        Details::MapStateStarted { length } => shape.with("length", count(*length)),
        Details::MapIteration { name, index } => shape.with("name", text(name)).with("index", count(*index)),
        Details::MapRunStarted { map_run_arn } => shape.with("mapRunArn", text(map_run_arn)),
        Details::MapRunRedriven { map_run_arn, redrive_count } => {
            shape.with("mapRunArn", text(map_run_arn)).with("redriveCount", count(*redrive_count))
        }
        Details::ExecutionRedriven { redrive_count, .. } => shape.with("redriveCount", count(*redrive_count)),
        Details::EvaluationFailed { failure, location, state } => {
            // recorded: a failure without a place has no `location`
            let place = Some(location).filter(|location| !location.is_empty());
            with_failure(shape, failure).with_some("location", place.map(text)).with("state", text(state))
        }
    }
}

/// LambdaFunctionScheduled, ActivityScheduled.
fn scheduled(details: &Details, data: bool) -> Shape {
    let Details::Scheduled { resource, input, timeout_seconds, heartbeat_seconds, credentials_role_arn } = details
    else {
        return Shape::new();
    };
    with_input(Shape::new().with("resource", text(resource)), input, data)
        .with_some("timeoutInSeconds", timeout_seconds.map(count))
        .with_some("heartbeatInSeconds", heartbeat_seconds.map(count))
        .with_some("taskCredentials", credentials_role_arn.as_ref().map(credentials))
}

fn task_scheduled(details: &Details, data: bool) -> Shape {
    let Details::TaskScheduled {
        resource_type,
        resource,
        region,
        parameters,
        timeout_seconds,
        heartbeat_seconds,
        credentials_role_arn,
    } = details
    else {
        return Shape::new();
    };
    let parameters = if data { text(parameters.text()) } else { Value::from("") }; // the model requires the member
    of_resource(resource_type, resource)
        .with("region", text(region))
        .with("parameters", parameters)
        .with_some("timeoutInSeconds", timeout_seconds.map(count))
        .with_some("heartbeatInSeconds", heartbeat_seconds.map(count))
        .with_some("taskCredentials", credentials_role_arn.as_ref().map(credentials))
}

fn credentials(role_arn: &Arc<str>) -> Value {
    Value::object([("roleArn", text(role_arn))])
}

fn of_resource(resource_type: &Arc<str>, resource: &Arc<str>) -> Shape {
    Shape::new().with("resourceType", text(resource_type)).with("resource", text(resource))
}

fn with_input(shape: Shape, input: &Payload, data: bool) -> Shape {
    if data { shape.with("input", text(input.text())).with("inputDetails", not_truncated()) } else { shape }
}

fn with_output(shape: Shape, output: &Payload, data: bool) -> Shape {
    if data { shape.with("output", text(output.text())).with("outputDetails", not_truncated()) } else { shape }
}

fn with_failure(shape: Shape, failure: &Failure) -> Shape {
    shape.with_some("error", failure.error.as_ref().map(text)).with_some("cause", failure.cause.as_ref().map(text))
}

/// Variables: name → JSON text. A state that assigned none has no such member.
fn with_assigned(shape: Shape, assigned: &[(Arc<str>, Payload)], data: bool) -> Shape {
    if assigned.is_empty() || !data {
        return shape;
    }
    let variables = Value::object(assigned.iter().map(|(name, value)| (Arc::clone(name), text(value.text()))));
    shape.with("assignedVariables", variables).with("assignedVariablesDetails", not_truncated())
}

fn not_truncated() -> Value {
    flag("truncated", false)
}

#[cfg(test)]
mod tests {
    use super::event;
    use stepwell_interpreter::{Details, EventType, Failure, HistoryEvent};
    use stepwell_value::{Payload, Timestamp};

    #[track_caller]
    fn check(event_type: EventType, details: Details, expected: &str) {
        let written = event(&HistoryEvent { id: 3, previous: 2, at: Timestamp(1500), event_type, details }, true);
        let head = format!(r#"{{"timestamp":1.5,"type":"{}","id":3,"previousEventId":2"#, event_type.name());
        assert_eq!(written.to_json(), format!("{head}{expected}}}"));
    }

    fn payload(text: &str) -> Payload {
        Payload::from_text(text).unwrap()
    }

    #[test]
    fn shapes() {
        check(EventType::MapStateSucceeded, Details::None, "");
        check(
            EventType::ExecutionFailed,
            Details::Failure(Failure::default()),
            r#","executionFailedEventDetails":{}"#, // recorded: test_state_fail_empty
        );
        check(
            EventType::PassStateExited,
            Details::StateExited {
                name: "A".into(),
                output: payload("[1, 2]"),
                assigned: vec![("x".into(), payload("\"y\""))],
            },
            r#","stateExitedEventDetails":{"name":"A","output":"[1, 2]","outputDetails":{"truncated":false},"assignedVariables":{"x":"\"y\""},"assignedVariablesDetails":{"truncated":false}}"#,
        );
        check(
            EventType::ActivityScheduled,
            Details::Scheduled {
                resource: "arn".into(),
                input: payload("{}"),
                timeout_seconds: Some(9),
                heartbeat_seconds: None,
                credentials_role_arn: None,
            },
            r#","activityScheduledEventDetails":{"resource":"arn","input":"{}","inputDetails":{"truncated":false},"timeoutInSeconds":9}"#,
        );
        check(
            EventType::TaskTimedOut,
            Details::TaskFailure {
                resource_type: "lambda".into(),
                resource: "invoke".into(),
                failure: Failure::named("States.Timeout"),
            },
            r#","taskTimedOutEventDetails":{"resourceType":"lambda","resource":"invoke","error":"States.Timeout"}"#,
        );
    }

    #[test]
    fn data_is_left_out_on_request() {
        let details = Details::StateEntered { name: "A".into(), input: payload("{}") };
        let entered =
            HistoryEvent { id: 1, previous: 0, at: Timestamp(0), event_type: EventType::PassStateEntered, details };
        let written = event(&entered, false).to_json();
        assert!(written.ends_with(r#""stateEnteredEventDetails":{"name":"A"}}"#), "{written}");
    }
}
