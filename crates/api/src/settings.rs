//! `loggingConfiguration`, `tracingConfiguration`, `encryptionConfiguration`, roles and tags: checked, and brought into the
//! form that is stored and answered.

use std::sync::Arc;

use stepwell_model::{ApiError, Request};
use stepwell_value::Value;

use crate::wire::Shape;

/// The most tags of a resource.
const TAGS_MAX: usize = 50;

/// What a machine logs when nobody said anything.
pub(crate) const LOGGING_OFF: &str = r#"{"includeExecutionData":false,"level":"OFF"}"#;
/// Tracing of a machine when nobody said anything.
pub(crate) const TRACING_OFF: &str = r#"{"enabled":false}"#;
/// Encryption when nobody said anything.
pub(crate) const OWNED_KEY: &str = r#"{"type":"AWS_OWNED_KEY"}"#;

/// The settings of a request, as JSON text; `None` for what it does not name.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Settings {
    pub logging: Option<Arc<str>>,
    pub tracing: Option<Arc<str>>,
    pub encryption: Option<Arc<str>>,
}

impl Settings {
    /// Reads them from a request.
    ///
    /// # Errors
    /// InvalidLoggingConfiguration, InvalidTracingConfiguration, InvalidEncryptionConfiguration.
    pub fn of(request: &Request) -> Result<Settings, ApiError> {
        Ok(Settings {
            logging: request.opt_structure("loggingConfiguration").map(|given| logging(&given)).transpose()?,
            tracing: request.opt_structure("tracingConfiguration").map(|given| tracing_of(&given)).transpose()?,
            encryption: encryption(request)?,
        })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Settings::default()
    }
}

/// Recorded: test_logging_configuration, test_incomplete_logging_configuration, test_invalid_logging_configuration. That a
/// destination without a log group is none is not recorded. The text about `*` was reported by users of AWS.
/// Whether the log group exists is not looked at.
fn logging(given: &Request) -> Result<Arc<str>, ApiError> {
    let level = given.opt_str("level").unwrap_or("OFF");
    let destinations = given.list("destinations");
    let named = destinations.iter().filter_map(log_group).count();
    if destinations.len() > 1 || named != destinations.len() || (named == 0 && level != "OFF") {
        return Err(ApiError::invalid_logging_configuration("Must specify exactly one Log Destination."));
    }
    if !destinations.iter().filter_map(log_group).all(|arn| arn.ends_with(":*")) {
        return Err(ApiError::invalid_logging_configuration("Log Group ARN must be provided with '*' qualifier."));
    }
    let shape = Shape::new()
        .with_some("destinations", given.get("destinations").cloned())
        .with("includeExecutionData", given.flag("includeExecutionData"))
        .with("level", level);
    Ok(Arc::from(shape.build().to_json()))
}

/// The log group of a destination.
fn log_group(destination: &Value) -> Option<&str> {
    destination.get("cloudWatchLogsLogGroup")?.get("logGroupArn")?.as_str()
}

/// API reference, InvalidTracingConfiguration: `enabled` has to be said. AWS documents no text.
fn tracing_of(given: &Request) -> Result<Arc<str>, ApiError> {
    let Some(enabled) = given.opt_bool("enabled") else {
        return Err(ApiError::invalid_tracing_configuration("enabled must be set to true or false."));
    };
    Ok(Arc::from(Shape::new().with("enabled", enabled).build().to_json()))
}

/// `encryptionConfiguration` of a machine or an activity. It is kept and answered; data is stored as it is whatever it
/// says, so one that asks for a key of the customer is answered with a warning in the operator's log.
///
/// # Errors
/// InvalidEncryptionConfiguration.
pub(crate) fn encryption(request: &Request) -> Result<Option<Arc<str>>, ApiError> {
    let Some(given) = request.opt_structure("encryptionConfiguration") else { return Ok(None) };
    let is_customers = given.opt_str("type") == Some("CUSTOMER_MANAGED_KMS_KEY");
    match (is_customers, given.has("kmsKeyId")) {
        (true, false) => return Err(ApiError::invalid_encryption_configuration("kmsKeyId is required.")),
        (false, true) => {
            return Err(ApiError::invalid_encryption_configuration("kmsKeyId is not allowed with AWS_OWNED_KEY."));
        }
        (true, true) => tracing::warn!("encryptionConfiguration names a KMS key; Stepwell does not encrypt with it"),
        (false, false) => {}
    }
    let shape = Shape::new()
        .with_some("kmsDataKeyReusePeriodSeconds", given.get("kmsDataKeyReusePeriodSeconds").cloned())
        .with_some("kmsKeyId", given.get("kmsKeyId").cloned())
        .with_some("type", given.get("type").cloned());
    Ok(Some(Arc::from(shape.build().to_json())))
}

/// A stored setting as the answer shows it.
pub(crate) fn shown(stored: Option<&Arc<str>>, default: &str) -> Value {
    Value::parse(stored.map_or(default, |text| text)).unwrap_or_default() // both were made here
}

/// Refuses what is not the ARN of a role. Any role will do: whether there is one is not looked at.
///
/// # Errors
/// InvalidArn.
pub(crate) fn check_role(arn: &str) -> Result<(), ApiError> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", partition, "iam", "", _, role] if !partition.is_empty() && role.starts_with("role/") => Ok(()),
        _ => {
            let mut error = ApiError::invalid_arn(arn);
            error.message = format!("Invalid Role Arn: '{arn}'");
            Err(error)
        }
    }
}

/// A resource's tags, in the order they were set.
pub(crate) type Tags = Vec<(Arc<str>, Arc<str>)>;

/// Characters of tags besides letters, digits and white space (API reference, TagResource).
const TAG_CHARACTERS: &str = "_.:/=+-@";

/// Sets the tags of a request; a key that is there gets the new value (recorded: test_tag_state_machine).
///
/// # Errors
/// TooManyTags; ValidationException for a character that tags may not have: AWS documents which, and neither code nor text.
pub(crate) fn set_tags(tags: &mut Tags, given: &[Value], resource: &str) -> Result<(), ApiError> {
    for tag in given {
        let tag = Request::new(tag);
        let Some(key) = tag.opt_text("key") else { continue }; // a tag without a key says nothing
        let value = tag.opt_text("value").unwrap_or_else(|| Arc::from(""));
        for text in [&key, &value] {
            let is_allowed = |it: char| it.is_alphanumeric() || it.is_whitespace() || TAG_CHARACTERS.contains(it);
            if !text.chars().all(is_allowed) {
                return Err(ApiError::validation(format!(
                    "Tags may only contain Unicode letters, digits, white space, or these symbols: _ . : / = + - @. Received: '{text}'"
                )));
            }
        }
        match tags.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => *known = value,
            None => tags.push((key, value)),
        }
    }
    if tags.len() > TAGS_MAX { Err(ApiError::too_many_tags(resource)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::{Settings, check_role, set_tags};
    use stepwell_model::Request;
    use stepwell_value::Value;

    #[track_caller]
    fn check_logging(given: &str, expected: Result<&str, &str>) {
        let body = Value::parse(&format!(r#"{{"loggingConfiguration":{given}}}"#)).unwrap();
        let read = Settings::of(&Request::new(&body)).map(|settings| settings.logging);
        let read = read.as_ref().map(|text| text.as_deref().unwrap()).map_err(|error| &*error.message);
        assert_eq!(read, expected);
    }

    #[test]
    fn logging() {
        const EXACTLY_ONE: &str = "Invalid Logging Configuration: Must specify exactly one Log Destination.";
        check_logging("{}", Ok(r#"{"includeExecutionData":false,"level":"OFF"}"#));
        check_logging(
            r#"{"destinations":[]}"#,
            Ok(r#"{"destinations":[],"includeExecutionData":false,"level":"OFF"}"#),
        );
        check_logging(r#"{"level":"ALL"}"#, Err(EXACTLY_ONE));
        check_logging(r#"{"level":"ALL","destinations":[{},{}]}"#, Err(EXACTLY_ONE));
    }

    #[test]
    fn roles() {
        assert!(check_role("arn:aws:iam::123456789012:role/r").is_ok());
        assert!(check_role("arn:aws-cn:iam::123456789012:role/service-role/r").is_ok());
        for bad in ["role", "arn:aws:iam::123456789012:user/u", "arn:aws:lambda:us-east-1:1:function:role/r"] {
            let error = check_role(bad).unwrap_err();
            assert_eq!((error.code, error.message), ("InvalidArn", format!("Invalid Role Arn: '{bad}'")));
        }
    }

    #[test]
    fn tags() {
        let mut tags = vec![("a".into(), "1".into())];
        let given = Value::parse(r#"[{"key":"b","value":"2"},{"key":"a","value":"3"},{"key":"c"}]"#).unwrap();
        set_tags(&mut tags, given.as_array().unwrap(), "arn").unwrap();
        let expected = [("a", "3"), ("b", "2"), ("c", "")].map(|(key, value)| (key.into(), value.into()));
        assert_eq!(tags, expected);
        let many = Value::array((0..50).map(|n| Value::object([("key", Value::from(format!("k{n}")))])));
        assert_eq!(set_tags(&mut tags, many.as_array().unwrap(), "arn").unwrap_err().code, "TooManyTags");
    }
}
