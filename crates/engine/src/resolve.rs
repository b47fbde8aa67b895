//! From the ARN of a state machine to the revision that is meant.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use stepwell_store::Error;
use stepwell_store::record::{AliasRecord, MachineRecord};

use crate::Handle;
use crate::registry::{self, Resolved, Scope};

/// Why an ARN names nothing that could be started.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The text is not the ARN of a state machine, a version or an alias.
    #[error("not the ARN of a state machine")]
    InvalidArn,
    /// There is no such machine, or it has no such version or alias.
    #[error("the state machine does not exist")]
    NotFound,
    /// The machine is being deleted.
    #[error("the state machine is being deleted")]
    Deleting,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

/// The state machine and revision that an ARN means: of a machine the revision in force, of a version that version's, of
/// an alias one of its versions, drawn by weight.
///
/// # Errors
/// See [`ResolveError`].
pub async fn resolve(handle: &Handle, arn: &str) -> Result<Resolved, ResolveError> {
    let generation = match handle.known_machines().get(arn) {
        Ok(known) => return Ok(known),
        Err(generation) => generation,
    };
    let (scope, name, qualifier) = split(arn).ok_or(ResolveError::InvalidArn)?;
    let machine = registry::machine(&**handle.store(), &scope, name)?.ok_or(ResolveError::NotFound)?;
    if machine.deleting {
        return Err(ResolveError::Deleting);
    }
    let draw = || u32::try_from(RandomState::new().build_hasher().finish() % 100).unwrap_or(0);
    let resolved = of_machine(handle, &scope, machine, qualifier, draw)?;
    if qualifier.is_none() {
        handle.known_machines().keep(generation, arn, &resolved);
    }
    Ok(resolved)
}

/// The same for a machine that is at hand; `draw` gives a number below 100, for the routing of an alias.
///
/// # Errors
/// See [`ResolveError`].
pub fn of_machine(
    handle: &Handle,
    scope: &Scope,
    machine: MachineRecord,
    qualifier: Option<&str>,
    draw: impl FnOnce() -> u32,
) -> Result<Resolved, ResolveError> {
    let store = &**handle.store();
    let (version, alias) = match qualifier {
        None => (None, None),
        Some(text) => match text.parse::<u64>() {
            Ok(number) => (Some(number), None),
            Err(_) => {
                let alias = registry::alias(store, scope, machine.key, text)?.ok_or(ResolveError::NotFound)?;
                (Some(route(&alias, draw()).ok_or(ResolveError::NotFound)?), Some(alias.name))
            }
        },
    };
    let revision_id = match version {
        None => Arc::clone(&machine.revision_id),
        Some(number) => {
            registry::version(store, scope, machine.key, number)?.ok_or(ResolveError::NotFound)?.revision_id
        }
    };
    let revision = registry::revision(store, scope, machine.key, &revision_id)?.ok_or_else(|| Error::Damaged {
        what: format!("state machine {}", machine.arn),
        why: format!("its revision {revision_id} is missing"),
    })?;
    Ok(Resolved { machine: Arc::new(machine), revision: Arc::new(revision), version, alias })
}

/// The version that an alias sends this draw (below 100) to.
fn route(alias: &AliasRecord, draw: u32) -> Option<u64> {
    let mut reached = 0;
    for (version, weight) in &alias.routing {
        reached += weight;
        if draw < reached {
            return Some(*version);
        }
    }
    alias.routing.last().map(|(version, _)| *version)
}

/// `arn:PARTITION:states:REGION:ACCOUNT:stateMachine:NAME[:VERSION or ALIAS]`
fn split(arn: &str) -> Option<(Scope, &str, Option<&str>)> {
    let parts: Vec<&str> = arn.split(':').collect();
    let (name, qualifier) = match parts.as_slice() {
        ["arn", _, "states", _, _, "stateMachine", name] => (*name, None),
        ["arn", _, "states", _, _, "stateMachine", name, qualifier] => (*name, Some(*qualifier)),
        _ => return None,
    };
    Some((Scope::of_arn(arn), name, qualifier))
}

#[cfg(test)]
mod tests {
    use super::{route, split};
    use stepwell_store::MachineKey;
    use stepwell_store::record::AliasRecord;
    use stepwell_value::Timestamp;

    #[test]
    fn arns() {
        let (scope, name, qualifier) = split("arn:aws:states:eu-west-1:123456789012:stateMachine:pay:live").unwrap();
        assert_eq!((scope.to_string().as_str(), name, qualifier), ("123456789012:eu-west-1", "pay", Some("live")));
        assert_eq!(split("arn:aws:states:r:1:stateMachine:pay").map(|(_, name, q)| (name, q)), Some(("pay", None)));
        for bad in ["", "pay", "arn:aws:states:r:1:activity:pay", "arn:aws:lambda:r:1:stateMachine:pay"] {
            assert!(split(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn weights() {
        let alias = AliasRecord {
            machine: MachineKey(1),
            name: "live".into(),
            description: None,
            routing: vec![(3, 90), (4, 10)],
            created: Timestamp(0),
            updated: Timestamp(0),
        };
        let to = |draw| route(&alias, draw);
        assert_eq!((to(0), to(89), to(90), to(99)), (Some(3), Some(3), Some(4), Some(4)));
    }
}
