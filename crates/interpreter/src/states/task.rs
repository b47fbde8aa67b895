//! Task: evaluates its parameters and asks the outside to do the work.

use std::sync::Arc;

use stepwell_asl::State;
use stepwell_asl::definition::{Pattern, Target, TaskState};
use stepwell_value::{Payload, Value};

use crate::effect::{Effect, TaskRequest, TimerKind};
use crate::event::{Details, EventType};
use crate::execution::{FrameId, TaskWait, Waiting};
use crate::flow;
use crate::problem::{Fault, Problem};
use crate::states::Outcome;
use crate::step::Step;

pub(crate) fn run(step: &mut Step<'_>, id: FrameId, state: &State, task: &TaskState) -> Result<Outcome, Problem> {
    if task.resource.target == Target::Activity && !step.moment.outside.activity_exists(&task.resource.arn) {
        let text = format!("The activity {} does not exist.", task.resource.arn); // recorded: test_activity_task_on_deleted
        return Err(step.problem(id, Fault::Runtime(text)));
    }
    let effective = flow::effective_input(step, id, state)?;
    let timeout_seconds = seconds(step, id, state, task.timeout.as_ref(), "TimeoutSeconds", &effective)?;
    let heartbeat_seconds = seconds(step, id, state, task.heartbeat.as_ref(), "HeartbeatSeconds", &effective)?;
    let token = token(step, id, task);
    let parameters = flow::parameters(step, id, state, &effective, token)?;
    step.check(&parameters, &state.name).map_err(|failure| step.problem(id, Fault::Bare(failure)))?;
    let credentials_role_arn = credentials(step, id, state, task, &effective)?;
    let details =
        scheduled(step, task, parameters.clone(), timeout_seconds, heartbeat_seconds, credentials_role_arn.clone());
    let scheduled_event = step.emit(id, scheduled_event(&task.resource.target), details);
    let now = step.moment.now;
    let wait = TaskWait {
        scheduled_event,
        scheduled: now,
        started: false,
        submitted_event: 0,
        timeout: timeout_seconds.map(|seconds| now.plus_seconds(seconds)),
        heartbeat_seconds,
        heartbeat: heartbeat_seconds.map(|seconds| now.plus_seconds(seconds)),
    };
    let (timeout, heartbeat) = (wait.timeout, wait.heartbeat);
    let epoch = step.wait(id, Waiting::Task(wait));
    let request = TaskRequest {
        frame: id,
        epoch,
        state: Arc::clone(&state.name),
        scheduled_event,
        resource: task.resource.clone(),
        parameters,
        submitted: None,
        repeated: false,
        credentials_role_arn,
        timeout,
        heartbeat_seconds,
    };
    step.transition.effects.push(Effect::ScheduleTask(Box::new(request)));
    for (at, kind) in [(timeout, TimerKind::TaskTimeout), (heartbeat, TimerKind::Heartbeat)] {
        if let Some(at) = at {
            step.transition.effects.push(Effect::SetTimer { frame: id, epoch, at, kind });
        }
    }
    Ok(Outcome::Waits)
}

fn seconds(
    step: &Step<'_>,
    id: FrameId,
    state: &State,
    amount: Option<&stepwell_asl::definition::Amount>,
    field: &str,
    effective: &Payload,
) -> Result<Option<u64>, Problem> {
    amount.map(|amount| flow::amount(step, id, state, amount, field, effective)).transpose()
}

/// The token of the task that is about to be scheduled; only tasks that can use one have it.
fn token(step: &Step<'_>, id: FrameId, task: &TaskState) -> Option<Arc<str>> {
    let Target::Integration { pattern, .. } = &task.resource.target else { return None };
    if *pattern != Pattern::WaitForTaskToken {
        return None;
    }
    let epoch = step.execution.frames.get(&id).map_or(0, |frame| frame.epoch);
    Some(step.moment.outside.token(id, epoch + 1)) // `Step::wait` will raise the epoch by one
}

/// `Credentials.RoleArn`
fn credentials(
    step: &Step<'_>,
    id: FrameId,
    state: &State,
    task: &TaskState,
    effective: &Payload,
) -> Result<Option<Arc<str>>, Problem> {
    let Some(template) = &task.credentials else { return Ok(None) };
    let Some(frame) = step.execution.frames.get(&id) else { return Ok(None) };
    let value = template.eval(&step.scope(frame, state, effective));
    let value = value.map_err(|error| step.problem(id, Fault::of_eval(error, effective)))?;
    Ok(match value.get("RoleArn") {
        Some(Value::String(arn)) => Some(Arc::clone(arn)),
        _ => None,
    })
}

fn scheduled_event(target: &Target) -> EventType {
    match target {
        Target::LambdaFunction => EventType::LambdaFunctionScheduled,
        Target::Activity => EventType::ActivityScheduled,
        Target::Integration { .. } => EventType::TaskScheduled,
    }
}

fn scheduled(
    step: &Step<'_>,
    task: &TaskState,
    input: Payload,
    timeout_seconds: Option<u64>,
    heartbeat_seconds: Option<u64>,
    credentials_role_arn: Option<Arc<str>>,
) -> Details {
    match &task.resource.target {
        Target::Integration { service, resource, .. } => Details::TaskScheduled {
            resource_type: Arc::clone(service),
            resource: Arc::clone(resource),
            region: Arc::clone(&step.execution.identity.region),
            parameters: input,
            timeout_seconds,
            heartbeat_seconds,
            credentials_role_arn,
        },
        Target::LambdaFunction | Target::Activity => Details::Scheduled {
            resource: Arc::clone(&task.resource.arn),
            input,
            timeout_seconds,
            heartbeat_seconds,
            credentials_role_arn,
        },
    }
}
