//! ForkExecution: a new execution that goes on from a past event of another one, with other input or another definition.

use std::sync::Arc;

use stepwell_engine::{ForkError, ForkRequest, Resolved, registry};
use stepwell_interpreter::ForkRefusal;
use stepwell_model::{ApiError, check_name};
use stepwell_store::Write;
use stepwell_store::record::{ExecutionRecord, RecordBody, RevisionRecord};
use stepwell_value::Payload;

use super::describe_lineage::forked_from;
use crate::call::Call;
use crate::ids::uuid;
use crate::operations::{Answer, start_error};
use crate::wire::{Shape, date, store_failure, text};
use crate::{lookup, machines};

pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let (request, engine) = (&call.request, call.engine());
    let event = request.opt_i64("eventId").unwrap_or(0).max(0).unsigned_abs();
    let source = source(call).await?;
    let name = request.opt_str("name");
    name.map_or(Ok(()), check_name)?;
    let input = request.opt_text("input").map(|text| match text.is_empty() {
        true => Err(ApiError::empty_execution_input()),
        false => Payload::from_text(text).map_err(|error| ApiError::invalid_execution_input(&error.message)),
    });
    let input = input.transpose()?;
    call.api.throttle.make_room_beside(engine, &source.identity.execution_arn).await?;
    let (resolved, records) = resolved(call, &source).await?;
    let name = name.map(str::to_owned);
    let forked = engine.fork(ForkRequest { source: source.clone(), event, input, resolved, records, name }).await;
    let forked = forked.map_err(|error| match error {
        ForkError::Refused(refusal) => refused(&refusal),
        ForkError::Start(error) => start_error(error),
    })?;
    let from = stepwell_store::record::ForkedFrom { execution_arn: source.identity.execution_arn.clone(), event };
    Ok(Shape::new()
        .with("executionArn", text(&forked.execution_arn))
        .with("startDate", date(forked.started))
        .with("forkedFrom", forked_from(&from))
        .build())
}

/// The execution to fork. Express executions leave no history; the children of a Map Run belong to their run.
async fn source(call: &Call<'_>) -> Result<ExecutionRecord, ApiError> {
    let arn = call.execution_arn("executionArn")?;
    let record = lookup::execution(call.engine(), &arn).await?;
    if !record.identity.is_kept() {
        return Err(ApiError::state_machine_type_not_supported());
    }
    if lookup::map_run_of(&record).is_some() {
        let why = "it is a child of a Map Run; fork the parent execution instead";
        return Err(ApiError::execution_not_forkable(why));
    }
    Ok(record)
}

/// The machine, and the revision that the fork runs: the source's, or one of its own that is not in force, and is to be
/// written first.
///
/// # Errors
/// StateMachineDoesNotExist, StateMachineDeleting, InvalidDefinition.
async fn resolved(call: &Call<'_>, source: &ExecutionRecord) -> Result<(Resolved, Vec<Write>), ApiError> {
    let (engine, identity) = (call.engine(), &source.identity);
    let arn = call.machine_arn_in(&identity.state_machine_arn)?;
    let machine = lookup::existing_machine(engine, &arn).await?;
    if machine.key != source.machine {
        return Err(ApiError::state_machine_does_not_exist(&identity.state_machine_arn)); // another one of its name
    }
    if machine.deleting {
        return Err(ApiError::state_machine_deleting(&identity.state_machine_arn));
    }
    let scope = lookup::scope(&arn.scope);
    let revision = registry::revision(&**engine.store(), &scope, machine.key, &source.revision_id);
    let revision = revision
        .map_err(store_failure)?
        .ok_or_else(|| ApiError::internal_failure(format!("revision {} is missing", source.revision_id)))?;
    let mut records = Vec::new();
    let revision = match call.request.opt_str("definition") {
        Some(text) if *text != *revision.definition => {
            let definition = Arc::new(machines::compiled(text, false)?);
            let own = RevisionRecord {
                revision_id: Arc::from(uuid()),
                created: engine.now(),
                definition: Arc::clone(&definition.text),
                ..revision
            };
            engine.keep_definition(machine.key, &own.revision_id, definition);
            records.push(machines::put(&scope, RecordBody::Revision(own.clone())));
            own
        }
        _ => revision,
    };
    let (machine, revision) = (Arc::new(machine), Arc::new(revision));
    Ok((Resolved { machine, revision, version: None, alias: None }, records))
}

fn refused(refusal: &ForkRefusal) -> ApiError {
    match refusal {
        ForkRefusal::NoSuchEvent => ApiError::validation(format!("eventId: {refusal}")),
        _ => ApiError::execution_not_forkable(&refusal.to_string()),
    }
}
