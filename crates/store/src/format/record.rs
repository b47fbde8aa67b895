//! The stored forms of the registry's records.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stepwell_value::Timestamp;

use super::envelope::{self, Packing};
use super::role::{RoleV1, role_from_v1, role_to_v1};
use crate::record::{MapRunCounts, MapRunRecord, RecordBody};
use crate::{
    ActivityRecord, AliasRecord, Error, ExecutionKey, MachineKey, MachineRecord, RecordKind, RevisionRecord,
    VersionRecord,
};

const WHAT: &str = "a record of the registry";

pub(super) type TagsV1<'a> = Vec<(&'a str, &'a str)>;

#[derive(Serialize, Deserialize)]
enum BodyV1<'a> {
    Machine(#[serde(borrow)] MachineV1<'a>),
    Revision(#[serde(borrow)] RevisionV1<'a>),
    Version(#[serde(borrow)] VersionV1<'a>),
    Alias(#[serde(borrow)] AliasV1<'a>),
    Activity(#[serde(borrow)] ActivityV1<'a>),
    MapRun(#[serde(borrow)] MapRunV1<'a>),
    /// Variants are only ever added here, at the end.
    Role(#[serde(borrow)] RoleV1<'a>),
    /// A Map Run that was redriven: how often, and when the last time.
    RedrivenMapRun(#[serde(borrow)] MapRunV1<'a>, u64, i64),
    /// A Map Run with the number of its execution; how often it was redriven, and when the last time.
    MapRunOf(#[serde(borrow)] MapRunV1<'a>, u64, u64, Option<i64>),
}

#[derive(Serialize, Deserialize)]
struct MachineV1<'a> {
    key: u64,
    arn: &'a str,
    name: &'a str,
    express: bool,
    created: i64,
    revision_id: &'a str,
    next_version: u64,
    deleting: bool,
    #[serde(borrow)]
    tags: TagsV1<'a>,
}

#[derive(Serialize, Deserialize)]
struct RevisionV1<'a> {
    machine: u64,
    revision_id: &'a str,
    created: i64,
    definition: &'a str,
    role_arn: &'a str,
    logging: Option<&'a str>,
    tracing: Option<&'a str>,
    encryption: Option<&'a str>,
}

#[derive(Serialize, Deserialize)]
struct VersionV1<'a> {
    machine: u64,
    number: u64,
    revision_id: &'a str,
    description: Option<&'a str>,
    created: i64,
}

#[derive(Serialize, Deserialize)]
struct AliasV1<'a> {
    machine: u64,
    name: &'a str,
    description: Option<&'a str>,
    routing: Vec<(u64, u32)>,
    created: i64,
    updated: i64,
}

#[derive(Serialize, Deserialize)]
struct ActivityV1<'a> {
    arn: &'a str,
    name: &'a str,
    created: i64,
    encryption: Option<&'a str>,
    #[serde(borrow)]
    tags: TagsV1<'a>,
}

#[derive(Serialize, Deserialize)]
struct MapRunV1<'a> {
    children: u64,
    arn: &'a str,
    execution_arn: &'a str,
    state_machine_arn: &'a str,
    status: u8,
    started: i64,
    stopped: Option<i64>,
    max_concurrency: u64,
    tolerated_count: Option<u64>,
    tolerated_percentage: Option<f64>,
    counts: [u64; 5],
}

/// The number of a kind in stored data.
pub fn kind_number(kind: RecordKind) -> u8 {
    match kind {
        RecordKind::Machine => 0,
        RecordKind::Revision => 1,
        RecordKind::Version => 2,
        RecordKind::Alias => 3,
        RecordKind::Activity => 4,
        RecordKind::MapRun => 5,
        RecordKind::Role => 6,
    }
}

/// The stored form of a record's body, compressed when that helps.
///
/// # Errors
/// When it cannot be written, which is a bug.
pub fn encode_record(body: &RecordBody) -> Result<Vec<u8>, Error> {
    let form = match body {
        RecordBody::Machine(record) => BodyV1::Machine(machine_to_v1(record)),
        RecordBody::Revision(record) => BodyV1::Revision(revision_to_v1(record)),
        RecordBody::Version(record) => BodyV1::Version(version_to_v1(record)),
        RecordBody::Alias(record) => BodyV1::Alias(alias_to_v1(record)),
        RecordBody::Activity(record) => BodyV1::Activity(activity_to_v1(record)),
        RecordBody::MapRun(record) => map_run_body(record),
        RecordBody::Role(record) => BodyV1::Role(role_to_v1(record)),
    };
    envelope::seal_form(WHAT, &[], &form, Packing::Zstd)
}

/// Reads a record's body.
///
/// # Errors
/// When it is damaged or of a newer version.
pub fn decode_record(bytes: &[u8]) -> Result<RecordBody, Error> {
    let ([], body) = envelope::open(WHAT, bytes)?;
    Ok(match envelope::read_form(WHAT, &body)? {
        BodyV1::Machine(form) => RecordBody::Machine(machine_from_v1(&form)),
        BodyV1::Revision(form) => RecordBody::Revision(revision_from_v1(&form)),
        BodyV1::Version(form) => RecordBody::Version(version_from_v1(&form)),
        BodyV1::Alias(form) => RecordBody::Alias(alias_from_v1(form)),
        BodyV1::Activity(form) => RecordBody::Activity(activity_from_v1(&form)),
        BodyV1::MapRun(form) => RecordBody::MapRun(map_run_from_v1(&form)?),
        BodyV1::RedrivenMapRun(form, redrive_count, at) => {
            let redriven = Some(Timestamp(at));
            RecordBody::MapRun(MapRunRecord { redrive_count, redriven, ..map_run_from_v1(&form)? })
        }
        BodyV1::MapRunOf(form, execution, redrive_count, at) => {
            let (execution, redriven) = (Some(ExecutionKey(execution)), at.map(Timestamp));
            RecordBody::MapRun(MapRunRecord { execution, redrive_count, redriven, ..map_run_from_v1(&form)? })
        }
        BodyV1::Role(form) => RecordBody::Role(role_from_v1(&form)),
    })
}

fn machine_to_v1(record: &MachineRecord) -> MachineV1<'_> {
    MachineV1 {
        key: record.key.0,
        arn: &record.arn,
        name: &record.name,
        express: record.express,
        created: record.created.0,
        revision_id: &record.revision_id,
        next_version: record.next_version,
        deleting: record.deleting,
        tags: tags_to_v1(&record.tags),
    }
}

fn machine_from_v1(form: &MachineV1<'_>) -> MachineRecord {
    MachineRecord {
        key: MachineKey(form.key),
        arn: form.arn.into(),
        name: form.name.into(),
        express: form.express,
        created: Timestamp(form.created),
        revision_id: form.revision_id.into(),
        next_version: form.next_version,
        deleting: form.deleting,
        tags: tags_from_v1(&form.tags),
    }
}

fn revision_to_v1(record: &RevisionRecord) -> RevisionV1<'_> {
    RevisionV1 {
        machine: record.machine.0,
        revision_id: &record.revision_id,
        created: record.created.0,
        definition: &record.definition,
        role_arn: &record.role_arn,
        logging: record.logging.as_deref(),
        tracing: record.tracing.as_deref(),
        encryption: record.encryption.as_deref(),
    }
}

fn revision_from_v1(form: &RevisionV1<'_>) -> RevisionRecord {
    RevisionRecord {
        machine: MachineKey(form.machine),
        revision_id: form.revision_id.into(),
        created: Timestamp(form.created),
        definition: form.definition.into(),
        role_arn: form.role_arn.into(),
        logging: form.logging.map(Arc::from),
        tracing: form.tracing.map(Arc::from),
        encryption: form.encryption.map(Arc::from),
    }
}

fn version_to_v1(record: &VersionRecord) -> VersionV1<'_> {
    VersionV1 {
        machine: record.machine.0,
        number: record.number,
        revision_id: &record.revision_id,
        description: record.description.as_deref(),
        created: record.created.0,
    }
}

fn version_from_v1(form: &VersionV1<'_>) -> VersionRecord {
    VersionRecord {
        machine: MachineKey(form.machine),
        number: form.number,
        revision_id: form.revision_id.into(),
        description: form.description.map(Arc::from),
        created: Timestamp(form.created),
    }
}

fn alias_to_v1(record: &AliasRecord) -> AliasV1<'_> {
    AliasV1 {
        machine: record.machine.0,
        name: &record.name,
        description: record.description.as_deref(),
        routing: record.routing.clone(),
        created: record.created.0,
        updated: record.updated.0,
    }
}

fn alias_from_v1(form: AliasV1<'_>) -> AliasRecord {
    AliasRecord {
        machine: MachineKey(form.machine),
        name: form.name.into(),
        description: form.description.map(Arc::from),
        routing: form.routing,
        created: Timestamp(form.created),
        updated: Timestamp(form.updated),
    }
}

fn map_run_body(record: &MapRunRecord) -> BodyV1<'_> {
    let (form, count) = (map_run_to_v1(record), record.redrive_count);
    match (record.execution, record.redriven) {
        (Some(execution), redriven) => BodyV1::MapRunOf(form, execution.0, count, redriven.map(|at| at.0)),
        (None, None) => BodyV1::MapRun(form),
        (None, Some(at)) => BodyV1::RedrivenMapRun(form, count, at.0),
    }
}

fn map_run_to_v1(record: &MapRunRecord) -> MapRunV1<'_> {
    let counts = record.counts;
    MapRunV1 {
        children: record.children.0,
        arn: &record.arn,
        execution_arn: &record.execution_arn,
        state_machine_arn: &record.state_machine_arn,
        status: super::row::status_number(record.status),
        started: record.started.0,
        stopped: record.stopped.map(|at| at.0),
        max_concurrency: record.max_concurrency,
        tolerated_count: record.tolerated_count,
        tolerated_percentage: record.tolerated_percentage,
        counts: [counts.total, counts.succeeded, counts.failed, counts.timed_out, counts.aborted],
    }
}

fn map_run_from_v1(form: &MapRunV1<'_>) -> Result<MapRunRecord, Error> {
    let [total, succeeded, failed, timed_out, aborted] = form.counts;
    let unknown = || Error::Damaged { what: WHAT.to_owned(), why: format!("unknown status {}", form.status) };
    Ok(MapRunRecord {
        children: MachineKey(form.children),
        arn: form.arn.into(),
        execution_arn: form.execution_arn.into(),
        execution: None,
        state_machine_arn: form.state_machine_arn.into(),
        status: super::row::status_of(form.status).ok_or_else(unknown)?,
        started: Timestamp(form.started),
        stopped: form.stopped.map(Timestamp),
        max_concurrency: form.max_concurrency,
        tolerated_count: form.tolerated_count,
        tolerated_percentage: form.tolerated_percentage,
        counts: MapRunCounts { total, succeeded, failed, timed_out, aborted },
        redrive_count: 0,
        redriven: None,
    })
}

fn activity_to_v1(record: &ActivityRecord) -> ActivityV1<'_> {
    ActivityV1 {
        arn: &record.arn,
        name: &record.name,
        created: record.created.0,
        encryption: record.encryption.as_deref(),
        tags: tags_to_v1(&record.tags),
    }
}

fn activity_from_v1(form: &ActivityV1<'_>) -> ActivityRecord {
    ActivityRecord {
        arn: form.arn.into(),
        name: form.name.into(),
        created: Timestamp(form.created),
        encryption: form.encryption.map(Arc::from),
        tags: tags_from_v1(&form.tags),
    }
}

pub(super) fn tags_to_v1(tags: &[(Arc<str>, Arc<str>)]) -> TagsV1<'_> {
    tags.iter().map(|(key, value)| (&**key, &**value)).collect()
}

pub(super) fn tags_from_v1(tags: &[(&str, &str)]) -> Vec<(Arc<str>, Arc<str>)> {
    tags.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
}
