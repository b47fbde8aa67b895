//! UpdateStateMachine

use std::sync::Arc;

use stepwell_engine::Scope;
use stepwell_model::arn::StateMachineArn;
use stepwell_model::{ApiError, Request};
use stepwell_store::record::{MachineRecord, RecordBody, RevisionRecord};

use super::Answer;
use crate::call::Call;
use crate::ids::uuid;
use crate::settings::{Settings, check_role};
use crate::wire::{Shape, date};
use crate::{lookup, machines};

pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let (request, engine) = (&call.request, call.engine());
    let arn = call.machine_arn("stateMachineArn")?;
    let settings = Settings::of(request)?;
    if !request.has("definition") && !request.has("roleArn") && settings.is_empty() {
        return Err(ApiError::nothing_to_update());
    }
    let publish = request.flag("publish");
    if request.has("versionDescription") && !publish {
        return Err(ApiError::version_description_without_publish());
    }
    if let Some(role_arn) = request.opt_str("roleArn") {
        check_role(role_arn)?;
    }
    if arn.qualifier.is_some() {
        return Err(ApiError::state_machine_does_not_exist(&arn.to_string()));
    }
    lookup::existing_machine(engine, &arn).await?;

    let _lock = engine.lock_registry().await;
    let scope = lookup::scope(&arn.scope);
    let mut machine = updatable(call, &scope, &arn)?;
    let current = machines::current_revision(engine, &scope, &machine)?;
    let definition = match request.opt_str("definition") {
        Some(text) => Some(Arc::new(machines::compiled(text, machine.express)?)),
        None => None,
    };
    let text = definition.as_ref().map_or(&current.definition, |definition| &definition.text);
    let next = next_revision(call, request, &current, Arc::clone(text), settings);
    let mut writes = Vec::new();
    if !machines::same_content(&current, &next) {
        machine.revision_id = Arc::clone(&next.revision_id);
        if let Some(definition) = definition {
            engine.keep_definition(machine.key, &next.revision_id, definition);
        }
        writes.push(machines::put(&scope, RecordBody::Revision(next)));
    }
    let mut answer = Shape::new().with("updateDate", date(engine.now()));
    answer.put_some("revisionId", machines::shown_revision(&machine.revision_id));
    if publish {
        let (description, max) = (request.opt_text("versionDescription"), call.config().limits.versions_max);
        let version = machines::publish(engine, &scope, &mut machine, description, max, &mut writes)?;
        answer.put("stateMachineVersionArn", machines::version_arn(&machine, version.number));
    }
    if !writes.is_empty() {
        writes.push(machines::put(&scope, RecordBody::Machine(machine)));
    }
    machines::write(engine, writes).await?;
    Ok(answer.build())
}

/// The machine, read under the lock.
fn updatable(call: &Call<'_>, scope: &Scope, arn: &StateMachineArn) -> Result<MachineRecord, ApiError> {
    let store = &**call.engine().store();
    let machine = stepwell_engine::registry::machine(store, scope, &arn.name).map_err(crate::wire::store_failure)?;
    match machine {
        None => Err(ApiError::state_machine_does_not_exist(&arn.to_string())),
        Some(machine) if machine.deleting => Err(ApiError::state_machine_deleting(&machine.arn)),
        Some(machine) => Ok(machine),
    }
}

/// The revision that the update makes: what the request does not name stays as it is.
fn next_revision(
    call: &Call<'_>,
    request: &Request,
    current: &RevisionRecord,
    definition: Arc<str>,
    settings: Settings,
) -> RevisionRecord {
    RevisionRecord {
        machine: current.machine,
        revision_id: Arc::from(uuid()),
        created: call.engine().now(),
        definition,
        role_arn: request.opt_text("roleArn").unwrap_or_else(|| Arc::clone(&current.role_arn)),
        logging: settings.logging.or_else(|| current.logging.clone()),
        tracing: settings.tracing.or_else(|| current.tracing.clone()),
        encryption: settings.encryption.or_else(|| current.encryption.clone()),
    }
}
