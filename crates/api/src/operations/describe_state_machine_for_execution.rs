//! DescribeStateMachineForExecution

use std::sync::Arc;

use stepwell_engine::{Resolved, registry};
use stepwell_model::ApiError;
use stepwell_store::record::MachineRecord;

use super::Answer;
use crate::call::Call;
use crate::wire::{Shape, date, store_failure, text};
use crate::{lookup, machines};

/// Describes the revision that an execution was started with.
pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let engine = call.engine();
    let arn = call.execution_arn("executionArn")?;
    let execution = lookup::execution(engine, &arn).await?;
    let scope = lookup::scope(&arn.scope);
    let revision = registry::revision(&**engine.store(), &scope, execution.machine, &execution.revision_id);
    let revision = revision
        .map_err(store_failure)?
        .ok_or_else(|| ApiError::execution_does_not_exist(&execution.identity.execution_arn))?;
    let identity = &execution.identity;
    // The machine itself may be gone; its revisions stay as long as executions do.
    let machine = MachineRecord {
        key: execution.machine,
        arn: Arc::clone(&identity.state_machine_arn),
        name: Arc::clone(&identity.state_machine_name),
        express: identity.express,
        created: revision.created,
        revision_id: Arc::clone(&revision.revision_id),
        next_version: 1,
        deleting: false,
        tags: Vec::new(),
    };
    let resolved =
        Resolved { machine: Arc::new(machine), revision: Arc::new(revision), version: None, alias: None };
    let definition = engine.definition(&resolved).map_err(store_failure)?;
    let mut shape = Shape::new()
        .with("stateMachineArn", text(&resolved.machine.arn))
        .with("name", text(&resolved.machine.name))
        .with("updateDate", date(resolved.revision.created))
        .with_some("mapRunArn", lookup::map_run_of(&execution))
        .with_some("label", execution.identity.state_machine_name.split_once('/').map(|(_, label)| label));
    machines::put_definition(&mut shape, &definition, machines::metadata_only(&call.request));
    machines::put_revision(&mut shape, &resolved.revision, call.config().shows_default_encryption);
    Ok(shape.build())
}
