//! StartSyncExecution

use stepwell_engine::SyncResult;
use stepwell_model::ApiError;

use super::Answer;
use super::start_execution::{start_error, start_request};
use crate::call::Call;
use crate::machines::metadata_only;
use crate::wire::{Shape, count, date, flag, text};

/// Express executions are billed by 100 ms begun, and by 64 MB of memory begun; Stepwell says 64.
const BILLED_STEP_MILLIS: u64 = 100;
const BILLED_MEMORY_MB: u64 = 64;

/// Starts an Express execution and answers when it has ended. One that failed is an answer too, not an error.
pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let request = start_request(call).await?;
    let machine = request.resolved.machine.clone();
    if !machine.express {
        return Err(ApiError::state_machine_type_not_supported());
    }
    let (input, trace_header) = (request.input.clone(), request.trace_header.clone());
    let result = call.engine().start_sync(request).await.map_err(start_error)?;
    let with_data = !metadata_only(&call.request);
    let started = &result.started;
    let mut shape = Shape::new()
        .with("executionArn", text(&started.execution_arn))
        .with("stateMachineArn", text(&machine.arn))
        .with("name", text(&started.name))
        .with("startDate", date(started.started))
        .with("stopDate", date(result.stopped))
        .with("status", result.status.name())
        .with_some("error", result.failure.error.as_ref().map(text))
        .with_some("cause", result.failure.cause.as_ref().map(text))
        .with("inputDetails", flag("included", with_data))
        .with_some("traceHeader", trace_header)
        .with("billingDetails", billing(&result));
    if with_data {
        shape.put("input", text(input.text()));
        shape.put_some("output", result.output.as_ref().map(|output| text(output.text())));
    }
    if result.output.is_some() {
        shape.put("outputDetails", flag("included", with_data));
    }
    Ok(shape.build())
}

fn billing(result: &SyncResult) -> Shape {
    let millis = result.stopped.millis_since(result.started.started);
    let billed = millis.div_ceil(BILLED_STEP_MILLIS).max(1) * BILLED_STEP_MILLIS;
    Shape::new()
        .with("billedMemoryUsedInMB", count(BILLED_MEMORY_MB))
        .with("billedDurationInMilliseconds", count(billed))
}
