//! TestState: one state is run alone, on given data, with a mocked or a real answer of what it calls.
//!
//! What this module is for: [`test_state()`] runs the state's own code (the same as in an execution) on an execution that
//! exists only here, while a probe is told the data after every stage; Retry and Catch are judged, not performed.
//! [`check`] refuses what AWS refuses before anything runs.
//! What it must not do: perform a call. A Task without an answer comes back as [`Tested::Calls`]; who has performed the
//! call asks again with its answer.

mod check;
mod context;
mod inspection;
pub(crate) mod probe;
mod reader;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use stepwell_asl::definition::Distributed;
use stepwell_asl::{Definition, State, StateId, StateKind};
use stepwell_value::{Payload, Value};

use crate::command::Moment;
use crate::effect::{Effect, TaskRequest};
use crate::execution::{Execution, Frame, FrameId, Held, Identity, Source, Status, Variables, Waiting};
use crate::problem::{Fault, Problem};
use crate::states::{Exit, Outcome, Target};
use crate::step::Step;
use crate::{Failure, Limits, flow, handling, states};

pub use check::{Mock, Refusal, check};
pub use inspection::{ErrorDetails, Inspection};
use probe::{Probe, Stage};

/// The one frame of the execution that a test makes.
const FRAME: FrameId = FrameId(0);

/// What is tested.
#[derive(Clone, Debug)]
pub struct Test<'a> {
    /// The definition that holds the state.
    pub definition: &'a Definition,
    /// The state.
    pub state: StateId,
    /// The execution that the context object tells of.
    pub identity: Arc<Identity>,
    /// The state's raw input.
    pub input: Payload,
    /// The context object, when it is given.
    pub context: Option<Payload>,
    /// The workflow variables: an object.
    pub variables: Option<Payload>,
    /// What the state's task, branches or iterations answer; mocked, or real on the second asking.
    pub answer: Option<Answer>,
    /// The circumstances.
    pub configuration: Configuration,
}

/// What the called service, the branches or the iterations answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A result.
    Result(Payload),
    /// An error.
    Error(Failure),
}

/// `stateConfiguration`: the circumstances of the test.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Configuration {
    /// How many retries there have been of the retrier that applies.
    pub retrier_retry_count: u32,
    /// The state inside the Map or Parallel that causes the mocked error.
    pub error_caused_by_state: Option<Arc<str>>,
    /// How many iterations of the Map have failed.
    pub map_iteration_failure_count: Option<u64>,
    /// What the `ItemReader` reads, in its own format.
    pub map_item_reader_data: Option<Arc<str>>,
}

/// How far a test came.
#[derive(Clone, Debug, PartialEq)]
pub enum Tested {
    /// To its end.
    Done(Box<Report>),
    /// To this call; ask again with its answer.
    Calls(Box<TaskRequest>),
}

/// `status` of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestStatus {
    /// `SUCCEEDED`
    Succeeded,
    /// `FAILED`
    Failed,
    /// `RETRIABLE`
    Retriable,
    /// `CAUGHT_ERROR`
    CaughtError,
}

impl TestStatus {
    /// The spelling on the wire.
    pub fn name(self) -> &'static str {
        match self {
            TestStatus::Succeeded => "SUCCEEDED",
            TestStatus::Failed => "FAILED",
            TestStatus::Retriable => "RETRIABLE",
            TestStatus::CaughtError => "CAUGHT_ERROR",
        }
    }
}

/// The outcome of a test.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// How it ended.
    pub status: TestStatus,
    /// The state's output, or the catcher's.
    pub output: Option<Payload>,
    /// Error and cause, unless it succeeded.
    pub failure: Failure,
    /// The state it would go to.
    pub next_state: Option<Arc<str>>,
    /// The data on its way.
    pub inspection: Inspection,
}

/// Runs a state alone. The same test at the same moment comes to the same end.
pub fn test_state(test: &Test<'_>, moment: Moment<'_>, limits: &Limits) -> Tested {
    let state = test.definition.state(test.state);
    let probe = Probe::new(test.context.clone(), test.configuration.map_item_reader_data.clone());
    let mut execution = execution(test, state, moment);
    let mut step = Step::new(test.definition, &mut execution, moment, limits);
    step.probe = Some(&probe);
    let outcome = run(&mut step, state, test);
    let ended = match outcome {
        Ok(Ended::Calls(request)) => return Tested::Calls(request),
        Ok(Ended::Exits(exit)) => fitting(&step, state, exit),
        Err(problem) => Err(problem),
    };
    let mut report = match ended {
        Ok(exit) => left(&step, TestStatus::Succeeded, exit, Failure::default()),
        Err(problem) => failed(&step, state, problem, &test.configuration, &probe),
    };
    report.inspection = inspection::shown(probe, state, &test.input, report.inspection);
    Tested::Done(Box::new(report))
}

/// An execution whose only frame stands at the state.
fn execution(test: &Test<'_>, state: &State, moment: Moment<'_>) -> Execution {
    let held = |payload: &Payload| Held { payload: payload.clone(), source: Source::Content(0) };
    let retries = match test.configuration.retrier_retry_count {
        0 => Vec::new(),
        count => vec![count], // for `State.RetryCount`, which is their sum
    };
    let frame = Frame {
        id: FRAME,
        epoch: 0,
        parent: None,
        block: state.block,
        state: state.id,
        last_event: 0,
        entered_event: 0,
        entered: moment.now,
        input: held(&test.input),
        retries,
        variables: test.variables.as_ref().map(|values| Variables { values: held(values) }),
        waiting: Waiting::Nothing,
    };
    Execution {
        identity: Arc::clone(&test.identity),
        input: test.input.clone(),
        status: Status::Running,
        redrive_count: 0,
        redriven: None,
        next_event: 1,
        next_frame: 1,
        next_content: 1,
        frames: BTreeMap::from([(FRAME, frame)]),
    }
}

/// How the state's own part ended.
enum Ended {
    Exits(Exit),
    Calls(Box<TaskRequest>),
}

fn run(step: &mut Step<'_>, state: &State, test: &Test<'_>) -> Result<Ended, Problem> {
    if matches!(state.kind, StateKind::Fail(_)) {
        flow::effective_input(step, FRAME, state)?; // shown, though a Fail state does not read it
    }
    match states::run(step, FRAME, state)? {
        Outcome::Exits(exit) => Ok(Ended::Exits(exit)),
        Outcome::Fails(failure) => Err(Problem::ordinary(failure)),
        Outcome::Waits => waited(step, state, test),
    }
}

/// Goes on where the state waits: at once after a Wait, with the answer otherwise.
fn waited(step: &mut Step<'_>, state: &State, test: &Test<'_>) -> Result<Ended, Problem> {
    match &state.kind {
        StateKind::Wait(_) => {
            return match states::wait::over(step, FRAME)? {
                Outcome::Exits(exit) => Ok(Ended::Exits(exit)),
                _ => Err(Problem::ordinary(Failure::named("States.Runtime"))), // a Wait that is over only exits
            };
        }
        StateKind::Map(map) if map.distributed.is_none() && map.item_selector.is_some() => {
            let inputs = states::map::iteration_inputs(step, FRAME, state, map)?;
            step.report(Stage::ItemSelector, &inputs);
        }
        _ => {}
    }
    let result = match &test.answer {
        Some(Answer::Result(result)) => result.clone(),
        Some(Answer::Error(failure)) => return Err(answered(failure, state)),
        None => return call(step),
    };
    too_many_failures(state, test, &result, step)?;
    step.check(&result, &state.name).map_err(Problem::ordinary)?;
    step.with_frame(FRAME, |frame| frame.waiting = Waiting::Nothing);
    flow::leave(step, FRAME, state, result, true).map(Ended::Exits)
}

/// A mocked or real error as a problem.
fn answered(failure: &Failure, state: &State) -> Problem {
    let of_branch = matches!(state.kind, StateKind::Map(_) | StateKind::Parallel(_));
    let problem = match failure.name() {
        "States.Runtime" => Fault::Runtime(failure.cause.as_deref().unwrap_or_default().to_owned()).plain(),
        _ => Problem::ordinary(failure.clone()),
    };
    Problem { of_branch, failure: failure.clone(), ..problem }
}

/// The call that the state asks for.
fn call(step: &mut Step<'_>) -> Result<Ended, Problem> {
    let effects = std::mem::take(&mut step.transition.effects);
    let request = effects.into_iter().find_map(|effect| match effect {
        Effect::ScheduleTask(request) => Some(request),
        _ => None,
    });
    let nothing = || Problem::ordinary(Failure::new("States.Runtime", "The state can only be tested with a mock."));
    request.map(Ended::Calls).ok_or_else(nothing)
}

/// Fails a Map of which more iterations have failed than it tolerates. A Map that says nothing of it tolerates all here
/// (recorded: test_map_state_failure_count).
fn too_many_failures(state: &State, test: &Test<'_>, result: &Payload, step: &Step<'_>) -> Result<(), Problem> {
    let (StateKind::Map(map), Some(probe)) = (&state.kind, step.probe) else { return Ok(()) };
    let (Some(failures), Some(distributed)) = (test.configuration.map_iteration_failure_count, &map.distributed) else {
        return Ok(());
    };
    let iterations = match result.value() {
        Value::Array(results) if !writes_results(distributed) => results.len(),
        _ => probe.items(),
    };
    let (count, percentage) = probe.tolerated();
    let share = if iterations == 0 { 0.0 } else { failures as f64 * 100.0 / iterations as f64 };
    if count.is_some_and(|count| failures > count) || percentage.is_some_and(|percentage| share > percentage) {
        let cause = "The specified tolerated failure threshold was exceeded";
        let problem = Problem::ordinary(Failure::new("States.ExceedToleratedFailureThreshold", cause));
        return Err(Problem { of_branch: true, ..problem });
    }
    Ok(())
}

/// Whether a Map's result is a note of what was written to S3, not the results themselves.
fn writes_results(distributed: &Distributed) -> bool {
    distributed.writer.as_ref().is_some_and(|writer| writer.parameters.is_some())
}

/// The exit, unless its output is beyond the limits.
fn fitting(step: &Step<'_>, state: &State, exit: Exit) -> Result<Exit, Problem> {
    step.check(&exit.output, &state.name).map_err(Problem::ordinary)?;
    Ok(exit)
}

/// A state that is left, whichever way.
fn left(step: &Step<'_>, status: TestStatus, exit: Exit, failure: Failure) -> Report {
    let next_state = match exit.next {
        Target::State(next) => step.definition.states.get(next.0 as usize).map(|state| Arc::clone(&state.name)),
        Target::End => None,
    };
    let inspection = Inspection { variables: variables(step, &exit.assigned), ..Inspection::default() };
    Report { status, output: Some(exit.output), failure, next_state, inspection }
}

/// The variables after the state, when there are any.
fn variables(step: &Step<'_>, assigned: &[(Arc<str>, Payload)]) -> Option<Payload> {
    let before = step.execution.frames.get(&FRAME).and_then(|frame| frame.variables.as_ref());
    if assigned.is_empty() {
        return before.map(|variables| variables.values.payload.clone());
    }
    let mut values = match before.map(|variables| variables.values.payload.value()) {
        Some(Value::Object(map)) => (**map).clone(),
        _ => Default::default(),
    };
    for (name, value) in assigned {
        values.insert(Arc::clone(name), value.value().clone());
    }
    Some(Payload::from_value(Value::Object(Arc::new(values))))
}

/// A state that failed: what Retry and Catch make of it.
fn failed(step: &Step<'_>, state: &State, problem: Problem, configuration: &Configuration, probe: &Probe) -> Report {
    let verdict = handling::judge(step, state, &problem, configuration.retrier_retry_count);
    let mut details = ErrorDetails {
        retry_index: verdict.retrier,
        retry_backoff_interval_seconds: verdict.delay_millis.map(|millis| millis / 1000),
        catch_index: None,
    };
    if verdict.delay_millis.is_some() {
        probe.report_error(details);
        return unanswered(step, TestStatus::Retriable, problem.failure);
    }
    details.catch_index = verdict.catcher;
    probe.report_error(details);
    let Some(catcher) = verdict.catcher.and_then(|index| state.catch.get(index)) else {
        return unanswered(step, TestStatus::Failed, problem.failure);
    };
    let exit = handling::caught(step, FRAME, state, catcher, &problem.failure);
    match exit.and_then(|exit| fitting(step, state, exit)) {
        Ok(exit) => left(step, TestStatus::CaughtError, exit, problem.failure),
        Err(problem) => unanswered(step, TestStatus::Failed, problem.failure),
    }
}

/// A state that has no output.
fn unanswered(step: &Step<'_>, status: TestStatus, failure: Failure) -> Report {
    let inspection = Inspection { variables: variables(step, &[]), ..Inspection::default() };
    Report { status, output: None, failure, next_state: None, inspection }
}
