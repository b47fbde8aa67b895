//! PublishStateMachineVersion

use stepwell_model::ApiError;
use stepwell_store::record::RecordBody;

use super::Answer;
use crate::call::Call;
use crate::wire::{Shape, date, store_failure};
use crate::{lookup, machines};

/// Publishes the revision in force; one that is published already gives its version (recorded: test_idempotent_publish).
pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let (request, engine) = (&call.request, call.engine());
    let arn = call.machine_arn("stateMachineArn")?;
    let missing = || ApiError::state_machine_does_not_exist(&arn.to_string());
    if arn.qualifier.is_some() {
        return Err(missing());
    }
    lookup::existing_machine(engine, &arn).await?;
    let scope = lookup::scope(&arn.scope);
    let _lock = engine.lock_registry().await;
    let found = stepwell_engine::registry::machine(&**engine.store(), &scope, &arn.name).map_err(store_failure)?;
    let mut machine = found.ok_or_else(missing)?;
    if machine.deleting {
        return Err(ApiError::state_machine_deleting(&machine.arn));
    }
    if let Some(revision) = request.opt_str("revisionId").filter(|revision| **revision != *machine.revision_id) {
        return Err(ApiError::revision_is_not_current(revision, &machine.revision_id));
    }
    let (description, max) = (request.opt_text("description"), call.config().limits.versions_max);
    let mut writes = Vec::new();
    let version = machines::publish(engine, &scope, &mut machine, description, max, &mut writes)?;
    let answer = Shape::new()
        .with("creationDate", date(version.created))
        .with("stateMachineVersionArn", machines::version_arn(&machine, version.number));
    if !writes.is_empty() {
        writes.push(machines::put(&scope, RecordBody::Machine(machine)));
    }
    machines::write(engine, writes).await?;
    Ok(answer.build())
}
