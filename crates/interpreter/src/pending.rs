//! The effects that a stored execution still waits for: what recovery has to set up again.

use std::sync::Arc;

use stepwell_asl::definition::{Pattern, Target};
use stepwell_asl::{Definition, StateKind};

use crate::effect::{Effect, MapRunRedrive, TaskRequest, TimerKind};
use crate::event::{Details, EventId, HistoryEvent};
use crate::execution::{Execution, Frame, TaskWait, Waiting};
use crate::limits::Limits;

/// The effects a loaded execution still waits for, in the order of its frames. Made from the stored frames alone, they
/// stand for every effect that was asked for and not answered. A task whose outcome comes by token is not asked for again
/// once it was submitted (unless the execution is of a test case); an activity task not once a worker has it. `event` gives
/// an event of the execution's history.
pub fn pending_effects(
    definition: &Definition,
    execution: &Execution,
    limits: &Limits,
    event: &dyn Fn(EventId) -> Option<HistoryEvent>,
) -> Vec<Effect> {
    let mut effects = Vec::new();
    if let Some(seconds) = limits.seconds(definition, &execution.identity) {
        let from = execution.redriven.unwrap_or(execution.identity.started);
        effects.push(Effect::SetExecutionTimer { at: from.plus_seconds(seconds) });
    }
    let mut goes_on = false;
    for frame in execution.frames.values() {
        match &frame.waiting {
            Waiting::Nothing | Waiting::Iterations { .. } => goes_on = true,
            Waiting::Wait { until } | Waiting::Retry { until } => {
                let kind = TimerKind::Resume;
                effects.push(Effect::SetTimer { frame: frame.id, epoch: frame.epoch, at: *until, kind });
            }
            Waiting::Task(wait) => {
                timers(frame, wait, &mut effects);
                let is_mocked = execution.identity.test_case.is_some();
                if let Some(request) = request(definition, frame, wait, is_mocked, event) {
                    effects.push(Effect::ScheduleTask(Box::new(request)));
                }
            }
            Waiting::MapRun(wait) => {
                let state = definition.states.get(frame.state.0 as usize);
                if let Some(StateKind::Map(map)) = state.map(|state| &state.kind)
                    && let Some(distributed) = &map.distributed
                {
                    let redriven = event(frame.last_event).and_then(|last| redrive_of(&last, execution));
                    let request = crate::states::map_run::request(frame.id, frame.epoch, distributed, wait, redriven);
                    effects.push(Effect::StartMapRun(Box::new(request)));
                }
            }
            Waiting::Branches { .. } | Waiting::Siblings { .. } => {}
        }
    }
    if goes_on {
        effects.push(Effect::Continue);
    }
    effects
}

fn timers(frame: &Frame, wait: &TaskWait, effects: &mut Vec<Effect>) {
    for (at, kind) in [(wait.timeout, TimerKind::TaskTimeout), (wait.heartbeat, TimerKind::Heartbeat)] {
        if let Some(at) = at {
            effects.push(Effect::SetTimer { frame: frame.id, epoch: frame.epoch, at, kind });
        }
    }
}

fn request(
    definition: &Definition,
    frame: &Frame,
    wait: &TaskWait,
    is_mocked: bool,
    event: &dyn Fn(EventId) -> Option<HistoryEvent>,
) -> Option<TaskRequest> {
    let state = definition.states.get(frame.state.0 as usize)?;
    let StateKind::Task(task) = &state.kind else { return None };
    let answered_by_token = match &task.resource.target {
        // With a test case there may be nobody who has the token: the mock answers for him.
        Target::Integration { pattern: Pattern::WaitForTaskToken, .. } => wait.submitted_event != 0 && !is_mocked,
        Target::Activity => wait.started,
        _ => false,
    };
    if answered_by_token {
        return None;
    }
    let (parameters, credentials_role_arn) = match event(wait.scheduled_event)?.details {
        Details::Scheduled { input, credentials_role_arn, .. } => (input, credentials_role_arn),
        Details::TaskScheduled { parameters, credentials_role_arn, .. } => (parameters, credentials_role_arn),
        _ => return None,
    };
    let submitted = (wait.submitted_event != 0).then(|| event(wait.submitted_event)).flatten();
    let submitted = submitted.and_then(|event| match event.details {
        Details::TaskOutput { output, .. } => Some(output),
        _ => None,
    });
    Some(TaskRequest {
        frame: frame.id,
        epoch: frame.epoch,
        state: Arc::clone(&state.name),
        scheduled_event: wait.scheduled_event,
        resource: task.resource.clone(),
        parameters,
        submitted,
        repeated: true,
        credentials_role_arn,
        timeout: wait.timeout,
        heartbeat_seconds: wait.heartbeat_seconds,
    })
}

/// The redrive in which a Map Run goes on whose frame stands at this event.
fn redrive_of(last: &HistoryEvent, execution: &Execution) -> Option<MapRunRedrive> {
    let Details::MapRunRedriven { redrive_count, .. } = &last.details else { return None };
    execution.redriven.map(|at| MapRunRedrive { count: *redrive_count, at })
}
