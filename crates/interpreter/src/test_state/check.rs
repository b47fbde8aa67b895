//! What a TestState call may not ask for, in AWS's words.

use stepwell_asl::definition::{Pattern, Target};
use stepwell_asl::{Definition, State, StateKind, StateType};
use stepwell_value::{Payload, Value};

use super::{Answer, Test, context, writes_results};
use crate::Failure;

/// `mock`, as it is given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mock {
    /// `result`: JSON text.
    pub result: Option<String>,
    /// `errorOutput`
    pub error_output: Option<Failure>,
}

/// Why a test is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// InvalidDefinition with this message.
    InvalidDefinition(String),
    /// ValidationException with this message.
    Validation(String),
}

fn refused<T>(message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Validation(message.into()))
}

/// Checks what is asked of a state; gives the mocked answer, when there is a mock. `has_role` tells whether a role was named.
///
/// # Errors
/// See [`Refusal`]; texts as recorded (test_state_mock_validation, test_state_context_object, test_test_state_scenarios).
pub fn check(
    test: &Test<'_>,
    mock: Option<&Mock>,
    has_role: bool,
    reveals_secrets: bool,
) -> Result<Option<Answer>, Refusal> {
    let state = test.definition.state(test.state);
    let answer = match mock {
        Some(mock) => {
            if reveals_secrets {
                return refused("TestState does not support RevealSecrets when a mock is specified.");
            }
            Some(mocked(mock, state)?)
        }
        None => {
            unmocked(test, state, has_role)?;
            None
        }
    };
    if let Some(Answer::Result(result)) = &answer {
        check_failure_count(test, state, result)?;
    }
    if let (Some(Answer::Error(_)), Some(cause)) = (&answer, &test.configuration.error_caused_by_state)
        && matches!(state.kind, StateKind::Map(_) | StateKind::Parallel(_))
        && !is_inside(test.definition, state, cause)
    {
        return refused("State not found in definition");
    }
    if let Some(given) = &test.context {
        if mock.is_none() {
            // API reference, TestState, `context`; AWS documents no text.
            return refused("TestState does not support Context when a mock is not specified.");
        }
        context::check(given.value(), state)?;
    }
    Ok(answer)
}

/// Whether a state of this name stands inside a Map or Parallel, at any depth.
fn is_inside(definition: &Definition, outer: &State, name: &str) -> bool {
    let mut above = definition.state_named(name).map(|inner| inner.block);
    while let Some(parent) = above.and_then(|block| definition.block(block).parent) {
        if parent == outer.id {
            return true;
        }
        above = Some(definition.state(parent).block);
    }
    false
}

/// Whether a state can only be tested with a mock although it is a Task.
fn needs_mock(state: &State) -> bool {
    let StateKind::Task(task) = &state.kind else { return false };
    match &task.resource.target {
        Target::Activity => true,
        Target::Integration { pattern, .. } => *pattern != Pattern::RequestResponse,
        Target::LambdaFunction => false,
    }
}

fn unmocked(test: &Test<'_>, state: &State, has_role: bool) -> Result<(), Refusal> {
    if test.configuration.map_iteration_failure_count.is_some() {
        return refused("TestState does not support MapIterationFailureCount when a mock is not specified.");
    }
    match state.state_type() {
        StateType::Map | StateType::Parallel => Err(Refusal::InvalidDefinition(
            "TestState API does not support Map or Parallel states. Supported state types include: [Task, Wait, Pass, Succeed, Fail, Choice]"
                .to_owned(),
        )),
        StateType::Task if needs_mock(state) => Err(Refusal::InvalidDefinition(
            "TestState API does not support Activity tasks or the '.sync' and '.waitForTaskToken' service integration patterns unless a mock is specified"
                .to_owned(),
        )),
        StateType::Task if !has_role => refused("RoleArn must be specified when testing a Task state"),
        _ => Ok(()),
    }
}

fn mocked(mock: &Mock, state: &State) -> Result<Answer, Refusal> {
    let kind = state.state_type();
    if !matches!(kind, StateType::Task | StateType::Map | StateType::Parallel) {
        return refused(format!("State type '{kind:?}' is not supported when a mock is specified"));
    }
    let result = match (&mock.result, &mock.error_output) {
        (Some(result), None) => result,
        (None, Some(failure)) => return Ok(Answer::Error(failure.clone())),
        _ => return refused("A test mock should have only one of the following fields: [result, errorOutput]."),
    };
    let Ok(result) = Payload::from_text(result.as_str()) else { return refused("Mocked result must be valid JSON") };
    check_form(result.value(), state)?;
    Ok(Answer::Result(result))
}

/// The result of a Map or Parallel is an array, unless the results are written to S3.
fn check_form(result: &Value, state: &State) -> Result<(), Refusal> {
    match &state.kind {
        StateKind::Map(map) if map.distributed.as_ref().is_some_and(writes_results) => match result {
            Value::Object(_) => Ok(()),
            _ => refused("Mocked result must be a JSON object."),
        },
        StateKind::Map(_) if result.as_array().is_none() => refused("Mocked result must be an array."),
        StateKind::Parallel(parallel) => match result.as_array() {
            None => refused("Mocked result must be an array."),
            Some(results) if results.len() != parallel.branches.len() => {
                refused("Mocked result must contain the same number of items as number of Parallel branches.")
            }
            Some(_) => Ok(()),
        },
        _ => Ok(()),
    }
}

fn check_failure_count(test: &Test<'_>, state: &State, result: &Payload) -> Result<(), Refusal> {
    let (StateKind::Map(_), Some(failures)) = (&state.kind, test.configuration.map_iteration_failure_count) else {
        return Ok(());
    };
    let iterations = result.value().as_array().map(|results| results.len());
    if iterations.is_some_and(|iterations| usize::try_from(failures).map_or(true, |failures| failures > iterations)) {
        return refused("Map iteration failure count must be less than or equal to the number of Map iterations");
    }
    Ok(())
}
