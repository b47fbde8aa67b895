//! RedriveExecution, and what may be redriven.

use stepwell_engine::{Handle, RedriveError, Scope, registry};
use stepwell_interpreter::Status;
use stepwell_model::{ApiError, Limits};
use stepwell_store::ExecutionRecord;

use super::Answer;
use crate::call::Call;
use crate::lookup;
use crate::wire::{Shape, date, store_failure};

/// Lets an execution that did not succeed go on where it failed. A client token that has redriven it before gives the date
/// of that redrive, whatever has become of the execution since.
pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let engine = call.engine();
    let arn = call.execution_arn("executionArn")?;
    let record = lookup::execution(engine, &arn).await?;
    let token = call.request.opt_text("clientToken");
    let before = engine.redriven_by(&record, token.as_deref()).map_err(store_failure)?;
    let redriven = match before {
        Some(at) => at,
        None => {
            if let Redrivable::No(reason) = redrivable(engine, &record, &call.config().limits)? {
                return Err(ApiError::execution_not_redrivable(reason));
            }
            if is_child(&record) {
                return Err(ApiError::execution_not_redrivable(OF_MAP_RUN));
            }
            call.api.throttle.make_room_beside(engine, &record.identity.execution_arn).await?;
            engine.redrive(record.key, token).await.map_err(|error| refused(error, &arn.to_string()))?
        }
    };
    Ok(Shape::new().with("redriveDate", date(redriven)).build())
}

/// Stepwell's own words: AWS documents that the parent has to be redriven, and no text.
const OF_MAP_RUN: &str = "Execution is a child of a Map Run and is redriven with it; redrive the parent execution instead";

/// Whether an execution can be redriven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Redrivable {
    /// By RedriveExecution.
    Yes,
    /// With its Map Run, by RedriveExecution of its parent.
    ByMapRun,
    /// Not at all, for this reason.
    No(String),
}

/// Whether an execution can be redriven now. Texts: API reference, DescribeExecution, `redriveStatusReason`; two of them
/// recorded: test_state_fail, test_event_bridge_events_base.
///
/// # Errors
/// When the store fails.
pub(super) fn redrivable(
    engine: &Handle,
    record: &ExecutionRecord,
    limits: &Limits,
) -> Result<Redrivable, ApiError> {
    Ok(match reason(engine, record, limits)? {
        Some(reason) => Redrivable::No(reason),
        None if is_child(record) => Redrivable::ByMapRun,
        None => Redrivable::Yes,
    })
}

fn reason(engine: &Handle, record: &ExecutionRecord, limits: &Limits) -> Result<Option<String>, ApiError> {
    let (status, now) = (record.status, engine.now());
    let text = match status {
        Status::Running | Status::Succeeded | Status::PendingRedrive => {
            return Ok(Some(format!("Execution is {} and cannot be redriven", status.name())));
        }
        _ if is_deleting(engine, record)? => "State machine is in DELETING status",
        _ if record.stopped.is_some_and(|stopped| now > stopped.plus_seconds(limits.redrive_seconds_max)) => {
            "Execution redrivable period exceeded"
        }
        _ if now > record.identity.started.plus_seconds(limits.standard_seconds_max) => {
            "Execution has exceeded the max execution time"
        }
        _ if record.last_event.saturating_add(1) >= limits.history_events_max => {
            "Execution history event limit exceeded"
        }
        // AWS documents the limit and no text.
        _ if u64::from(record.redrive_count) >= limits.redrives_max => "Execution redrive limit exceeded",
        _ => return Ok(None),
    };
    Ok(Some(text.to_owned()))
}

/// Whether an execution is a child of a Map Run: the machine of those is named `MACHINE/LABEL`.
fn is_child(record: &ExecutionRecord) -> bool {
    record.identity.is_child()
}

/// Whether the machine is being deleted, or is gone.
fn is_deleting(engine: &Handle, record: &ExecutionRecord) -> Result<bool, ApiError> {
    let identity = &record.identity;
    let name = identity.state_machine_name.split('/').next().unwrap_or_default();
    let scope = Scope::of_arn(&identity.state_machine_arn);
    let machine = registry::machine(&**engine.store(), &scope, name).map_err(store_failure)?;
    Ok(machine.is_none_or(|machine| machine.deleting))
}

fn refused(error: RedriveError, arn: &str) -> ApiError {
    match error {
        // It has changed since it was looked at: somebody else has redriven it.
        RedriveError::NotRedrivable => {
            ApiError::execution_not_redrivable("Execution is RUNNING and cannot be redriven")
        }
        RedriveError::NotFound => ApiError::execution_does_not_exist(arn),
        RedriveError::Throttled => ApiError::throttling(),
        RedriveError::Unavailable => ApiError::service_unavailable("the store does not take writes"),
        RedriveError::Store(error) => store_failure(error),
    }
}
