//! The policies of a role: inline ones, and ARNs of attached ones.

use std::sync::Arc;

use super::{change, checks, role};
use crate::aws_query::{QueryAnswer, QueryCall, QueryError, Xml, escaped};

/// Characters of all inline policies of a role, blanks not counted: IAM's quota.
const INLINE_LENGTH_MAX: usize = 10_240;
/// Policies attached to a role: IAM's default quota.
const ATTACHED_MAX: usize = 10;

pub(super) async fn put(call: &QueryCall<'_>) -> QueryAnswer {
    let name = checks::policy_name(call)?;
    let document = checks::document(call, "PolicyDocument", "policyDocument")?;
    change(call, |role| {
        match role.policies.binary_search_by(|(known, _)| (**known).cmp(name)) {
            Ok(index) => {
                if let Some((_, known)) = role.policies.get_mut(index) {
                    *known = Arc::from(document);
                }
            }
            Err(index) => role.policies.insert(index, (Arc::from(name), Arc::from(document))),
        }
        let length: usize =
            role.policies.iter().map(|(_, text)| text.chars().filter(|c| !c.is_whitespace()).count()).sum();
        if length <= INLINE_LENGTH_MAX {
            return Ok(());
        }
        let message = format!("Maximum policy size of {INLINE_LENGTH_MAX} bytes exceeded for role {}", role.name);
        Err(QueryError::new(409, "LimitExceeded", message))
    })
    .await?;
    Ok(None)
}

pub(super) fn get(call: &QueryCall<'_>) -> QueryAnswer {
    let (role, name) = (role(call)?, checks::policy_name(call)?);
    let found = role.policies.iter().find(|(known, _)| **known == *name);
    let (_, document) = found.ok_or_else(|| no_such_policy(name))?;
    let shown = Xml::new().with_text("RoleName", &role.name).with_text("PolicyName", name);
    Ok(Some(shown.with_text("PolicyDocument", &escaped(document))))
}

pub(super) fn list(call: &QueryCall<'_>) -> QueryAnswer {
    let role = role(call)?;
    let names = role.policies.iter().map(|(name, _)| Xml::of_text(name));
    Ok(Some(Xml::new().with_list("PolicyNames", names).with_text("IsTruncated", "false")))
}

pub(super) async fn delete(call: &QueryCall<'_>) -> QueryAnswer {
    let name = checks::policy_name(call)?;
    change(call, |role| {
        let before = role.policies.len();
        role.policies.retain(|(known, _)| **known != *name);
        if role.policies.len() < before { Ok(()) } else { Err(no_such_policy(name)) }
    })
    .await?;
    Ok(None)
}

fn no_such_policy(name: &str) -> QueryError {
    QueryError::new(404, "NoSuchEntity", format!("The role policy with name {name} cannot be found."))
}

/// Whether the policy exists is not looked at: AWS's own are not kept here.
pub(super) async fn attach(call: &QueryCall<'_>) -> QueryAnswer {
    let arn = checks::policy_arn(checks::required(call, "PolicyArn", "policyArn")?)?;
    change(call, |role| {
        if role.attached.iter().any(|known| **known == *arn) {
            return Ok(());
        }
        if role.attached.len() >= ATTACHED_MAX {
            let message = format!("Cannot exceed quota for PoliciesPerRole: {ATTACHED_MAX}");
            return Err(QueryError::new(409, "LimitExceeded", message));
        }
        role.attached.push(Arc::from(arn));
        Ok(())
    })
    .await?;
    Ok(None)
}

pub(super) async fn detach(call: &QueryCall<'_>) -> QueryAnswer {
    let arn = checks::policy_arn(checks::required(call, "PolicyArn", "policyArn")?)?;
    change(call, |role| {
        let before = role.attached.len();
        role.attached.retain(|known| **known != *arn);
        let missing = || QueryError::new(404, "NoSuchEntity", format!("Policy {arn} was not found."));
        if role.attached.len() < before { Ok(()) } else { Err(missing()) }
    })
    .await?;
    Ok(None)
}

pub(super) fn list_attached(call: &QueryCall<'_>) -> QueryAnswer {
    let role = role(call)?;
    let shown = |arn: &Arc<str>| {
        let name = arn.rsplit('/').next().unwrap_or("");
        Xml::new().with_text("PolicyName", name).with_text("PolicyArn", arn)
    };
    let attached = role.attached.iter().map(shown);
    Ok(Some(Xml::new().with_list("AttachedPolicies", attached).with_text("IsTruncated", "false")))
}
