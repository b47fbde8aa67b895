//! What the operations on state machines share: compiling, revisions, publishing, deletion.

use std::sync::Arc;

use stepwell_asl::{Definition, MachineType, Options, aws_message, compile};
use stepwell_engine::{Handle, Scope, registry};
use stepwell_interpreter::Status;
use stepwell_model::ApiError;
use stepwell_store::record::{AliasRecord, MachineRecord, RecordBody, RevisionRecord, VersionRecord};
use stepwell_store::{ExecutionFilter, MachineKey, RecordKind, Write};
use stepwell_value::Value;

use crate::lookup::records;
use crate::settings::{self, LOGGING_OFF, TRACING_OFF};
use crate::wire::{Shape, store_failure, text};

/// The id of a machine's first revision. PublishStateMachineVersion takes it as this word; no answer shows it.
pub(crate) const FIRST_REVISION: &str = "INITIAL";

/// Compiles a definition.
///
/// # Errors
/// InvalidDefinition with everything that is wrong.
pub(crate) fn compiled(definition: &str, express: bool) -> Result<Definition, ApiError> {
    let machine_type = if express { MachineType::Express } else { MachineType::Standard };
    let compiled = compile(definition, &Options { machine_type, warnings: false });
    compiled.definition.ok_or_else(|| ApiError::invalid_definition_plain(aws_message(&compiled.diagnostics)))
}

/// The revision in force.
pub(crate) fn current_revision(
    engine: &Handle,
    scope: &Scope,
    machine: &MachineRecord,
) -> Result<RevisionRecord, ApiError> {
    let found = registry::revision(&**engine.store(), scope, machine.key, &machine.revision_id);
    found.map_err(store_failure)?.ok_or_else(|| {
        ApiError::internal_failure(format!("revision {} of {} is missing", machine.revision_id, machine.arn))
    })
}

/// The id of a revision as answers show it: the first one has none.
pub(crate) fn shown_revision(id: &Arc<str>) -> Option<Value> {
    (&**id != FIRST_REVISION).then(|| text(id))
}

/// Whether two revisions are of the same content, so that an update would change nothing.
pub(crate) fn same_content(one: &RevisionRecord, two: &RevisionRecord) -> bool {
    one.role_arn == two.role_arn && same_behaviour(one, two)
}

/// Whether two revisions differ in nothing but the role, which CreateStateMachine does not look at.
pub(crate) fn same_behaviour(one: &RevisionRecord, two: &RevisionRecord) -> bool {
    let shown = |stored: &Option<Arc<str>>, default: &str| stored.as_deref().unwrap_or(default).to_owned();
    one.definition == two.definition
        && shown(&one.logging, LOGGING_OFF) == shown(&two.logging, LOGGING_OFF)
        && shown(&one.tracing, TRACING_OFF) == shown(&two.tracing, TRACING_OFF)
        && shown(&one.encryption, settings::OWNED_KEY) == shown(&two.encryption, settings::OWNED_KEY)
}

/// Puts what Describe… answers say of a revision.
pub(crate) fn put_revision(shape: &mut Shape, revision: &RevisionRecord, shows_default_encryption: bool) {
    shape
        .put("roleArn", text(&revision.role_arn))
        .put("loggingConfiguration", settings::shown(revision.logging.as_ref(), LOGGING_OFF))
        .put("tracingConfiguration", settings::shown(revision.tracing.as_ref(), TRACING_OFF))
        .put_some("revisionId", shown_revision(&revision.revision_id));
    if revision.encryption.is_some() || shows_default_encryption {
        shape.put("encryptionConfiguration", settings::shown(revision.encryption.as_ref(), settings::OWNED_KEY));
    }
}

/// Puts `definition` and `variableReferences`; with METADATA_ONLY the definition is `{}`.
pub(crate) fn put_definition(shape: &mut Shape, definition: &Definition, metadata_only: bool) {
    if metadata_only {
        shape.put("definition", "{}");
        return;
    }
    shape.put("definition", text(&definition.text));
    if !definition.variable_references.is_empty() {
        let references = definition.variable_references.iter();
        let references = references.map(|(state, names)| (Arc::clone(state), Value::array(names.iter().map(text))));
        shape.put("variableReferences", Value::object(references));
    }
}

/// Whether a request asks for METADATA_ONLY.
pub(crate) fn metadata_only(request: &stepwell_model::Request) -> bool {
    request.opt_str("includedData") == Some("METADATA_ONLY")
}

/// All versions of a machine, in the order of their numbers.
pub(crate) fn versions(engine: &Handle, scope: &Scope, machine: MachineKey) -> Result<Vec<VersionRecord>, ApiError> {
    let prefix = registry::machine_prefix(machine);
    let found = records(engine, RecordKind::Version, scope, &prefix, None, usize::MAX)?;
    Ok(found
        .into_iter()
        .filter_map(|record| if let RecordBody::Version(it) = record.body { Some(it) } else { None })
        .collect())
}

/// All aliases of a machine, by name.
pub(crate) fn aliases(engine: &Handle, scope: &Scope, machine: MachineKey) -> Result<Vec<AliasRecord>, ApiError> {
    let prefix = registry::machine_prefix(machine);
    let found = records(engine, RecordKind::Alias, scope, &prefix, None, usize::MAX)?;
    Ok(found
        .into_iter()
        .filter_map(|record| if let RecordBody::Alias(it) = record.body { Some(it) } else { None })
        .collect())
}

/// Publishes the revision in force, unless it is published already: then that version is the answer. What has to be
/// written is added to `writes`; the machine's record is the caller's to write.
///
/// # Errors
/// ServiceQuotaExceededException.
pub(crate) fn publish(
    engine: &Handle,
    scope: &Scope,
    machine: &mut MachineRecord,
    description: Option<Arc<str>>,
    versions_max: u64,
    writes: &mut Vec<Write>,
) -> Result<VersionRecord, ApiError> {
    let versions = versions(engine, scope, machine.key)?;
    if let Some(published) = versions.iter().find(|version| version.revision_id == machine.revision_id) {
        return Ok(published.clone());
    }
    if versions.len() as u64 >= versions_max {
        return Err(ApiError::service_quota_exceeded("The maximum number of state machine versions has been reached."));
    }
    let version = VersionRecord {
        machine: machine.key,
        number: machine.next_version,
        revision_id: Arc::clone(&machine.revision_id),
        description,
        created: engine.now(),
    };
    machine.next_version += 1;
    writes.push(put(scope, RecordBody::Version(version.clone())));
    Ok(version)
}

/// The ARN of a version.
pub(crate) fn version_arn(machine: &MachineRecord, number: u64) -> Value {
    Value::from(format!("{}:{number}", machine.arn))
}

/// The write of a record.
pub(crate) fn put(scope: &Scope, body: RecordBody) -> Write {
    Write::Put(Box::new(registry::record(scope, body)))
}

/// Writes records; durable when it returns.
pub(crate) async fn write(engine: &Handle, writes: Vec<Write>) -> Result<(), ApiError> {
    if writes.is_empty() {
        return Ok(());
    }
    engine.write(writes).await.map(|_| ()).map_err(store_failure)
}

/// Removes a machine, or marks it while executions of it run; they go on with the revision they were started with.
/// The caller holds the registry's lock.
pub(crate) async fn delete(engine: &Handle, scope: &Scope, mut machine: MachineRecord) -> Result<(), ApiError> {
    let writes = if has_executions(engine, machine.key, Some(Status::Running))? {
        machine.deleting = true;
        vec![put(scope, RecordBody::Machine(machine))]
    } else {
        removal(engine, scope, &machine)?
    };
    write(engine, writes).await
}

/// Ends the deletion of a machine whose last execution has ended; gives the machine when it is still there.
pub(crate) async fn settle(engine: &Handle, scope: &Scope, name: &str) -> Result<Option<MachineRecord>, ApiError> {
    let _lock = engine.lock_registry().await;
    let machine = registry::machine(&**engine.store(), scope, name).map_err(store_failure)?;
    let Some(machine) = machine else { return Ok(None) };
    if !machine.deleting || has_executions(engine, machine.key, Some(Status::Running))? {
        return Ok(Some(machine));
    }
    write(engine, removal(engine, scope, &machine)?).await?;
    Ok(None)
}

/// What removes a machine with its versions and aliases. Revisions go only when no execution may ask for them.
fn removal(engine: &Handle, scope: &Scope, machine: &MachineRecord) -> Result<Vec<Write>, ApiError> {
    let place = scope.to_string();
    let remove = |kind, name: String| Write::Remove { kind, scope: place.clone(), name };
    let mut writes = vec![remove(RecordKind::Machine, machine.name.to_string())];
    let mut kinds = vec![RecordKind::Version, RecordKind::Alias];
    if !has_executions(engine, machine.key, None)? {
        kinds.push(RecordKind::Revision);
    }
    let prefix = registry::machine_prefix(machine.key);
    for kind in kinds {
        let found = records(engine, kind, scope, &prefix, None, usize::MAX)?;
        writes.extend(found.into_iter().map(|record| remove(kind, record.name.to_string())));
    }
    Ok(writes)
}

fn has_executions(engine: &Handle, machine: MachineKey, status: Option<Status>) -> Result<bool, ApiError> {
    let filter = ExecutionFilter { machine, status, redriven: None, qualifier_arn: None };
    Ok(!engine.executions(&filter, None, 1).map_err(store_failure)?.is_empty())
}
