//! ListExecutions

use std::sync::Arc;

use stepwell_engine::registry;
use stepwell_interpreter::Status;
use stepwell_model::{ApiError, InvalidReason};
use stepwell_store::{ExecutionFilter, ExecutionRecord, MachineKey};
use stepwell_value::Value;

use super::Answer;
use crate::call::Call;
use crate::lookup;
use crate::pages::Page;
use crate::wire::{Shape, count, date, store_failure, text};

/// Lists the executions of a machine, a version, an alias or a Map Run, the latest first: by their end when they are
/// closed, else by their last redrive or their start.
pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let (request, engine) = (&call.request, call.engine());
    let (machine, listed, qualifier_arn) = parent(call).await?;
    let (status, redrive) = (request.opt_str("statusFilter"), request.opt_str("redriveFilter"));
    let page = Page::of(call, &[&listed, status.unwrap_or(""), redrive.unwrap_or("")])?;
    let filter = ExecutionFilter {
        machine,
        status: status.and_then(status_named),
        redriven: redrive.map(|filter| filter == "REDRIVEN"),
        qualifier_arn,
    };
    let before = page.after_place()?;
    let found = engine.executions(&filter, before, page.to_read()).map_err(store_failure)?;
    let map_run = request.opt_text("mapRunArn");
    let item = |record: &ExecutionRecord| item(record, map_run.as_ref());
    Ok(page.answer("executions", found, |last| last.place().to_bytes().to_vec(), item))
}

/// Whose executions are listed: the number they are stored under, the ARN, and the version or alias asked for.
async fn parent(call: &Call<'_>) -> Result<(MachineKey, String, Option<String>), ApiError> {
    let (request, engine) = (&call.request, call.engine());
    match (request.has("stateMachineArn"), request.opt_str("mapRunArn")) {
        // API reference, `statusFilter`; AWS documents no text.
        (true, None) if request.opt_str("statusFilter") == Some(Status::PendingRedrive.name()) => {
            Err(ApiError::validation("mapRunArn must be specified when statusFilter is PENDING_REDRIVE"))
        }
        (true, None) => {
            let arn = call.machine_arn("stateMachineArn")?;
            let machine = lookup::existing_machine(engine, &arn).await?;
            if machine.express {
                return Err(ApiError::state_machine_type_not_supported());
            }
            Ok((machine.key, arn.to_string(), arn.qualifier.as_ref().map(|_| arn.to_string())))
        }
        (false, Some(_)) => {
            let arn = call.map_run_arn("mapRunArn")?.to_string();
            let run = registry::map_run(&**engine.store(), &arn).map_err(store_failure)?;
            Ok((run.ok_or_else(|| ApiError::resource_not_found(&arn))?.children, arn, None))
        }
        _ => Err(ApiError::validation_because(
            InvalidReason::MissingRequiredParameter,
            "Exactly one of stateMachineArn and mapRunArn must be specified",
        )),
    }
}

fn status_named(name: &str) -> Option<Status> {
    use Status::{Aborted, Failed, PendingRedrive, Running, Succeeded, TimedOut};
    [Running, Succeeded, Failed, TimedOut, Aborted, PendingRedrive].into_iter().find(|status| status.name() == name)
}

fn item(record: &ExecutionRecord, map_run: Option<&Arc<str>>) -> Value {
    let identity = &record.identity;
    Shape::new()
        .with("executionArn", text(&identity.execution_arn))
        .with("stateMachineArn", text(&identity.state_machine_arn))
        .with("name", text(&identity.name))
        .with("status", record.status.name())
        .with("startDate", date(identity.started))
        .with_some("stopDate", record.stopped.map(date))
        .with("redriveCount", count(u64::from(record.redrive_count)))
        .with_some("redriveDate", record.redriven.map(date))
        .with_some("mapRunArn", map_run.map(text))
        .with_some("itemCount", map_run.map(|_| count(1))) // a child gets one item, as DescribeMapRun counts them
        .with_some("stateMachineVersionArn", identity.version_arn.as_ref().map(text))
        .with_some("stateMachineAliasArn", identity.alias_arn.as_ref().map(text))
        .build()
}
