//! Checking a request against the constraints of the model, in AWS's words.
//!
//! AWS checks in this order: types (one SerializationException), then all constraints at once (one ValidationException),
//! and only then what the operation itself knows: ARNs, existence, names, definitions, inputs. So an `InvalidName` or
//! `InvalidArn` is never given here.

use std::fmt::{self, Write as _};

use stepwell_value::{Number, Value};

use crate::facts::{Kind, Member, Operation, Shape, ShapeId, shape_of};
use crate::{ApiError, Limits};

/// Checks a request with AWS's limits.
///
/// Members that the model does not know are ignored; `null` counts as absent.
///
/// # Errors
/// SerializationException for the first value of a wrong type, ValidationException for all violated constraints.
pub fn validate(operation: &Operation, body: &Value) -> Result<(), ApiError> {
    validate_within(operation, body, &Limits::aws())
}

/// Checks a request with these limits for payloads and definitions.
///
/// # Errors
/// As [`validate`].
pub fn validate_within(operation: &Operation, body: &Value, limits: &Limits) -> Result<(), ApiError> {
    if !matches!(body, Value::Object(_) | Value::Array(_)) {
        return Err(ApiError::serialization("")); // AWS sends no message for a body that is no structure
    }
    let Some(input) = operation.input.and_then(shape_of) else { return Ok(()) };
    check_type(input, body)?;
    let mut violations = Violations { limits, found: Vec::new() };
    violations.check(&Path::Root, input, body);
    if violations.found.is_empty() { Ok(()) } else { Err(ApiError::constraints(&violations.found)) }
}

/// Refuses a value, or one inside it, that is not of the shape's type.
fn check_type(shape: &Shape, value: &Value) -> Result<(), ApiError> {
    match (&shape.kind, value) {
        (_, Value::Null) => Ok(()),
        (Kind::Structure(members), Value::Object(map)) => {
            for Member { name, shape, .. } in members {
                if let Some(member) = map.get(name) {
                    check_inner_type(*shape, member)?;
                }
            }
            Ok(())
        }
        (Kind::List(member), Value::Array(items)) => items.iter().try_for_each(|item| check_inner_type(*member, item)),
        (Kind::Map(member), Value::Object(map)) => map.values().try_for_each(|item| check_inner_type(*member, item)),
        (Kind::Text(..), Value::String(_)) | (Kind::Boolean, Value::Bool(_)) => Ok(()),
        (Kind::Float | Kind::Timestamp, Value::Number(_)) => Ok(()),
        (Kind::Integer | Kind::Long, Value::Number(number)) if is_whole(number) => Ok(()),
        _ => Err(ApiError::serialization(mismatch(&shape.kind, value))),
    }
}

fn check_inner_type(shape: ShapeId, value: &Value) -> Result<(), ApiError> {
    shape_of(shape).map_or(Ok(()), |shape| check_type(shape, value))
}

fn is_whole(number: &Number) -> bool {
    number.is_integer_literal() || number.as_f64().fract() == 0.0
}

/// What AWS says about a value of the wrong type.
fn mismatch(kind: &Kind, value: &Value) -> String {
    let token = match value {
        Value::Array(_) => return "Start of list found where not expected".to_owned(),
        Value::Object(_) => return "Start of structure or map found where not expected.".to_owned(),
        Value::String(_) => "STRING_VALUE",
        Value::Number(_) => "NUMBER_VALUE",
        Value::Bool(true) => "TRUE_VALUE",
        Value::Bool(false) => "FALSE_VALUE",
        Value::Null => "NULL_VALUE",
    };
    let target = match kind {
        Kind::Structure(_) | Kind::Map(..) => return "Expected null".to_owned(),
        Kind::List(_) => return "Expected list or null".to_owned(),
        Kind::Text(..) => "a String",
        Kind::Integer => "an Integer",
        Kind::Long => "a Long",
        Kind::Float => "a Float",
        Kind::Boolean => "a Boolean",
        Kind::Timestamp => "a Timestamp",
    };
    format!("{token} can not be converted to {target}")
}

/// Where a value stands in a request; written out only when there is something to say of it.
enum Path<'p> {
    Root,
    Member(&'p Path<'p>, &'p str),
    /// An item of a list, from 1.
    Item(&'p Path<'p>, usize),
    /// A value of a map, by its key.
    Entry(&'p Path<'p>, &'p str),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root => Ok(()),
            Path::Member(Path::Root, name) => out.write_str(name),
            Path::Member(path, name) => write!(out, "{path}.{name}"),
            Path::Item(path, number) => write!(out, "{path}.{number}.member"),
            Path::Entry(path, key) => write!(out, "{path}.{key}.member"),
        }
    }
}

struct Violations<'l> {
    limits: &'l Limits,
    found: Vec<String>,
}

impl Violations<'_> {
    fn check(&mut self, path: &Path<'_>, shape: &Shape, value: &Value) {
        match (&shape.kind, value) {
            (Kind::Structure(members), Value::Object(_)) => self.check_members(path, members, value),
            (Kind::List(member), Value::Array(items)) => {
                self.check_length(path, shape, value, items.len());
                for (index, item) in items.iter().enumerate() {
                    self.check_inner(&Path::Item(path, index + 1), *member, item);
                }
            }
            (Kind::Map(member), Value::Object(map)) => {
                self.check_length(path, shape, value, map.len());
                for (key, item) in map.iter() {
                    self.check_inner(&Path::Entry(path, key), *member, item);
                }
            }
            (Kind::Text(pattern, allowed), Value::String(text)) => {
                self.check_text_length(path, shape, value, text);
                if let Some(pattern) = pattern.as_ref().filter(|pattern| !pattern.matches(text)) {
                    let rule = format!("Member must satisfy regular expression pattern: {}", pattern.text);
                    self.report(path, shape, value, &rule);
                }
                if !allowed.is_empty() && !allowed.contains(text) {
                    let rule = format!("Member must satisfy enum value set: [{}]", allowed.join(", "));
                    self.report(path, shape, value, &rule);
                }
            }
            (Kind::Integer | Kind::Long | Kind::Float, Value::Number(number)) => {
                self.check_range(path, shape, value, number);
            }
            _ => {}
        }
    }

    fn check_members(&mut self, path: &Path<'_>, members: &[Member], value: &Value) {
        for member in members {
            let Some(shape) = shape_of(member.shape) else { continue };
            let path = Path::Member(path, &member.name);
            match value.get(&member.name).filter(|value| !value.is_null()) {
                Some(value) => self.check(&path, shape, value),
                None if member.is_required => self.report(&path, shape, &Value::Null, "Member must not be null"),
                None => {}
            }
        }
    }

    fn check_inner(&mut self, path: &Path<'_>, shape: ShapeId, value: &Value) {
        let Some(shape) = shape_of(shape) else { return };
        if value.is_null() {
            self.report(path, shape, value, "Member must not be null");
        } else {
            self.check(path, shape, value);
        }
    }

    fn check_text_length(&mut self, path: &Path<'_>, shape: &Shape, value: &Value, text: &str) {
        match &*shape.name {
            // Payloads are counted in bytes of UTF-8, and AWS says so.
            "SensitiveData" if text.len() as u64 > self.limits.payload_bytes_max => {
                let max = self.limits.payload_bytes_max;
                let rule = format!("Member must have size less than or equal to {max} bytes in UTF-8 encoding");
                self.report(path, shape, value, &rule);
            }
            "SensitiveData" => {}
            // The number of characters is at most the number of bytes, so that most texts need no counting.
            _ if is_within(shape, text.len()) && shape.min.is_none_or(|min| min <= 1) => {}
            _ => self.check_length(path, shape, value, text.chars().count()),
        }
    }

    fn check_length(&mut self, path: &Path<'_>, shape: &Shape, value: &Value, length: usize) {
        let length = length as u64;
        if let Some(max) = self.length_max(shape).filter(|max| length > *max) {
            self.report(path, shape, value, &format!("Member must have length less than or equal to {max}"));
        }
        if let Some(min) = shape.min.and_then(|min| u64::try_from(min).ok()).filter(|min| length < *min) {
            self.report(path, shape, value, &format!("Member must have length greater than or equal to {min}"));
        }
    }

    fn length_max(&self, shape: &Shape) -> Option<u64> {
        match &*shape.name {
            "Definition" => Some(self.limits.definition_length_max),
            _ => shape.max.and_then(|max| u64::try_from(max).ok()),
        }
    }

    fn check_range(&mut self, path: &Path<'_>, shape: &Shape, value: &Value, number: &Number) {
        let is_over = |limit: i64| number.partial_cmp(&Number::Int(limit)) == Some(std::cmp::Ordering::Greater);
        let is_under = |limit: i64| number.partial_cmp(&Number::Int(limit)) == Some(std::cmp::Ordering::Less);
        if let Some(max) = shape.max.filter(|max| is_over(*max)) {
            self.report(path, shape, value, &format!("Member must have value less than or equal to {max}"));
        }
        if let Some(min) = shape.min.filter(|min| is_under(*min)) {
            self.report(path, shape, value, &format!("Member must have value greater than or equal to {min}"));
        }
    }

    fn report(&mut self, path: &Path<'_>, shape: &Shape, value: &Value, rule: &str) {
        let shown = match value {
            _ if shape.is_sensitive => String::new(),
            Value::Null => " null".to_owned(),
            _ => {
                let mut text = String::new();
                write_java(&mut text, shape, value);
                format!(" '{text}'")
            }
        };
        self.found.push(format!("Value{shown} at '{path}' failed to satisfy constraint: {rule}"));
    }
}

fn is_within(shape: &Shape, length: usize) -> bool {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    shape.max.is_none_or(|max| length <= max) && shape.min.is_none_or(|min| length >= min)
}

/// Writes a value as Java's `toString` does for AWS: `[RoutingConfigurationListItem(stateMachineVersionArn=…, weight=50)]`
/// (recorded: test_error_create_alias_invalid_router_configs).
fn write_java(out: &mut String, shape: &Shape, value: &Value) {
    match (&shape.kind, value) {
        _ if shape.is_sensitive && !value.is_null() => out.push_str("***Sensitive Data Redacted***"),
        (Kind::Structure(members), Value::Object(map)) => {
            let _ = write!(out, "{}(", shape.name); // writing to a String cannot fail
            for (index, member) in members.iter().enumerate() {
                let _ = write!(out, "{}{}=", if index > 0 { ", " } else { "" }, member.name);
                write_java_inner(out, member.shape, map.get(&member.name).unwrap_or(&Value::Null));
            }
            out.push(')');
        }
        (Kind::List(member), Value::Array(items)) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                write_java_inner(out, *member, item);
            }
            out.push(']');
        }
        (Kind::Map(member), Value::Object(map)) => {
            out.push('{');
            for (index, (key, item)) in map.iter().enumerate() {
                let _ = write!(out, "{}{key}=", if index > 0 { ", " } else { "" });
                write_java_inner(out, *member, item);
            }
            out.push('}');
        }
        (_, Value::String(text)) => out.push_str(text),
        (Kind::Float, Value::Number(number)) => {
            let _ = write!(out, "{:?}", number.as_f64());
        }
        _ => {
            let _ = write!(out, "{value}");
        }
    }
}

fn write_java_inner(out: &mut String, shape: ShapeId, value: &Value) {
    if let Some(shape) = shape_of(shape) {
        write_java(out, shape, value);
    }
}

#[cfg(test)]
mod bounds;
#[cfg(test)]
mod tests;
