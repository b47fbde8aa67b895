//! Wait: until a number of seconds has passed, or until a moment.

use stepwell_asl::State;
use stepwell_asl::definition::{Amount, Text, WaitState};
use stepwell_query::Scope as _;
use stepwell_query::timestamp;
use stepwell_value::{Timestamp, Value};

use crate::effect::{Effect, TimerKind};
use crate::execution::{FrameId, Waiting};
use crate::flow;
use crate::problem::{Fault, Problem};
use crate::states::Outcome;
use crate::step::Step;

/// The longest delay in seconds (recorded: test_timestamp_too_far_in_future_boundary, 24,855 days pass and 24,856 fail).
const SECONDS_MAX: u64 = 2_147_483_647;

pub(crate) fn run(step: &mut Step<'_>, id: FrameId, state: &State, wait: &WaitState) -> Result<Outcome, Problem> {
    let until = match wait {
        WaitState::Seconds(seconds) => step.moment.now.plus_seconds(delay(step, id, state, seconds)?),
        WaitState::Timestamp(text) => moment(step, id, state, text)?,
    };
    if until <= step.moment.now {
        return over(step, id);
    }
    if until.millis_since(step.moment.now) / 1000 > SECONDS_MAX {
        return Err(step.problem(id, Fault::Runtime("Wait state delay is too long.".to_owned())));
    }
    let epoch = step.wait(id, Waiting::Wait { until });
    step.transition.effects.push(Effect::SetTimer { frame: id, epoch, at: until, kind: TimerKind::Resume });
    Ok(Outcome::Waits)
}

/// The time has come.
pub(crate) fn over(step: &mut Step<'_>, id: FrameId) -> Result<Outcome, Problem> {
    let Some(state) = step.state_of(id) else { return Ok(Outcome::Waits) };
    let effective = flow::effective_input(step, id, state)?;
    flow::leave(step, id, state, effective, false).map(Outcome::Exits)
}

/// The delay in seconds; texts as recorded (test_wait).
fn delay(step: &Step<'_>, id: FrameId, state: &State, seconds: &Amount) -> Result<u64, Problem> {
    let value = match seconds {
        Amount::Fixed(seconds) => return Ok(*seconds),
        Amount::Path(path) => {
            let effective = flow::effective_input(step, id, state)?;
            let Some(frame) = step.execution.frames.get(&id) else { return Ok(0) };
            let found = path.select(&step.scope(frame, state, &effective));
            found.map_err(|_| {
                let text = format!("The SecondsPath parameter does not reference an input value: {}", path.text());
                step.problem(id, Fault::Runtime(text))
            })?
        }
        Amount::Jsonata(expression) => flow::jsonata(step, id, state, expression, "Seconds", None, None)?,
    };
    let fault = |text: String| match seconds {
        Amount::Path(path) => Fault::Runtime(format!("The SecondsPath parameter {text}: {} == {value}", path.text())),
        _ => Fault::Evaluation("Seconds".into(), format!("The Seconds parameter {text}: {value}")),
    };
    let Some(seconds) =
        value.as_number().filter(|number| number.as_f64().fract() == 0.0).and_then(|number| number.as_i64())
    else {
        return Err(step.problem(id, fault("cannot be parsed as a long value".to_owned())));
    };
    match u64::try_from(seconds) {
        Err(_) => Err(step.problem(id, fault("references a negative value".to_owned()))),
        Ok(seconds) => Ok(seconds),
    }
}

/// The moment of `Timestamp` or `TimestampPath`; texts as recorded (test_wait_timestamp_path, test_wait_timestamp_jsonata).
fn moment(step: &Step<'_>, id: FrameId, state: &State, text: &Text) -> Result<Timestamp, Problem> {
    let value = match text {
        Text::Expression(stepwell_query::Expression::Path(path)) => {
            let effective = flow::effective_input(step, id, state)?;
            let Some(frame) = step.execution.frames.get(&id) else { return Ok(step.moment.now) };
            let scope = step.scope(frame, state, &effective);
            debug_assert!(!scope.input().is_null() || effective.value().is_null());
            path.select(&scope).map_err(|_| {
                let text = format!("The TimestampPath parameter does not reference an input value: {}", path.text());
                step.problem(id, Fault::Runtime(text))
            })?
        }
        _ => flow::text(step, id, state, text, "Timestamp", "TimestampPath")?,
    };
    let parsed = value.as_str().and_then(timestamp::parse_rfc3339).map(|instant| instant.to_timestamp());
    parsed.ok_or_else(|| {
        let shown = match &value {
            Value::String(text) => text.to_string(),
            other => other.to_json(),
        };
        let fault = match text {
            Text::Expression(expression) => Fault::Runtime(format!(
                "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: {} == {shown}",
                flow::expression_text(expression)
            )),
            _ => Fault::Evaluation(
                "Timestamp".into(),
                format!("The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: {shown}"),
            ),
        };
        step.problem(id, fault)
    })
}
