//! DescribeExecution

use stepwell_store::ExecutionRecord;

use super::Answer;
use super::redrive_execution::{Redrivable, redrivable};
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
        .put_some("mapRunArn", lookup::map_run_of(&record))
        .put_some("stateMachineVersionArn", identity.version_arn.as_ref().map(text))
        .put_some("stateMachineAliasArn", identity.alias_arn.as_ref().map(text));
    put_redrive(&mut shape, &record, redrivable(engine, &record, &call.config().limits)?);
    Ok(shape.build())
}

/// `redriveCount`, `redriveDate`, `redriveStatus`, `redriveStatusReason`.
fn put_redrive(shape: &mut Shape, record: &ExecutionRecord, redrivable: Redrivable) {
    let (status, reason) = match redrivable {
        Redrivable::Yes => ("REDRIVABLE", None),
        Redrivable::ByMapRun => ("REDRIVABLE_BY_MAP_RUN", None),
        Redrivable::No(reason) => ("NOT_REDRIVABLE", Some(reason)),
    };
    shape
        .put("redriveCount", count(u64::from(record.redrive_count)))
        .put_some("redriveDate", record.redriven.map(date))
        .put("redriveStatus", status)
        .put_some("redriveStatusReason", reason);
}
