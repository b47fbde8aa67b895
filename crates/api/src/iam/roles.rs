//! Roles and their tags.

use std::sync::Arc;

use stepwell_store::record::RecordBody;
use stepwell_store::{RecordKind, RoleRecord};

use super::{change, checks, date, find, remove, role, save, scope, texts, unique_id};
use crate::aws_query::{QueryAnswer, QueryCall, QueryError, Xml, escaped};
use crate::ids::uuid;
use crate::wire::store_failure;

/// Roles of an account: IAM's default quota.
const ROLES_MAX: usize = 1000;
/// Tags of a role: IAM's quota.
const TAGS_MAX: usize = 50;
/// Longest description: IAM's model.
const DESCRIPTION_LENGTH_MAX: usize = 1000;
/// Seconds of a session when nothing else is said.
const SESSION_SECONDS_DEFAULT: u32 = 3600;
/// Seconds of a session that a role may allow.
const SESSION_SECONDS: std::ops::RangeInclusive<u32> = 3600..=43_200;
/// Roles on a page, unless something else is asked for.
const PAGE_DEFAULT: u32 = 100;

pub(super) async fn create(call: &QueryCall<'_>) -> QueryAnswer {
    let name = checks::role_name(call)?;
    let path = checks::path(call)?;
    let trust_policy = Arc::from(checks::document(call, "AssumeRolePolicyDocument", "assumeRolePolicyDocument")?);
    let description = description(call)?;
    let boundary = call.parameters.get("PermissionsBoundary").map(|arn| checks::policy_arn(arn)).transpose()?;
    let seconds = checks::number(call, "MaxSessionDuration", "maxSessionDuration", SESSION_SECONDS)?;
    let mut tags = Vec::new();
    set_tags(&mut tags, call)?;
    let account = &call.caller.account;
    let role = RoleRecord {
        arn: Arc::from(format!("arn:aws:iam::{account}:role{path}{name}")),
        name: Arc::from(name),
        id: Arc::from(unique_id("AROA", &uuid())),
        path: Arc::from(path),
        created: call.api.engine.now(),
        trust_policy,
        description,
        session_seconds_max: seconds.unwrap_or(SESSION_SECONDS_DEFAULT),
        permissions_boundary: boundary.map(Arc::from),
        policies: Vec::new(),
        attached: Vec::new(),
        tags,
    };
    let _lock = call.api.engine.lock_registry().await;
    if find(call, account, name)?.is_some() {
        let message = format!("Role with name {name} already exists.");
        return Err(QueryError::new(409, "EntityAlreadyExists", message));
    }
    if all(call)?.len() >= ROLES_MAX {
        let message = format!("Cannot exceed quota for RolesPerAccount: {ROLES_MAX}");
        return Err(QueryError::new(409, "LimitExceeded", message));
    }
    save(call, role.clone()).await?;
    Ok(Some(Xml::new().with("Role", shown(&role))))
}

pub(super) fn get(call: &QueryCall<'_>) -> QueryAnswer {
    let shown = shown(&role(call)?).with("RoleLastUsed", Xml::new());
    Ok(Some(Xml::new().with("Role", shown)))
}

/// Pages are by name; the marker is the name of the last role of the page before.
pub(super) fn list(call: &QueryCall<'_>) -> QueryAnswer {
    let size = checks::number(call, "MaxItems", "maxItems", 1..=1000)?.unwrap_or(PAGE_DEFAULT) as usize;
    let (marker, prefix) = (call.parameters.get("Marker"), call.parameters.get("PathPrefix").unwrap_or("/"));
    let mut roles = all(call)?;
    roles.retain(|role| role.path.starts_with(prefix));
    roles.retain(|role| marker.is_none_or(|marker| *role.name.to_lowercase() > *marker));
    let more = roles.len() > size;
    roles.truncate(size);
    let next = roles.last().filter(|_| more).map(|role| role.name.to_lowercase());
    let listed = Xml::new().with_list("Roles", roles.iter().map(shown));
    Ok(Some(listed.with_text("IsTruncated", if more { "true" } else { "false" }).with_some("Marker", next.as_deref())))
}

/// All roles of the caller, by name.
fn all(call: &QueryCall<'_>) -> Result<Vec<RoleRecord>, QueryError> {
    let scope = scope(&call.caller.account).to_string();
    let found =
        call.api.engine.store().records(RecordKind::Role, &scope, "", None, usize::MAX).map_err(store_failure)?;
    Ok(found
        .into_iter()
        .filter_map(|record| if let RecordBody::Role(role) = record.body { Some(role) } else { None })
        .collect())
}

pub(super) async fn update(call: &QueryCall<'_>) -> QueryAnswer {
    let description = description(call)?;
    let seconds = checks::number(call, "MaxSessionDuration", "maxSessionDuration", SESSION_SECONDS)?;
    change(call, |role| {
        role.description = description.or_else(|| role.description.take());
        role.session_seconds_max = seconds.unwrap_or(role.session_seconds_max);
        Ok(())
    })
    .await?;
    Ok(Some(Xml::new()))
}

pub(super) async fn update_description(call: &QueryCall<'_>) -> QueryAnswer {
    checks::required(call, "Description", "description")?;
    let description = description(call)?;
    let mut shown_role = Xml::new();
    change(call, |role| {
        role.description = description;
        shown_role = shown(role);
        Ok(())
    })
    .await?;
    Ok(Some(Xml::new().with("Role", shown_role)))
}

pub(super) async fn set_boundary(call: &QueryCall<'_>) -> QueryAnswer {
    let arn = checks::policy_arn(checks::required(call, "PermissionsBoundary", "permissionsBoundary")?)?;
    change(call, |role| {
        role.permissions_boundary = Some(Arc::from(arn));
        Ok(())
    })
    .await?;
    Ok(None)
}

pub(super) async fn remove_boundary(call: &QueryCall<'_>) -> QueryAnswer {
    change(call, |role| {
        role.permissions_boundary = None;
        Ok(())
    })
    .await?;
    Ok(None)
}

pub(super) async fn update_trust(call: &QueryCall<'_>) -> QueryAnswer {
    let document = checks::document(call, "PolicyDocument", "policyDocument")?;
    change(call, |role| {
        role.trust_policy = Arc::from(document);
        Ok(())
    })
    .await?;
    Ok(None)
}

pub(super) async fn delete(call: &QueryCall<'_>) -> QueryAnswer {
    let _lock = call.api.engine.lock_registry().await;
    let role = role(call)?;
    let conflict = |message: &str| Err(QueryError::new(409, "DeleteConflict", message));
    if !role.policies.is_empty() {
        return conflict("Cannot delete entity, must delete policies first.");
    }
    if !role.attached.is_empty() {
        return conflict("Cannot delete entity, must detach all policies first.");
    }
    remove(call, &role).await?;
    Ok(None)
}

pub(super) async fn tag(call: &QueryCall<'_>) -> QueryAnswer {
    change(call, |role| set_tags(&mut role.tags, call)).await?;
    Ok(None)
}

pub(super) async fn untag(call: &QueryCall<'_>) -> QueryAnswer {
    let keys = texts(&call.parameters.list("TagKeys"));
    change(call, |role| {
        role.tags.retain(|(key, _)| !keys.contains(key));
        Ok(())
    })
    .await?;
    Ok(None)
}

pub(super) fn list_tags(call: &QueryCall<'_>) -> QueryAnswer {
    Ok(Some(Xml::new().with_list("Tags", tags(&role(call)?)).with_text("IsTruncated", "false")))
}

/// A role has none here.
pub(super) fn list_instance_profiles(call: &QueryCall<'_>) -> QueryAnswer {
    role(call)?;
    Ok(Some(Xml::new().with_list("InstanceProfiles", []).with_text("IsTruncated", "false")))
}

fn description(call: &QueryCall<'_>) -> Result<Option<Arc<str>>, QueryError> {
    let Some(text) = call.parameters.get("Description") else { return Ok(None) };
    if text.chars().count() > DESCRIPTION_LENGTH_MAX {
        let constraint = format!("Member must have length less than or equal to {DESCRIPTION_LENGTH_MAX}");
        return Err(QueryError::constraint(Some(text), "description", &constraint));
    }
    Ok(Some(Arc::from(text)))
}

/// Sets the tags of a request; a key that is there gets the new value.
fn set_tags(tags: &mut Vec<(Arc<str>, Arc<str>)>, call: &QueryCall<'_>) -> Result<(), QueryError> {
    for (key, value) in call.parameters.pairs("Tags") {
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            let constraint = "Member must have a key of 1 to 128 and a value of at most 256 characters";
            return Err(QueryError::constraint(Some(key), "tags", constraint));
        }
        match tags.iter_mut().find(|(known, _)| **known == *key) {
            Some((_, known)) => *known = Arc::from(value),
            None => tags.push((Arc::from(key), Arc::from(value))),
        }
    }
    if tags.len() > TAGS_MAX {
        return Err(QueryError::new(409, "LimitExceeded", format!("Cannot exceed quota for TagsPerRole: {TAGS_MAX}")));
    }
    Ok(())
}

fn tags(role: &RoleRecord) -> impl Iterator<Item = Xml> {
    role.tags.iter().map(|(key, value)| Xml::new().with_text("Key", key).with_text("Value", value))
}

fn shown(role: &RoleRecord) -> Xml {
    let mut shown = Xml::new()
        .with_text("Path", &role.path)
        .with_text("RoleName", &role.name)
        .with_text("RoleId", &role.id)
        .with_text("Arn", &role.arn)
        .with_text("CreateDate", &date(role.created))
        .with_text("AssumeRolePolicyDocument", &escaped(&role.trust_policy))
        .with_some("Description", role.description.as_deref())
        .with_text("MaxSessionDuration", &role.session_seconds_max.to_string());
    if let Some(arn) = &role.permissions_boundary {
        let boundary =
            Xml::new().with_text("PermissionsBoundaryType", "Policy").with_text("PermissionsBoundaryArn", arn);
        shown.put("PermissionsBoundary", boundary);
    }
    if !role.tags.is_empty() {
        shown = shown.with_list("Tags", tags(role));
    }
    shown
}
