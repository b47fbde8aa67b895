//! Fail: ends its block with an error and a cause.

use std::sync::Arc;

use stepwell_asl::State;
use stepwell_asl::definition::{FailState, Text};
use stepwell_value::Value;

use crate::Failure;
use crate::execution::FrameId;
use crate::flow;
use crate::problem::{Fault, Problem};
use crate::states::Outcome;
use crate::step::Step;

pub(crate) fn run(step: &mut Step<'_>, id: FrameId, state: &State, fail: &FailState) -> Result<Outcome, Problem> {
    let error = text(step, id, state, fail.error.as_ref(), "Error")?;
    let cause = text(step, id, state, fail.cause.as_ref(), "Cause")?;
    Ok(Outcome::Fails(Failure { error, cause }))
}

fn text(
    step: &Step<'_>,
    id: FrameId,
    state: &State,
    text: Option<&Text>,
    field: &str,
) -> Result<Option<Arc<str>>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let path_field = format!("{field}Path");
    match flow::text(step, id, state, text, field, &path_field)? {
        Value::String(text) => Ok(Some(text)),
        other => {
            let fault = match text {
                Text::Jsonata(expression) => flow::unexpected_type(field, expression.text(), "string", &other),
                _ => Fault::Runtime(format!("The {path_field} field must refer to a string, but was: {other}")),
            };
            Err(step.problem(id, fault))
        }
    }
}
