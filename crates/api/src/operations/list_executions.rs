//! ListExecutions

use stepwell_interpreter::Status;
use stepwell_model::{ApiError, InvalidReason};
use stepwell_store::{ExecutionFilter, ExecutionKey, ExecutionRecord};
use stepwell_value::Value;

use super::Answer;
use crate::call::Call;
use crate::lookup;
use crate::pages::Page;
use crate::wire::{Shape, count, date, store_failure, text};

/// Lists the executions of a machine, a version or an alias, the newest first.
pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let (request, engine) = (&call.request, call.engine());
    match (request.has("stateMachineArn"), request.opt_str("mapRunArn")) {
        (true, None) => {}
        (false, Some(map_run)) => return Err(ApiError::resource_not_found(map_run)),
        _ => {
            return Err(ApiError::validation_because(
                InvalidReason::MissingRequiredParameter,
                "Exactly one of stateMachineArn and mapRunArn must be specified",
            ));
        }
    }
    let arn = call.machine_arn("stateMachineArn")?;
    let machine = lookup::existing_machine(engine, &arn).await?;
    if machine.express {
        return Err(ApiError::state_machine_type_not_supported());
    }
    let (status, redrive) = (request.opt_str("statusFilter"), request.opt_str("redriveFilter"));
    let page = Page::of(call, &[&arn.to_string(), status.unwrap_or(""), redrive.unwrap_or("")])?;
    let filter = ExecutionFilter {
        machine: machine.key,
        status: status.and_then(status_named),
        redriven: redrive.map(|filter| filter == "REDRIVEN"),
        qualifier_arn: arn.qualifier.as_ref().map(|_| arn.to_string()),
    };
    let before = page.after_number()?.map(ExecutionKey);
    let found = engine.executions(&filter, before, page.to_read()).map_err(store_failure)?;
    Ok(page.answer("executions", found, |last| last.key.0.to_be_bytes().to_vec(), item))
}

fn status_named(name: &str) -> Option<Status> {
    use Status::{Aborted, Failed, PendingRedrive, Running, Succeeded, TimedOut};
    [Running, Succeeded, Failed, TimedOut, Aborted, PendingRedrive].into_iter().find(|status| status.name() == name)
}

fn item(record: &ExecutionRecord) -> Value {
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
        .with_some("stateMachineVersionArn", identity.version_arn.as_ref().map(text))
        .with_some("stateMachineAliasArn", identity.alias_arn.as_ref().map(text))
        .build()
}
