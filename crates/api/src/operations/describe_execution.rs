//! DescribeExecution

use stepwell_interpreter::Status;
use stepwell_model::Limits;
use stepwell_store::ExecutionRecord;
use stepwell_value::Timestamp;

use super::Answer;
use crate::call::Call;
use crate::lookup;
use crate::machines::metadata_only;
use crate::wire::{Shape, count, date, flag, store_failure, text};

pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let engine = call.engine();
    let arn = call.execution_arn("executionArn")?;
    let record = lookup::execution(engine, &arn).await?;
    let with_data = !metadata_only(&call.request);
    let identity = &record.identity;
    let mut shape = Shape::new()
        .with("executionArn", text(&identity.execution_arn))
        .with("stateMachineArn", text(&identity.state_machine_arn))
        .with("name", text(&identity.name))
        .with("status", record.status.name())
        .with("startDate", date(identity.started))
        .with_some("stopDate", record.stopped.map(date));
    if with_data {
        shape.put("input", text(engine.input_of(record.key).map_err(store_failure)?.text()));
    }
    shape.put("inputDetails", flag("included", with_data));
    let (output, failure) = engine.outcome_of(&record).map_err(store_failure)?;
    if let Some(output) = output {
        shape.put_some("output", with_data.then(|| text(output.text())));
        shape.put("outputDetails", flag("included", with_data));
    }
    shape
        .put_some("error", failure.error.as_ref().map(text))
        .put_some("cause", failure.cause.as_ref().map(text))
        .put_some("traceHeader", record.trace_header.as_ref().map(text))
        .put_some("stateMachineVersionArn", identity.version_arn.as_ref().map(text))
        .put_some("stateMachineAliasArn", identity.alias_arn.as_ref().map(text));
    put_redrive(&mut shape, &record, &call.config().limits, engine.now());
    Ok(shape.build())
}

/// `redriveCount`, `redriveDate`, `redriveStatus`, `redriveStatusReason`.
fn put_redrive(shape: &mut Shape, record: &ExecutionRecord, limits: &Limits, now: Timestamp) {
    let reason = not_redrivable(record, limits, now);
    shape
        .put("redriveCount", count(u64::from(record.redrive_count)))
        .put_some("redriveDate", record.redriven.map(date))
        .put("redriveStatus", if reason.is_some() { "NOT_REDRIVABLE" } else { "REDRIVABLE" })
        .put_some("redriveStatusReason", reason);
}

/// Why an execution cannot be redriven; `None` when it can (recorded: test_state_fail, test_event_bridge_events_base).
fn not_redrivable(record: &ExecutionRecord, limits: &Limits, now: Timestamp) -> Option<String> {
    let status = record.status;
    if matches!(status, Status::Running | Status::Succeeded | Status::PendingRedrive) {
        return Some(format!("Execution is {} and cannot be redriven", status.name()));
    }
    if record.stopped.is_some_and(|stopped| now > stopped.plus_seconds(limits.redrive_seconds_max)) {
        return Some("Execution redrivable period exceeded".to_owned());
    }
    if record.last_event.saturating_add(1) >= limits.history_events_max {
        return Some("Execution history event limit exceeded".to_owned());
    }
    None
}
