//! The stored form of a role.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stepwell_value::Timestamp;

use super::record::{TagsV1, tags_from_v1, tags_to_v1};
use crate::role::RoleRecord;

#[derive(Serialize, Deserialize)]
pub(super) struct RoleV1<'a> {
    arn: &'a str,
    name: &'a str,
    id: &'a str,
    path: &'a str,
    created: i64,
    trust_policy: &'a str,
    description: Option<&'a str>,
    session_seconds_max: u32,
    permissions_boundary: Option<&'a str>,
    #[serde(borrow)]
    policies: TagsV1<'a>,
    #[serde(borrow)]
    attached: Vec<&'a str>,
    #[serde(borrow)]
    tags: TagsV1<'a>,
}

pub(super) fn role_to_v1(record: &RoleRecord) -> RoleV1<'_> {
    RoleV1 {
        arn: &record.arn,
        name: &record.name,
        id: &record.id,
        path: &record.path,
        created: record.created.0,
        trust_policy: &record.trust_policy,
        description: record.description.as_deref(),
        session_seconds_max: record.session_seconds_max,
        permissions_boundary: record.permissions_boundary.as_deref(),
        policies: tags_to_v1(&record.policies),
        attached: record.attached.iter().map(|arn| &**arn).collect(),
        tags: tags_to_v1(&record.tags),
    }
}

pub(super) fn role_from_v1(form: &RoleV1<'_>) -> RoleRecord {
    RoleRecord {
        arn: form.arn.into(),
        name: form.name.into(),
        id: form.id.into(),
        path: form.path.into(),
        created: Timestamp(form.created),
        trust_policy: form.trust_policy.into(),
        description: form.description.map(Arc::from),
        session_seconds_max: form.session_seconds_max,
        permissions_boundary: form.permissions_boundary.map(Arc::from),
        policies: tags_from_v1(&form.policies),
        attached: form.attached.iter().map(|arn| Arc::from(*arn)).collect(),
        tags: tags_from_v1(&form.tags),
    }
}
