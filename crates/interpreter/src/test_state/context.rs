//! The context object of a TestState call: what it may hold.

use stepwell_asl::definition::{Pattern, Target};
use stepwell_asl::{State, StateKind};
use stepwell_value::Value;

use super::Refusal;

/// What a member has to be.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
    Any,
}

/// The members of the context object and theirs.
#[rustfmt::skip]
const MEMBERS: &[(&str, &[(&str, Kind)])] = &[
    ("Execution", &[("Id", Kind::Text), ("Input", Kind::Any), ("Name", Kind::Text), ("RoleArn", Kind::Text),
        ("StartTime", Kind::Text), ("RedriveCount", Kind::Number), ("RedriveTime", Kind::Text)]),
    ("State", &[("EnteredTime", Kind::Text), ("Name", Kind::Text), ("RetryCount", Kind::Number)]),
    ("StateMachine", &[("Id", Kind::Text), ("Name", Kind::Text)]),
    ("Task", &[("Token", Kind::Text)]),
];

/// Checks a context object; members may be missing (recorded: test_state_context_object_edge_cases).
///
/// # Errors
/// A [`Refusal`] for the first member that may not be there or is of the wrong type.
pub(super) fn check(context: &Value, state: &State) -> Result<(), Refusal> {
    let Value::Object(members) = context else { return invalid("Context object must be a JSON object") };
    for (name, value) in members.iter() {
        if &**name == "Map" {
            return invalid("'Map' field is not supported when mocking a Context object");
        }
        if &**name == "Task" && !has_token(state) {
            return invalid(
                "Context object contains 'Task' when state is not a Task state with a '.sync' or '.waitForTaskToken' service integration pattern",
            );
        }
        let Some((_, known)) = MEMBERS.iter().find(|(member, _)| *member == &**name) else { return not_allowed(name) };
        let Value::Object(inner) = value else { return invalid(&format!("{name} must be an object")) };
        for (inner_name, value) in inner.iter() {
            let Some((_, kind)) = known.iter().find(|(member, _)| *member == &**inner_name) else {
                return not_allowed(inner_name);
            };
            match (kind, value) {
                (Kind::Text, Value::String(_)) | (Kind::Number, Value::Number(_)) | (Kind::Any, _) => {}
                (Kind::Text, _) => return invalid(&format!("{name}.{inner_name} must be a string")),
                (Kind::Number, _) => return invalid(&format!("{name}.{inner_name} must be a number")),
            }
        }
    }
    Ok(())
}

/// Whether the context object of a state has a task token.
fn has_token(state: &State) -> bool {
    let StateKind::Task(task) = &state.kind else { return false };
    matches!(&task.resource.target, Target::Integration { pattern, .. } if *pattern != Pattern::RequestResponse)
}

fn not_allowed(name: &str) -> Result<(), Refusal> {
    invalid(&format!("Field '{name}' is not allowed"))
}

fn invalid(reason: &str) -> Result<(), Refusal> {
    Err(Refusal::Validation(format!("Invalid Context object provided: {reason}")))
}
