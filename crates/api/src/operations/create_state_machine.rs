//! CreateStateMachine

use std::sync::Arc;

use stepwell_engine::Scope;
use stepwell_model::arn::StateMachineArn;
use stepwell_model::{ApiError, check_name};
use stepwell_store::record::{MachineRecord, RecordBody, RevisionRecord, VersionRecord};
use stepwell_value::Value;

use super::Answer;
use crate::call::Call;
use crate::settings::{Settings, Tags, check_role, set_tags};
use crate::throttle::Resource;
use crate::wire::{Shape, date, text};
use crate::{lookup, machines};

pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let (request, engine) = (&call.request, call.engine());
    let name = request.str("name")?;
    check_name(name)?;
    let role_arn = request.str("roleArn")?;
    check_role(role_arn)?;
    let publish = request.flag("publish");
    let description = request.opt_text("versionDescription");
    if description.is_some() && !publish {
        return Err(ApiError::version_description_without_publish());
    }
    let settings = Settings::of(request)?;
    let express = request.opt_str("type") == Some("EXPRESS");
    let arn = StateMachineArn::new(&call.scope(), name);
    let mut tags = Tags::new();
    set_tags(&mut tags, request.list("tags"), &arn.to_string())?;
    let definition = Arc::new(machines::compiled(request.str("definition")?, express)?);

    lookup::machine(engine, &arn).await?; // ends a deletion that has waited for the last execution
    let scope = lookup::scope(&arn.scope);
    let _lock = engine.lock_registry().await;
    let existing = lookup_now(call, &scope, name)?;
    let now = engine.now();
    let key = existing.as_ref().map_or_else(|| engine.new_machine_key(), |machine| machine.key);
    let revision = RevisionRecord {
        machine: key,
        revision_id: Arc::from(machines::FIRST_REVISION),
        created: now,
        definition: Arc::clone(&definition.text),
        role_arn: Arc::from(role_arn),
        logging: settings.logging,
        tracing: settings.tracing,
        encryption: settings.encryption,
    };
    if let Some(existing) = existing {
        return created_before(call, &scope, &existing, express, &revision);
    }
    call.api.throttle.make_room(engine, Resource::StateMachines, &scope).await?;
    let mut machine = MachineRecord {
        key,
        arn: Arc::from(arn.to_string()),
        name: Arc::from(name),
        express,
        created: now,
        revision_id: Arc::clone(&revision.revision_id),
        next_version: 1,
        deleting: false,
        tags,
    };
    let mut writes = Vec::new();
    let version = match publish {
        true => Some(publish_first(call, &scope, &mut machine, description, &mut writes)?),
        false => None,
    };
    engine.keep_definition(key, &revision.revision_id, definition);
    writes.push(machines::put(&scope, RecordBody::Revision(revision)));
    writes.push(machines::put(&scope, RecordBody::Machine(machine.clone())));
    machines::write(engine, writes).await?;
    Ok(answer(&machine, version.as_ref()))
}

fn lookup_now(call: &Call<'_>, scope: &Scope, name: &str) -> Result<Option<MachineRecord>, ApiError> {
    stepwell_engine::registry::machine(&**call.engine().store(), scope, name).map_err(crate::wire::store_failure)
}

fn publish_first(
    call: &Call<'_>,
    scope: &Scope,
    machine: &mut MachineRecord,
    description: Option<Arc<str>>,
    writes: &mut Vec<stepwell_store::Write>,
) -> Result<VersionRecord, ApiError> {
    machines::publish(call.engine(), scope, machine, description, call.config().limits.versions_max, writes)
}

/// A machine of this name exists: fine when everything but role and tags is the same.
fn created_before(
    call: &Call<'_>,
    scope: &Scope,
    existing: &MachineRecord,
    express: bool,
    asked: &RevisionRecord,
) -> Answer {
    if existing.deleting {
        return Err(ApiError::state_machine_deleting(&existing.arn));
    }
    let different = || Err(ApiError::state_machine_already_exists(&existing.arn));
    let revision = machines::current_revision(call.engine(), scope, existing)?;
    if existing.express != express || !machines::same_behaviour(&revision, asked) {
        return different();
    }
    if !call.request.flag("publish") {
        return Ok(answer(existing, None));
    }
    let description = call.request.opt_text("versionDescription");
    let versions = machines::versions(call.engine(), scope, existing.key)?;
    let same = |version: &&VersionRecord| {
        version.revision_id == existing.revision_id && version.description == description
    };
    match versions.iter().find(same) {
        Some(version) => Ok(answer(existing, Some(version))),
        None => different(),
    }
}

fn answer(machine: &MachineRecord, version: Option<&VersionRecord>) -> Value {
    Shape::new()
        .with("stateMachineArn", text(&machine.arn))
        .with("creationDate", date(machine.created))
        .with_some("stateMachineVersionArn", version.map(|version| machines::version_arn(machine, version.number)))
        .build()
}
