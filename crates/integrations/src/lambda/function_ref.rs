//! Names of functions: what may stand in `FunctionName` and in a Task's `Resource`.

use std::fmt;

use super::invoke::InvokeError;

/// The pattern that Lambda names when it refuses a function name.
const PATTERN: &str = "(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?(\\d{12}:)?(function:)?([a-zA-Z0-9-_\\.]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?";

/// Where a name without region or account is looked up: those of the execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The partition, `aws` unless said otherwise.
    pub partition: String,
    /// The region, for example `us-east-1`.
    pub region: String,
    /// The account: twelve digits.
    pub account: String,
}

impl Place {
    /// Gives a place in partition `aws`.
    pub fn new(region: impl Into<String>, account: impl Into<String>) -> Self {
        Self { partition: "aws".into(), region: region.into(), account: account.into() }
    }
}

impl Default for Place {
    /// Gives `us-east-1` of account 123456789012.
    fn default() -> Self {
        Self::new("us-east-1", "123456789012")
    }
}

/// A function, wholly qualified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionRef {
    /// The partition, for example `aws`.
    pub partition: String,
    /// The region.
    pub region: String,
    /// The account: twelve digits.
    pub account: String,
    /// The name alone.
    pub name: String,
    /// The version or alias, when one was given: `$LATEST`, `7`, `live`.
    pub qualifier: Option<String>,
}

impl FunctionRef {
    /// Reads `name`, `name:qualifier`, `function:name`, `account:function:name`, or an ARN with or without a qualifier.
    ///
    /// # Errors
    /// Gives Lambda's own `ValidationException` for anything else.
    pub fn parse(text: &str, place: &Place) -> Result<Self, InvokeError> {
        Self::read(text, place).ok_or_else(|| {
            let message = format!(
                "1 validation error detected: Value '{text}' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: {PATTERN}"
            );
            InvokeError::new("ValidationException", message, 400)
        })
    }

    fn read(text: &str, place: &Place) -> Option<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        let (place, rest) = match parts.as_slice() {
            ["arn", partition, "lambda", region, account, "function", rest @ ..] => {
                let place = Place { partition: word(partition)?, region: word(region)?, account: digits(account)? };
                (place, rest)
            }
            [account, "function", rest @ ..] if !rest.is_empty() && digits(account).is_some() => {
                (Place { account: digits(account)?, ..place.clone() }, rest)
            }
            ["function", rest @ ..] if !rest.is_empty() => (place.clone(), rest),
            rest => (place.clone(), rest),
        };
        let (name, qualifier) = match rest {
            [name] => (word(name)?, None),
            [name, qualifier] => (word(name)?, Some(qualifier_word(qualifier)?)),
            _ => return None,
        };
        Some(Self { partition: place.partition, region: place.region, account: place.account, name, qualifier })
    }

    /// Gives the ARN without a qualifier.
    pub fn unqualified_arn(&self) -> String {
        let Self { partition, region, account, name, .. } = self;
        format!("arn:{partition}:lambda:{region}:{account}:function:{name}")
    }
}

impl fmt::Display for FunctionRef {
    /// Writes the ARN, with the qualifier if there is one.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.unqualified_arn())?;
        self.qualifier.as_ref().map_or(Ok(()), |qualifier| write!(out, ":{qualifier}"))
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

fn word(text: &str) -> Option<String> {
    is_word(text).then(|| text.to_owned())
}

fn digits(text: &str) -> Option<String> {
    (text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.to_owned())
}

fn qualifier_word(text: &str) -> Option<String> {
    (text == "$LATEST" || (is_word(text) && !text.contains('.'))).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let found = FunctionRef::parse(text, &Place::default());
        assert_eq!(found.as_ref().ok().map(ToString::to_string).as_deref(), expected, "{text}");
    }

    #[test]
    fn every_spelling_of_a_function() {
        let order = Some("arn:aws:lambda:us-east-1:123456789012:function:order");
        let live = Some("arn:aws:lambda:us-east-1:123456789012:function:order:live");
        check("order", order);
        check("order:live", live);
        check("function:order", order);
        check("function:order:live", live);
        check("123456789012:function:order", order);
        check(
            "999999999999:function:order:$LATEST",
            Some("arn:aws:lambda:us-east-1:999999999999:function:order:$LATEST"),
        );
        check("arn:aws:lambda:us-east-1:123456789012:function:order", order);
        check(
            "arn:aws-cn:lambda:cn-north-1:999999999999:function:a_b.c:7",
            Some("arn:aws-cn:lambda:cn-north-1:999999999999:function:a_b.c:7"),
        );
    }

    #[test]
    fn what_is_no_function() {
        for text in [
            "",
            "a b",
            "a:b:c",
            ":live",
            "order:",
            "order:$OLD",
            "arn:aws:lambda:us-east-1:123456789012:function:",
            "arn:aws:lambda:us-east-1:12:function:order",
            "arn:aws:sqs:us-east-1:123456789012:order",
        ] {
            check(text, None);
        }
        let error = FunctionRef::parse("a b", &Place::default()).unwrap_err();
        assert_eq!(error.code, "ValidationException");
        assert!(
            error.message.starts_with("1 validation error detected: Value 'a b' at 'functionName' failed to satisfy"),
            "{error}"
        );
    }
}
