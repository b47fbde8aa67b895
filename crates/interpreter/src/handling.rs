//! What happens to a failure: Retry, then Catch, then the branch or the execution ends. Done once for all state types.

use std::sync::Arc;

use stepwell_asl::definition::{Catcher, Retrier};
use stepwell_asl::{QueryLanguage, State, StateKind};
use stepwell_value::{Payload, Value};

use crate::Failure;
use crate::branches;
use crate::effect::{Effect, TimerKind};
use crate::event::{Details, EventType};
use crate::execution::{FrameId, Status, Waiting};
use crate::flow;
use crate::problem::{Nature, Problem};
use crate::states::{Exit, Target};
use crate::step::Step;

/// Handles a problem of the state a frame stands at.
pub(crate) fn handle(step: &mut Step<'_>, id: FrameId, problem: Problem) {
    let Some(state) = step.state_of(id) else { return };
    if let Nature::Evaluation { location } = &problem.nature {
        evaluation_failed(step, id, state, &problem.failure, location);
    }
    branches::close_children(step, id);
    let terminal = problem.nature == Nature::Runtime;
    if !terminal
        && let Some(index) = matching_retrier(state, &problem)
        && retry(step, id, state, index)
    {
        return;
    }
    state_failed(step, id, state, &problem);
    let catcher = matching_catcher(state, &problem).filter(|_| !terminal).and_then(|index| state.catch.get(index));
    match catcher {
        Some(catcher) => {
            let left = caught(step, id, state, catcher, &problem.failure).and_then(|exit| step.exit(id, exit));
            if let Err(problem) = left {
                if let Nature::Evaluation { location } = &problem.nature {
                    evaluation_failed(step, id, state, &problem.failure, location);
                }
                fail_block(step, id, problem);
            }
        }
        None => fail_block(step, id, problem),
    }
}

/// What Retry and Catch would do with a problem.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The retrier that matches, whether or not it has attempts left.
    pub retrier: Option<usize>,
    /// How long it waits before the next attempt, in milliseconds; none when its attempts are used up.
    pub delay_millis: Option<u64>,
    /// The catcher that matches.
    pub catcher: Option<usize>,
}

/// Judges a problem of a state without acting on it; `used` attempts of the matching retrier have been made.
pub(crate) fn judge(step: &Step<'_>, state: &State, problem: &Problem, used: u32) -> Verdict {
    if problem.nature == Nature::Runtime {
        return Verdict::default();
    }
    let retrier = matching_retrier(state, problem);
    let left =
        retrier.and_then(|index| state.retry.get(index)).filter(|retrier| u64::from(used) < retrier.max_attempts);
    let delay_millis = left.map(|retrier| delay_millis(step, retrier, used));
    Verdict { retrier, delay_millis, catcher: matching_catcher(state, problem) }
}

/// EvaluationFailed. In a state that has only been entered it follows the event before …StateEntered (recorded:
/// test_undefined_reference, test_map_state_items_eval_jsonata_fail), except in a Wait state (recorded:
/// test_wait_timestamp_jsonata); otherwise it follows the branch's last event.
fn evaluation_failed(step: &mut Step<'_>, id: FrameId, state: &State, failure: &Failure, location: &Arc<str>) {
    let details = Details::EvaluationFailed {
        failure: failure.clone(),
        location: Arc::clone(location),
        state: Arc::clone(&state.name),
    };
    let Some(frame) = step.execution.frames.get(&id) else { return };
    if frame.last_event == frame.entered_event && !matches!(state.kind, StateKind::Wait(_)) {
        let entered = frame.entered_event;
        let mut events = step.transition.events.iter();
        let previous = events.find(|event| event.id == entered).map_or(entered, |event| event.previous);
        let event = step.record(previous, EventType::EvaluationFailed, details);
        step.with_frame(id, |frame| frame.last_event = event);
    } else {
        step.emit(id, EventType::EvaluationFailed, details);
    }
}

/// MapStateFailed or ParallelStateFailed, once no retrier helps any more.
fn state_failed(step: &mut Step<'_>, id: FrameId, state: &State, problem: &Problem) {
    let event_type = match state.kind {
        StateKind::Map(_) => EventType::MapStateFailed,
        StateKind::Parallel(_) => EventType::ParallelStateFailed,
        _ => return,
    };
    if problem.of_branch || matches!(problem.nature, Nature::Evaluation { .. }) {
        step.emit(id, event_type, Details::None);
    }
}

// ---------------------------------------------------------------------- matching

/// Whether an `ErrorEquals` matches.
fn matches(error_equals: &[Arc<str>], problem: &Problem) -> bool {
    let name = problem.failure.name();
    let timed_out = name == "States.Timeout" || name == "States.HeartbeatTimeout";
    error_equals.iter().any(|pattern| match &**pattern {
        "States.ALL" => true,
        "States.TaskFailed" => !timed_out,
        "States.HeartbeatTimeout" => problem.nature == Nature::Heartbeat || name == "States.HeartbeatTimeout",
        other => other == name,
    })
}

/// The first retrier that matches; whether it has attempts left is another question.
fn matching_retrier(state: &State, problem: &Problem) -> Option<usize> {
    state.retry.iter().position(|retrier| matches(&retrier.error_equals, problem))
}

/// Where the state goes that has caught this failure. A failure that no catcher names was caught under another name.
pub(crate) fn catches(state: &State, failure: &Failure) -> Option<stepwell_asl::StateId> {
    let index = matching_catcher(state, &Problem::ordinary(failure.clone())).unwrap_or(0);
    state.catch.get(index).map(|catcher| catcher.next)
}

/// The first catcher that matches.
fn matching_catcher(state: &State, problem: &Problem) -> Option<usize> {
    state.catch.iter().position(|catcher| matches(&catcher.error_equals, problem))
}

// ---------------------------------------------------------------------- Retry

/// Waits for the next attempt; `false` when the retrier's attempts are used up.
fn retry(step: &mut Step<'_>, id: FrameId, state: &State, index: usize) -> bool {
    let Some(retrier) = state.retry.get(index) else { return false };
    let Some(frame) = step.execution.frames.get(&id) else { return false };
    let used = frame.retries.get(index).copied().unwrap_or(0);
    if u64::from(used) >= retrier.max_attempts {
        return false;
    }
    let until = step.moment.now.plus_millis(delay_millis(step, retrier, used));
    step.with_frame(id, |frame| {
        frame.retries.resize(state.retry.len(), 0);
        if let Some(used) = frame.retries.get_mut(index) {
            *used += 1;
        }
    });
    let epoch = step.wait(id, Waiting::Retry { until });
    step.transition.effects.push(Effect::SetTimer { frame: id, epoch, at: until, kind: TimerKind::Resume });
    true
}

/// IntervalSeconds × BackoffRate^attempts, at most MaxDelaySeconds; with full jitter a random part of it.
fn delay_millis(step: &Step<'_>, retrier: &Retrier, used: u32) -> u64 {
    let exponent = i32::try_from(used).unwrap_or(i32::MAX);
    let seconds = retrier.interval_seconds as f64 * retrier.backoff_rate.powi(exponent);
    let ceiling = retrier.max_delay_seconds.map_or(31_536_000.0, |most| most as f64); // never longer than a year
    let seconds = seconds.min(ceiling);
    let part = if retrier.full_jitter { step.random_fraction() } else { 1.0 };
    (seconds * part * 1000.0) as u64
}

// ---------------------------------------------------------------------- Catch

/// How a state is left through a catcher.
///
/// # Errors
/// When an expression of the catcher fails, or its ResultPath cannot be applied.
pub(crate) fn caught(
    step: &Step<'_>,
    id: FrameId,
    state: &State,
    catcher: &Catcher,
    failure: &Failure,
) -> Result<Exit, Problem> {
    let error_output = error_output(failure);
    match state.query_language {
        QueryLanguage::JsonPath => caught_jsonpath(step, id, state, catcher, error_output),
        QueryLanguage::Jsonata => caught_jsonata(step, id, state, catcher, &error_output),
    }
}

/// The error output: `{"Error": …, "Cause": …}`. What a failure does not have is null (recorded:
/// test_sqs_failure_in_wait_for_task_tok_no_error_field), but a timeout's cause is an empty string.
pub(crate) fn error_output(failure: &Failure) -> Value {
    let or_null = |text: &Option<Arc<str>>| text.clone().map_or(Value::Null, Value::String);
    let cause = match failure.name() {
        "States.Timeout" if failure.cause.is_none() => Value::from(""),
        _ => or_null(&failure.cause),
    };
    Value::object([("Error", or_null(&failure.error)), ("Cause", cause)])
}

fn caught_jsonpath(
    step: &Step<'_>,
    id: FrameId,
    state: &State,
    catcher: &Catcher,
    error_output: Value,
) -> Result<Exit, Problem> {
    let error_output = Payload::from_value(error_output);
    let assigned = flow::assign(step, id, state, &catcher.assign, &error_output, None, None)?;
    let output = flow::place_result(step, id, &catcher.result_path, error_output)?;
    Ok(Exit { output, assigned, next: Target::State(catcher.next) })
}

fn caught_jsonata(
    step: &Step<'_>,
    id: FrameId,
    state: &State,
    catcher: &Catcher,
    error_output: &Value,
) -> Result<Exit, Problem> {
    let input = flow::raw_input(step, id);
    let output = flow::output(step, id, state, catcher.output.as_ref(), &input, None, Some(error_output))?;
    let assigned = flow::assign(step, id, state, &catcher.assign, &input, None, Some(error_output))?;
    let output = output.unwrap_or_else(|| Payload::from_value(error_output.clone()));
    Ok(Exit { output, assigned, next: Target::State(catcher.next) })
}

// ---------------------------------------------------------------------- the end

/// The block ends with a failure: the execution fails, or the Parallel or Map above handles it.
fn fail_block(step: &mut Step<'_>, id: FrameId, problem: Problem) {
    let Some(frame) = step.execution.frames.get(&id) else { return };
    let last_event = frame.last_event;
    let Some((parent, _)) = frame.parent else {
        let details = Details::Failure(problem.failure);
        step.close(EventType::ExecutionFailed, last_event, details, Status::Failed);
        return;
    };
    branches::abort_siblings(step, parent, id);
    step.with_frame(parent, |frame| frame.last_event = last_event);
    let nature = if problem.nature == Nature::Runtime { Nature::Runtime } else { Nature::Ordinary };
    handle(step, parent, Problem { failure: problem.failure, nature, of_branch: true });
}
