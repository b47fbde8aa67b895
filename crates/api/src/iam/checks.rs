//! What names, paths, ARNs and documents have to be.

use stepwell_value::Value;

use crate::aws_query::{QueryCall, QueryError};

/// Longest policy document: IAM's model.
const DOCUMENT_LENGTH_MAX: usize = 131_072;
/// Longest path: IAM's model.
const PATH_LENGTH_MAX: usize = 512;
const NAME_PATTERN: &str = r"[\w+=,.@-]+";

/// Whether a text is a name: letters, digits and `_+=,.@-`, of a length in characters.
pub(crate) fn is_name(text: &str, min: usize, max: usize) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    (min..=max).contains(&text.len()) && text.bytes().all(is_allowed)
}

/// The error of a text that is no name.
pub(crate) fn pattern(value: &str, member: &str) -> QueryError {
    let constraint = format!("Member must satisfy regular expression pattern: {NAME_PATTERN}");
    QueryError::constraint(Some(value), member, &constraint)
}

fn name<'a>(call: &QueryCall<'a>, parameter: &str, member: &str, max: usize) -> Result<&'a str, QueryError> {
    let value = required(call, parameter, member)?;
    if value.len() > max {
        let constraint = format!("Member must have length less than or equal to {max}");
        return Err(QueryError::constraint(Some(value), member, &constraint));
    }
    if is_name(value, 1, max) { Ok(value) } else { Err(pattern(value, member)) }
}

/// A parameter that has to be there.
///
/// # Errors
/// ValidationError.
pub(super) fn required<'a>(call: &QueryCall<'a>, parameter: &str, member: &str) -> Result<&'a str, QueryError> {
    call.parameters.get(parameter).ok_or_else(|| QueryError::constraint(None, member, "Member must not be null"))
}

/// `RoleName`
///
/// # Errors
/// ValidationError.
pub(super) fn role_name<'a>(call: &QueryCall<'a>) -> Result<&'a str, QueryError> {
    name(call, "RoleName", "roleName", 64)
}

/// `PolicyName`
///
/// # Errors
/// ValidationError.
pub(super) fn policy_name<'a>(call: &QueryCall<'a>) -> Result<&'a str, QueryError> {
    name(call, "PolicyName", "policyName", 128)
}

/// The ARN of a policy.
///
/// # Errors
/// ValidationError.
pub(super) fn policy_arn(arn: &str) -> Result<&str, QueryError> {
    match arn.splitn(6, ':').collect::<Vec<_>>().as_slice() {
        ["arn", _, "iam", "", _, policy] if policy.starts_with("policy/") && arn.len() <= 2048 => Ok(arn),
        _ => Err(QueryError::new(400, "ValidationError", format!("ARN {arn} is not valid."))),
    }
}

/// `Path`: `/` or `/…/`; `/` when it is not given.
///
/// # Errors
/// ValidationError.
pub(super) fn path<'a>(call: &QueryCall<'a>) -> Result<&'a str, QueryError> {
    let path = call.parameters.get("Path").unwrap_or("/");
    let is_path = path.starts_with('/') && path.ends_with('/') && path.len() <= PATH_LENGTH_MAX;
    if is_path && path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(path);
    }
    let message = "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters \
         and/or / characters.";
    Err(QueryError::new(400, "ValidationError", message))
}

/// A policy document: a JSON object with statements.
///
/// # Errors
/// MalformedPolicyDocument, ValidationError.
pub(super) fn document<'a>(call: &QueryCall<'a>, parameter: &str, member: &str) -> Result<&'a str, QueryError> {
    let text = required(call, parameter, member)?;
    if text.len() > DOCUMENT_LENGTH_MAX {
        let constraint = format!("Member must have length less than or equal to {DOCUMENT_LENGTH_MAX}");
        return Err(QueryError::constraint(Some("…"), member, &constraint));
    }
    let malformed = |message: &str| QueryError::new(400, "MalformedPolicyDocument", message);
    let read = Value::parse(text).map_err(|_| malformed("This policy contains invalid Json"))?;
    match read.get("Statement") {
        Some(Value::Array(_) | Value::Object(_)) => Ok(text),
        _ => Err(malformed("Syntax errors in policy.")),
    }
}

/// A number in a range.
///
/// # Errors
/// ValidationError.
pub(super) fn number(
    call: &QueryCall<'_>,
    parameter: &str,
    member: &str,
    range: std::ops::RangeInclusive<u32>,
) -> Result<Option<u32>, QueryError> {
    let Some(text) = call.parameters.get(parameter) else { return Ok(None) };
    let (min, max) = (range.start(), range.end());
    let constraint = match text.parse::<u32>() {
        Ok(number) if range.contains(&number) => return Ok(Some(number)),
        Ok(number) if number < *min => format!("Member must have value greater than or equal to {min}"),
        _ => format!("Member must have value less than or equal to {max}"),
    };
    Err(QueryError::constraint(Some(text), member, &constraint))
}

/// Account and name of the role with this ARN.
pub(crate) fn role_of_arn(arn: &str) -> Option<(&str, &str)> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", _, "iam", "", account, resource] = parts.as_slice() else { return None };
    let name = resource.strip_prefix("role/")?.rsplit('/').next()?;
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    (is_account && is_name(name, 1, 64)).then_some((account, name))
}

#[cfg(test)]
mod tests {
    use super::{is_name, role_of_arn};

    #[test]
    fn names_and_arns() {
        assert!(is_name("a+=,.@-_9", 1, 64));
        assert!(!is_name("", 1, 64) && !is_name("a b", 1, 64) && !is_name("é", 1, 64) && !is_name("abc", 1, 2));
        assert_eq!(role_of_arn("arn:aws:iam::123456789012:role/path/r"), Some(("123456789012", "r")));
        for bad in
            ["", "r", "arn:aws:iam::1:role/r", "arn:aws:iam::123456789012:user/r", "arn:aws:iam::123456789012:role/"]
        {
            assert_eq!(role_of_arn(bad), None, "{bad}");
        }
    }
}
