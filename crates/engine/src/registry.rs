//! The registry: state machines with their revisions, versions and aliases, and activities. Reads come from the store;
//! writes are durable when they return. What AWS allows is decided by the API; here is only the mechanics.

use std::fmt;
use std::sync::Arc;

use stepwell_store::record::{AliasRecord, MachineRecord, MapRunRecord, RecordBody, RevisionRecord, VersionRecord};
use stepwell_store::{Error, MachineKey, Record, RecordKind, Store};

/// Account and region: names are unique within.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// Twelve digits.
    pub account: String,
    /// `us-east-1`
    pub region: String,
}

impl Scope {
    /// The scope in an ARN; empty parts where the text is none.
    pub fn of_arn(arn: &str) -> Scope {
        let mut parts = arn.split(':').skip(3);
        let region = parts.next().unwrap_or("").to_owned();
        let account = parts.next().unwrap_or("").to_owned();
        Scope { account, region }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.account, self.region)
    }
}

/// A state machine with the revision that is meant.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// The machine.
    pub machine: Arc<MachineRecord>,
    /// The revision in force, or the version's.
    pub revision: Arc<RevisionRecord>,
    /// The version that was named, or that the alias chose: its number.
    pub version: Option<u64>,
    /// The alias that was named.
    pub alias: Option<Arc<str>>,
}

impl Resolved {
    /// The ARN of the version, when there is one.
    pub fn version_arn(&self) -> Option<Arc<str>> {
        self.version.map(|number| Arc::from(format!("{}:{number}", self.machine.arn)))
    }

    /// The ARN of the alias, when there is one.
    pub fn alias_arn(&self) -> Option<Arc<str>> {
        self.alias.as_ref().map(|name| Arc::from(format!("{}:{name}", self.machine.arn)))
    }
}

/// The name of a revision's record.
pub fn revision_name(machine: MachineKey, revision: &str) -> String {
    format!("{:016x}/{revision}", machine.0)
}

/// The name of a version's record.
pub fn version_name(machine: MachineKey, number: u64) -> String {
    format!("{:016x}/{number:010}", machine.0)
}

/// The name of an alias's record.
pub fn alias_name(machine: MachineKey, alias: &str) -> String {
    format!("{:016x}/{alias}", machine.0)
}

/// What the names of a machine's versions, aliases and revisions begin with.
pub fn machine_prefix(machine: MachineKey) -> String {
    format!("{:016x}/", machine.0)
}

/// A machine by name.
///
/// # Errors
/// When the store cannot be read.
pub fn machine(store: &dyn Store, scope: &Scope, name: &str) -> Result<Option<MachineRecord>, Error> {
    let record = store.record(RecordKind::Machine, &scope.to_string(), name)?;
    Ok(record.and_then(|record| match record.body {
        RecordBody::Machine(machine) => Some(machine),
        _ => None,
    }))
}

/// A revision of a machine.
///
/// # Errors
/// When the store cannot be read.
pub fn revision(
    store: &dyn Store,
    scope: &Scope,
    machine: MachineKey,
    id: &str,
) -> Result<Option<RevisionRecord>, Error> {
    let record = store.record(RecordKind::Revision, &scope.to_string(), &revision_name(machine, id))?;
    Ok(record.and_then(|record| match record.body {
        RecordBody::Revision(revision) => Some(revision),
        _ => None,
    }))
}

/// A version of a machine.
///
/// # Errors
/// When the store cannot be read.
pub fn version(
    store: &dyn Store,
    scope: &Scope,
    machine: MachineKey,
    number: u64,
) -> Result<Option<VersionRecord>, Error> {
    let record = store.record(RecordKind::Version, &scope.to_string(), &version_name(machine, number))?;
    Ok(record.and_then(|record| match record.body {
        RecordBody::Version(version) => Some(version),
        _ => None,
    }))
}

/// An alias of a machine.
///
/// # Errors
/// When the store cannot be read.
pub fn alias(store: &dyn Store, scope: &Scope, machine: MachineKey, name: &str) -> Result<Option<AliasRecord>, Error> {
    let record = store.record(RecordKind::Alias, &scope.to_string(), &alias_name(machine, name))?;
    Ok(record.and_then(|record| match record.body {
        RecordBody::Alias(alias) => Some(alias),
        _ => None,
    }))
}

/// A record of the registry with its place.
pub fn record(scope: &Scope, body: RecordBody) -> Record {
    let name = match &body {
        RecordBody::Machine(machine) => machine.name.to_string(),
        RecordBody::Revision(revision) => revision_name(revision.machine, &revision.revision_id),
        RecordBody::Version(version) => version_name(version.machine, version.number),
        RecordBody::Alias(alias) => alias_name(alias.machine, &alias.name),
        RecordBody::Activity(activity) => activity.name.to_string(),
        RecordBody::MapRun(run) => map_run_name(&run.arn).to_owned(),
        RecordBody::Role(role) => role.name.to_lowercase(),
    };
    Record { scope: Arc::from(scope.to_string()), name: Arc::from(name), body }
}

/// The name of a Map Run's record: `MACHINE/LABEL:UUID`.
pub fn map_run_name(arn: &str) -> &str {
    arn.split_once(":mapRun:").map_or(arn, |(_, name)| name)
}

/// A Map Run by its ARN.
///
/// # Errors
/// When the store cannot be read.
pub fn map_run(store: &dyn Store, arn: &str) -> Result<Option<MapRunRecord>, Error> {
    let record = store.record(RecordKind::MapRun, &Scope::of_arn(arn).to_string(), map_run_name(arn))?;
    Ok(record.and_then(|record| match record.body {
        RecordBody::MapRun(run) => Some(run),
        _ => None,
    }))
}

/// Whether the activity with this ARN exists.
///
/// # Errors
/// When the store cannot be read.
pub fn activity_exists(store: &dyn Store, arn: &str) -> Result<bool, Error> {
    let Some((_, name)) = arn.split_once(":activity:") else { return Ok(false) };
    Ok(store.record(RecordKind::Activity, &Scope::of_arn(arn).to_string(), name)?.is_some())
}
