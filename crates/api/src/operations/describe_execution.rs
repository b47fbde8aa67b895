//! DescribeExecution

use stepwell_interpreter::{Details, Failure, HistoryEvent};
use stepwell_store::{Described, ExecutionRecord};
use stepwell_value::{Payload, Value};

use super::Answer;
use super::redrive_execution::{Redrivable, redrivable};
use crate::call::Call;
use crate::lookup;
use crate::machines::metadata_only;
use crate::wire::{Shape, count, date, flag, text};

pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let engine = call.engine();
    let arn = call.execution_arn("executionArn")?;
    let Described { record, began, ended } = lookup::described(engine, &arn).await?;
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
        shape.put("input", input_of(began.as_ref()));
    }
    shape.put("inputDetails", flag("included", with_data));
    let (output, failure) = outcome_of(ended.as_ref());
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

fn input_of(began: Option<&HistoryEvent>) -> Value {
    match began.map(|event| &event.details) {
        Some(Details::ExecutionStarted { input, .. }) => text(input.text()),
        _ => text(Payload::default().text()), // its first step is not stored yet
    }
}

/// The output of a closed execution, or its error and cause.
fn outcome_of(ended: Option<&HistoryEvent>) -> (Option<&Payload>, Failure) {
    match ended.map(|event| &event.details) {
        Some(Details::Output { output }) => (Some(output), Failure::default()),
        Some(Details::Failure(failure)) => (None, failure.clone()),
        _ => (None, Failure::default()),
    }
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
