//! DescribeMapRun

use stepwell_engine::registry;
use stepwell_interpreter::Status;
use stepwell_model::ApiError;
use stepwell_store::ExecutionFilter;
use stepwell_store::record::MapRunRecord;
use stepwell_value::{Number, Value};

use super::Answer;
use crate::call::Call;
use crate::wire::{Shape, count, date, store_failure, text};

/// Running children that are counted; more are shown as this many.
const RUNNING_COUNTED_MAX: usize = 10_000;

pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let engine = call.engine();
    let arn = call.map_run_arn("mapRunArn")?.to_string();
    let found = registry::map_run(&**engine.store(), &arn).map_err(store_failure)?;
    let mut run = found.ok_or_else(|| ApiError::resource_not_found(&arn))?;
    if run.status == Status::Running {
        run.counts = engine.map_run_counts(&arn).filter(|counts| counts.total > 0).unwrap_or(run.counts);
    }
    let running = match run.status {
        Status::Running => {
            let status = Some(Status::Running);
            let filter = ExecutionFilter { machine: run.children, status, redriven: None, qualifier_arn: None };
            engine.executions(&filter, None, RUNNING_COUNTED_MAX).map_err(store_failure)?.len() as u64
        }
        _ => 0,
    };
    let counts = counts(&run, running);
    Ok(Shape::new()
        .with("mapRunArn", text(&run.arn))
        .with("executionArn", text(&run.execution_arn))
        .with("status", run.status.name())
        .with("startDate", date(run.started))
        .with_some("stopDate", run.stopped.map(date))
        .with("maxConcurrency", count(run.max_concurrency))
        .with("toleratedFailurePercentage", Value::Number(Number::Float(run.tolerated_percentage.unwrap_or(0.0))))
        .with("toleratedFailureCount", count(run.tolerated_count.unwrap_or(0)))
        .with("itemCounts", counts.clone())
        .with("executionCounts", counts)
        .with("redriveCount", count(run.redrive_count))
        .with_some("redriveDate", run.redriven.map(date))
        .build())
}

/// Items and executions are counted alike: a child has one item.
fn counts(run: &MapRunRecord, running: u64) -> Value {
    let of = &run.counts;
    let ended = of.succeeded + of.failed + of.timed_out + of.aborted;
    Shape::new()
        .with("pending", count(of.total.saturating_sub(ended + running)))
        .with("running", count(running))
        .with("succeeded", count(of.succeeded))
        .with("failed", count(of.failed))
        .with("timedOut", count(of.timed_out))
        .with("aborted", count(of.aborted))
        .with("total", count(of.total))
        .with("resultsWritten", count(of.succeeded))
        .build()
}
