//! IAM's API, as much of it as clients need that make a role first: roles with their inline and attached policies and tags.
//! They are kept durably and answered; nothing is permitted or refused because of them.
//!
//! To add an action: a function in one of the files here, and its line in [`perform`].

mod checks;
mod policies;
mod roles;

use std::sync::Arc;

use stepwell_engine::Scope;
use stepwell_store::record::RecordBody;
use stepwell_store::{RecordKind, RoleRecord, Write};
use stepwell_value::Timestamp;

use crate::aws_query::{QueryAnswer, QueryCall, QueryError};
use crate::machines;
use crate::wire::store_failure;

pub(crate) use checks::{is_name, pattern, role_of_arn};

/// Performs an action; `None` when there is none of this name.
pub(crate) async fn perform(call: &QueryCall<'_>, action: &str) -> Option<QueryAnswer> {
    Some(match action {
        "CreateRole" => roles::create(call).await,
        "GetRole" => roles::get(call),
        "ListRoles" => roles::list(call),
        "UpdateRole" => roles::update(call).await,
        "UpdateRoleDescription" => roles::update_description(call).await,
        "PutRolePermissionsBoundary" => roles::set_boundary(call).await,
        "DeleteRolePermissionsBoundary" => roles::remove_boundary(call).await,
        "UpdateAssumeRolePolicy" => roles::update_trust(call).await,
        "DeleteRole" => roles::delete(call).await,
        "TagRole" => roles::tag(call).await,
        "UntagRole" => roles::untag(call).await,
        "ListRoleTags" => roles::list_tags(call),
        "ListInstanceProfilesForRole" => roles::list_instance_profiles(call),
        "PutRolePolicy" => policies::put(call).await,
        "GetRolePolicy" => policies::get(call),
        "ListRolePolicies" => policies::list(call),
        "DeleteRolePolicy" => policies::delete(call).await,
        "AttachRolePolicy" => policies::attach(call).await,
        "DetachRolePolicy" => policies::detach(call).await,
        "ListAttachedRolePolicies" => policies::list_attached(call),
        _ => return None,
    })
}

/// Where the roles of an account are: they have no region.
fn scope(account: &str) -> Scope {
    Scope { account: account.to_owned(), region: String::new() }
}

/// A role of an account.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn find(call: &QueryCall<'_>, account: &str, name: &str) -> Result<Option<RoleRecord>, QueryError> {
    let store = call.api.engine.store();
    let found = store.record(RecordKind::Role, &scope(account).to_string(), &name.to_lowercase());
    let found = found.map_err(store_failure)?;
    Ok(found.and_then(|record| match record.body {
        RecordBody::Role(role) => Some(role),
        _ => None,
    }))
}

/// The caller's role that `RoleName` names.
///
/// # Errors
/// NoSuchEntity, ValidationError.
fn role(call: &QueryCall<'_>) -> Result<RoleRecord, QueryError> {
    let name = checks::role_name(call)?;
    find(call, &call.caller.account, name)?.ok_or_else(|| no_such_role(name))
}

fn no_such_role(name: &str) -> QueryError {
    QueryError::new(404, "NoSuchEntity", format!("The role with name {name} cannot be found."))
}

/// Changes the role that `RoleName` names; durable when it returns.
///
/// # Errors
/// NoSuchEntity, ValidationError, and what `change` says.
async fn change(
    call: &QueryCall<'_>,
    change: impl FnOnce(&mut RoleRecord) -> Result<(), QueryError>,
) -> Result<(), QueryError> {
    let _lock = call.api.engine.lock_registry().await;
    let mut role = role(call)?;
    change(&mut role)?;
    save(call, role).await
}

/// Writes a role. The caller holds the registry's lock.
async fn save(call: &QueryCall<'_>, role: RoleRecord) -> Result<(), QueryError> {
    let write = machines::put(&scope(&call.caller.account), RecordBody::Role(role));
    Ok(machines::write(&call.api.engine, vec![write]).await?)
}

/// Removes a role. The caller holds the registry's lock.
async fn remove(call: &QueryCall<'_>, role: &RoleRecord) -> Result<(), QueryError> {
    let scope = scope(&call.caller.account).to_string();
    let write = Write::Remove { kind: RecordKind::Role, scope, name: role.name.to_lowercase() };
    Ok(machines::write(&call.api.engine, vec![write]).await?)
}

/// An id in IAM's form: a prefix and 17 characters, the same for the same text.
pub(crate) fn unique_id(prefix: &str, of: &str) -> String {
    let digest = stepwell_iam::sha256_hex(of.as_bytes()).to_ascii_uppercase();
    format!("{prefix}{}", digest.get(..17).unwrap_or_default())
}

/// A moment as IAM and STS write it: `2026-11-20T22:46:26Z`.
pub(crate) fn date(at: Timestamp) -> String {
    let text = at.to_rfc3339();
    text.split_once('.').map_or(text.clone(), |(seconds, _)| format!("{seconds}Z"))
}

fn texts(list: &[&str]) -> Vec<Arc<str>> {
    list.iter().map(|text| Arc::from(*text)).collect()
}
