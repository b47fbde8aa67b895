//! A task while it is awaited: news of it, its timers, its outcome.

use std::sync::Arc;

use stepwell_asl::definition::{Target, TaskState};
use stepwell_asl::{State, StateKind};
use stepwell_value::Payload;

use crate::command::{FailedStage, Progress};
use crate::effect::{Effect, TimerKind};
use crate::event::{Details, EventType};
use crate::execution::{FrameId, TaskWait, Waiting};
use crate::flow;
use crate::problem::{Nature, Problem};
use crate::states::Outcome;
use crate::step::Step;
use crate::{Failure, handling};

/// Applies news of the task a frame waits for.
pub(crate) fn progress(step: &mut Step<'_>, id: FrameId, progress: &Progress) {
    let Some((state, task, wait)) = waited_for(step, id) else { return };
    match progress {
        Progress::Started { worker_name } => started(step, id, task, worker_name.as_ref()),
        Progress::Heartbeat => heartbeat(step, id),
        Progress::Submitted { output } => submitted(step, id, task, output),
        Progress::Succeeded { output } => succeeded(step, id, state, task, output.clone()),
        Progress::Failed { failure, stage } => {
            if matches!(stage, FailedStage::Run | FailedStage::TimedOut | FailedStage::Submit) && !wait.started {
                started(step, id, task, None);
            }
            failed(step, id, task, failure.clone(), *stage, Nature::Ordinary);
        }
    }
}

/// A timer of the task is due.
pub(crate) fn timer_fired(step: &mut Step<'_>, id: FrameId, kind: TimerKind) {
    let Some((_, task, wait)) = waited_for(step, id) else { return };
    let now = step.moment.now;
    let due = match kind {
        TimerKind::TaskTimeout => wait.timeout,
        TimerKind::Heartbeat => wait.heartbeat,
        TimerKind::Resume => None,
    };
    let Some(due) = due else { return };
    if now < due {
        // A heartbeat came in the meantime.
        let epoch = step.execution.frames.get(&id).map_or(0, |frame| frame.epoch);
        step.transition.effects.push(Effect::SetTimer { frame: id, epoch, at: due, kind });
        return;
    }
    if !wait.started && !matches!(task.resource.target, Target::Activity) {
        started(step, id, task, None);
    }
    let nature = if kind == TimerKind::Heartbeat { Nature::Heartbeat } else { Nature::Ordinary };
    let epoch = step.execution.frames.get(&id).map_or(0, |frame| frame.epoch);
    step.transition.effects.push(Effect::CancelTask { frame: id, epoch });
    failed(step, id, task, Failure::named("States.Timeout"), FailedStage::TimedOut, nature);
}

/// The Task state a frame stands at and what it waits for.
fn waited_for<'s>(step: &Step<'s>, id: FrameId) -> Option<(&'s State, &'s TaskState, TaskWait)> {
    let state = step.state_of(id)?;
    let StateKind::Task(task) = &state.kind else { return None };
    match &step.execution.frames.get(&id)?.waiting {
        Waiting::Task(wait) => Some((state, task, wait.clone())),
        _ => None,
    }
}

fn with_wait(step: &mut Step<'_>, id: FrameId, change: impl FnOnce(&mut TaskWait)) {
    step.with_frame(id, |frame| {
        if let Waiting::Task(wait) = &mut frame.waiting {
            change(wait);
        }
    });
}

fn started(step: &mut Step<'_>, id: FrameId, task: &TaskState, worker_name: Option<&Arc<str>>) {
    if waited_for(step, id).is_none_or(|(_, _, wait)| wait.started) {
        return;
    }
    match &task.resource.target {
        Target::LambdaFunction => step.emit(id, EventType::LambdaFunctionStarted, Details::None),
        Target::Activity => {
            let details = Details::ActivityStarted { worker_name: worker_name.cloned() };
            step.emit(id, EventType::ActivityStarted, details)
        }
        Target::Integration { service, resource, .. } => {
            let details = Details::TaskStarted { resource_type: Arc::clone(service), resource: Arc::clone(resource) };
            step.emit(id, EventType::TaskStarted, details)
        }
    };
    let now = step.moment.now;
    with_wait(step, id, |wait| {
        wait.started = true;
        // A worker owes its first heartbeat from the moment it has the task.
        wait.heartbeat = wait.heartbeat_seconds.map(|seconds| now.plus_seconds(seconds));
    });
}

fn heartbeat(step: &mut Step<'_>, id: FrameId) {
    let now = step.moment.now;
    with_wait(step, id, |wait| wait.heartbeat = wait.heartbeat_seconds.map(|seconds| now.plus_seconds(seconds)));
}

fn submitted(step: &mut Step<'_>, id: FrameId, task: &TaskState, output: &Payload) {
    let Target::Integration { service, resource, .. } = &task.resource.target else { return };
    if waited_for(step, id).is_none_or(|(_, _, wait)| wait.submitted_event != 0) {
        return;
    }
    started(step, id, task, None);
    let details = Details::TaskOutput {
        resource_type: Arc::clone(service),
        resource: Arc::clone(resource),
        output: output.clone(),
    };
    let event = step.emit(id, EventType::TaskSubmitted, details);
    with_wait(step, id, |wait| wait.submitted_event = event);
}

fn succeeded(step: &mut Step<'_>, id: FrameId, state: &State, task: &TaskState, output: Payload) {
    started(step, id, task, None);
    if let Err(failure) = step.check(&output, called(task)) {
        failed(step, id, task, failure, FailedStage::Run, Nature::Ordinary);
        return;
    }
    let (event_type, details) = match &task.resource.target {
        Target::LambdaFunction => (EventType::LambdaFunctionSucceeded, Details::Output { output: output.clone() }),
        Target::Activity => (EventType::ActivitySucceeded, Details::Output { output: output.clone() }),
        Target::Integration { service, resource, .. } => {
            let (resource_type, resource) = (Arc::clone(service), Arc::clone(resource));
            (EventType::TaskSucceeded, Details::TaskOutput { resource_type, resource, output: output.clone() })
        }
    };
    step.emit(id, event_type, details);
    step.with_frame(id, |frame| {
        frame.epoch += 1;
        frame.waiting = Waiting::Nothing;
    });
    let outcome = flow::leave(step, id, state, output, true).map(Outcome::Exits);
    step.settle(id, outcome);
}

/// Writes the event of a failed task and hands the failure on to Retry and Catch.
pub(crate) fn failed(
    step: &mut Step<'_>,
    id: FrameId,
    task: &TaskState,
    failure: Failure,
    stage: FailedStage,
    nature: Nature,
) {
    write_failed(step, id, task, &failure, stage);
    step.with_frame(id, |frame| {
        frame.epoch += 1;
        frame.waiting = Waiting::Nothing;
    });
    handling::handle(step, id, Problem { failure, nature, of_branch: false });
}

/// Writes that a task has timed out when its time is up, without handling that: its branch is about to be aborted because
/// a sibling timed out at the same moment (recorded: test_service_lambda_map_timeout).
pub(crate) fn time_out_if_due(step: &mut Step<'_>, id: FrameId) {
    let Some((_, task, wait)) = waited_for(step, id) else { return };
    if wait.timeout.is_some_and(|timeout| timeout <= step.moment.now) {
        if !matches!(task.resource.target, Target::Activity) {
            started(step, id, task, None); // as when its own timer fires
        }
        write_failed(step, id, task, &Failure::named("States.Timeout"), FailedStage::TimedOut);
    }
}

fn write_failed(step: &mut Step<'_>, id: FrameId, task: &TaskState, failure: &Failure, stage: FailedStage) {
    let event_type = failed_event(&task.resource.target, stage);
    let details = match &task.resource.target {
        Target::LambdaFunction | Target::Activity => Details::Failure(failure.clone()),
        Target::Integration { service, resource, .. } => Details::TaskFailure {
            resource_type: Arc::clone(service),
            resource: Arc::clone(resource),
            failure: failure.clone(),
        },
    };
    step.emit(id, event_type, details);
}

fn failed_event(target: &Target, stage: FailedStage) -> EventType {
    match (target, stage) {
        (Target::LambdaFunction, FailedStage::Schedule) => EventType::LambdaFunctionScheduleFailed,
        (Target::LambdaFunction, FailedStage::Start) => EventType::LambdaFunctionStartFailed,
        (Target::LambdaFunction, FailedStage::TimedOut) => EventType::LambdaFunctionTimedOut,
        (Target::LambdaFunction, _) => EventType::LambdaFunctionFailed,
        (Target::Activity, FailedStage::Schedule) => EventType::ActivityScheduleFailed,
        (Target::Activity, FailedStage::TimedOut) => EventType::ActivityTimedOut,
        (Target::Activity, _) => EventType::ActivityFailed,
        (Target::Integration { .. }, FailedStage::Start) => EventType::TaskStartFailed,
        (Target::Integration { .. }, FailedStage::Submit) => EventType::TaskSubmitFailed,
        (Target::Integration { .. }, FailedStage::TimedOut) => EventType::TaskTimedOut,
        (Target::Integration { .. }, _) => EventType::TaskFailed,
    }
}

/// How AWS names what was called in a size error: the function's ARN, or the service.
fn called(task: &TaskState) -> &str {
    match &task.resource.target {
        Target::Integration { service, .. } => service,
        _ => &task.resource.arn,
    }
}
