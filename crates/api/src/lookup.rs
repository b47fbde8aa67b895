//! Finding what an ARN means, with AWS's errors where there is nothing.

use stepwell_engine::resolve::{ResolveError, resolve};
use stepwell_engine::{Handle, Resolved, Scope, names, registry};
use stepwell_model::ApiError;
use stepwell_model::arn::{self, ActivityArn, ExecutionArn, StateMachineArn};
use stepwell_store::record::{ActivityRecord, ExecutionRecord, MachineRecord, RecordBody};
use stepwell_store::{Described, ExecutionKey, MachineKey, Record, RecordKind, Which};

use crate::machines;
use crate::wire::store_failure;

/// The engine's form of a scope.
pub(crate) fn scope(scope: &arn::Scope) -> Scope {
    Scope { account: scope.account.to_string(), region: scope.region.to_string() }
}

/// The machine of this name, whatever version or alias the ARN names; `None` when there is none. One whose deletion was
/// waiting for its last execution to end is gone when it has.
pub(crate) async fn machine(engine: &Handle, arn: &StateMachineArn) -> Result<Option<MachineRecord>, ApiError> {
    let scope = scope(&arn.scope);
    let found = registry::machine(&**engine.store(), &scope, &arn.name).map_err(store_failure)?;
    match found {
        Some(machine) if machine.deleting => machines::settle(engine, &scope, &arn.name).await,
        other => Ok(other),
    }
}

/// The same, StateMachineDoesNotExist when there is none.
pub(crate) async fn existing_machine(engine: &Handle, arn: &StateMachineArn) -> Result<MachineRecord, ApiError> {
    machine(engine, arn).await?.ok_or_else(|| ApiError::state_machine_does_not_exist(&arn.to_string()))
}

/// The machine and revision that an ARN means.
pub(crate) async fn resolved(engine: &Handle, text: &str) -> Result<Resolved, ApiError> {
    match resolve(engine, text).await {
        Ok(resolved) => Ok(resolved),
        Err(ResolveError::Deleting) => match existing_machine(engine, &StateMachineArn::parse(text)?).await {
            Ok(_) => Err(ApiError::state_machine_deleting(text)),
            Err(error) => Err(error),
        },
        Err(ResolveError::InvalidArn | ResolveError::NotFound) => Err(ApiError::state_machine_does_not_exist(text)),
        Err(ResolveError::Store(error)) => Err(store_failure(error)),
    }
}

/// The execution with this ARN. Names that Stepwell made lead straight to it; others by the machine.
pub(crate) async fn execution(engine: &Handle, arn: &ExecutionArn) -> Result<ExecutionRecord, ApiError> {
    let text = arn.to_string();
    let missing = || ApiError::execution_does_not_exist(&text);
    let key = match which(engine, arn).await?.ok_or_else(missing)? {
        Which::Key(key) => Some(key),
        Which::Named(machine, name) => engine.store().execution_named(machine, name).map_err(store_failure)?,
    };
    let record = engine.store().execution(key.ok_or_else(missing)?).map_err(store_failure)?;
    record.filter(|record| *record.identity.execution_arn == *text).ok_or_else(missing)
}

/// The same with what describing it takes, read at once.
pub(crate) async fn described(engine: &Handle, arn: &ExecutionArn) -> Result<Described, ApiError> {
    let text = arn.to_string();
    let missing = || ApiError::execution_does_not_exist(&text);
    let which = which(engine, arn).await?.ok_or_else(missing)?;
    let found = engine.store().described(which).map_err(store_failure)?;
    found.filter(|found| *found.record.identity.execution_arn == *text).ok_or_else(missing)
}

/// How the store knows an execution; `None` when there is no such thing.
async fn which<'a>(engine: &Handle, arn: &'a ExecutionArn) -> Result<Option<Which<'a>>, ApiError> {
    Ok(match names::key_of(engine.secret(), &arn.name) {
        Some(key) => Some(Which::Key(key)),
        None if arn.label.is_some() => map_run_child(engine, arn)?.map(Which::Key),
        None => machine_key(engine, &arn.state_machine_arn()).await?.map(|machine| Which::Named(machine, &arn.name)),
    })
}

/// The number of a machine. Nothing is read when it was looked up lately; when it was not, it will have been.
async fn machine_key(engine: &Handle, arn: &StateMachineArn) -> Result<Option<MachineKey>, ApiError> {
    let text = arn.to_string();
    if let Some(known) = engine.known_machine(&text) {
        return Ok(Some(known.machine.key));
    }
    match resolve(engine, &text).await {
        Ok(resolved) => Ok(Some(resolved.machine.key)),
        Err(_) => Ok(machine(engine, arn).await?.map(|machine| machine.key)), // it is being deleted, or is not there
    }
}

/// A child of a Map Run: its ARN names the Map state, not the run, so that all runs of that state are asked.
fn map_run_child(engine: &Handle, arn: &ExecutionArn) -> Result<Option<ExecutionKey>, ApiError> {
    let prefix = format!("{}/{}:", arn.state_machine, arn.label.as_deref().unwrap_or(""));
    for record in records(engine, RecordKind::MapRun, &scope(&arn.scope), &prefix, None, usize::MAX)? {
        let RecordBody::MapRun(run) = record.body else { continue };
        if let Some(key) = engine.store().execution_named(run.children, &arn.name).map_err(store_failure)? {
            return Ok(Some(key));
        }
    }
    Ok(None)
}

/// The Map Run that an execution is a child of: its machine is named `MACHINE/LABEL`, its revision by the run's UUID.
pub(crate) fn map_run_of(record: &ExecutionRecord) -> Option<String> {
    let identity = &record.identity;
    identity.is_child().then(|| {
        let base = identity.state_machine_arn.replacen(":stateMachine:", ":mapRun:", 1);
        format!("{base}:{}", record.revision_id)
    })
}

/// The activity with this ARN; `None` when there is none.
pub(crate) fn activity(engine: &Handle, arn: &ActivityArn) -> Result<Option<ActivityRecord>, ApiError> {
    let scope = scope(&arn.scope).to_string();
    let record = engine.store().record(RecordKind::Activity, &scope, &arn.name).map_err(store_failure)?;
    Ok(record.and_then(|record| match record.body {
        RecordBody::Activity(activity) => Some(activity),
        _ => None,
    }))
}

/// Records whose names begin with a prefix, by name: at most `limit` after `after`.
pub(crate) fn records(
    engine: &Handle,
    kind: RecordKind,
    scope: &Scope,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<Record>, ApiError> {
    engine.store().records(kind, &scope.to_string(), prefix, after, limit).map_err(store_failure)
}
