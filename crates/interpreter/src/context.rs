//! The context object, `$$` and `$states.context`.

use std::sync::Arc;

use stepwell_value::{Number, Value};

use crate::execution::{Execution, Frame, Waiting};
use crate::scope::StateScope;

/// Builds the context object of a state. Members and their order as recorded (test_context_object).
pub(crate) fn build(scope: &StateScope<'_>) -> Value {
    if let Some(given) = scope.given_context {
        return with_item(scope, given.value());
    }
    let identity = &scope.execution.identity;
    let machine = Value::object([
        ("Id", Value::String(Arc::clone(&identity.state_machine_arn))),
        ("Name", Value::String(Arc::clone(&identity.state_machine_name))),
    ]);
    let mut members =
        vec![("Execution", execution(scope.execution)), ("StateMachine", machine), ("State", state(scope))];
    if let Some(token) = &scope.token {
        members.push(("Task", Value::object([("Token", Value::String(Arc::clone(token)))])));
    }
    if let Some(item) = item_of(scope) {
        members.push(("Map", Value::object([("Item", item)])));
    }
    Value::object(members)
}

/// A context object that was given, with the Map item that is being selected.
fn with_item(scope: &StateScope<'_>, given: &Value) -> Value {
    match (given, item_of(scope)) {
        (Value::Object(members), Some(item)) => {
            let mut members = (**members).clone();
            members.insert(Arc::from("Map"), Value::object([("Item", item)]));
            Value::Object(Arc::new(members))
        }
        _ => given.clone(),
    }
}

fn execution(execution: &Execution) -> Value {
    let identity = &execution.identity;
    let mut members = vec![
        ("Id", Value::String(Arc::clone(&identity.execution_arn))),
        ("Input", execution.input.value().clone()),
        ("StartTime", Value::from(identity.started.to_rfc3339())),
        ("Name", Value::String(Arc::clone(&identity.name))),
        ("RoleArn", Value::String(Arc::clone(&identity.role_arn))),
    ];
    if identity.is_kept() {
        members.push(("RedriveCount", number(i64::from(execution.redrive_count))));
    }
    if let Some(redriven) = execution.redriven {
        members.push(("RedriveTime", Value::from(redriven.to_rfc3339())));
    }
    Value::object(members)
}

fn state(scope: &StateScope<'_>) -> Value {
    let mut members = vec![
        ("Name", Value::String(Arc::clone(scope.state_name))),
        ("EnteredTime", Value::from(scope.frame.entered.to_rfc3339())),
    ];
    if scope.with_retry_count {
        let attempts: u32 = scope.frame.retries.iter().sum();
        members.push(("RetryCount", number(i64::from(attempts))));
    }
    Value::object(members)
}

/// The item of the innermost Map: the one being selected, or the one whose iteration this frame belongs to.
fn item_of(scope: &StateScope<'_>) -> Option<Value> {
    if let Some((index, value, key)) = scope.item {
        return Some(item(index, value, key, scope.item_source));
    }
    let mut frame: &Frame = scope.frame;
    loop {
        let (parent, index) = frame.parent?;
        let parent = scope.execution.frames.get(&parent)?;
        if let Waiting::Iterations { items, .. } = &parent.waiting {
            let (value, key) = nth(items.payload.value(), index)?;
            return Some(item(index, value, key, None));
        }
        frame = parent;
    }
}

/// The item at an index: an array's element, or an object's member with its key.
pub(crate) fn nth(items: &Value, index: u32) -> Option<(&Value, Option<&Arc<str>>)> {
    match items {
        Value::Array(items) => items.get(index as usize).map(|item| (item, None)),
        Value::Object(map) => map.get_index(index as usize).map(|(key, value)| (value, Some(key))),
        _ => None,
    }
}

fn item(index: u32, value: &Value, key: Option<&Arc<str>>, source: Option<&str>) -> Value {
    let mut members = vec![("Index", number(i64::from(index))), ("Value", value.clone())];
    if let Some(key) = key {
        members.push(("Key", Value::String(Arc::clone(key))));
    }
    members.extend(source.map(|source| ("Source", Value::from(source))));
    Value::object(members)
}

fn number(int: i64) -> Value {
    Value::Number(Number::Int(int))
}
