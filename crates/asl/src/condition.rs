//! Conditions of a Choice in JSONPath: `And`, `Or`, `Not`, and `Variable` with a comparison.

use stepwell_query::timestamp::parse_rfc3339;
use stepwell_value::Value;
use stepwell_value::json::{Node, Span, Spanned};

use crate::definition::{Condition, Operand, Operator, Ordering, QueryLanguage};
use crate::location::At;
use crate::machine::TOO_DEEP;
use crate::site::{NO_TIMESTAMP, Site, plain};

/// How deep conditions may stand in one another, so that no text makes the walk run out of stack.
const DEPTH_MAX: usize = 50;

/// What an operator's literal must be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    String,
    Number,
    Boolean,
    Timestamp,
}

/// The operators of a comparison; with `true`, there is a `…Path` form besides.
#[rustfmt::skip]
const OPERATORS: &[(&str, Operator, Kind, bool)] = &[
    ("StringEquals", Operator::String(Ordering::Equals), Kind::String, true),
    ("StringLessThan", Operator::String(Ordering::LessThan), Kind::String, true),
    ("StringGreaterThan", Operator::String(Ordering::GreaterThan), Kind::String, true),
    ("StringLessThanEquals", Operator::String(Ordering::LessThanEquals), Kind::String, true),
    ("StringGreaterThanEquals", Operator::String(Ordering::GreaterThanEquals), Kind::String, true),
    ("StringMatches", Operator::StringMatches, Kind::String, false),
    ("NumericEquals", Operator::Numeric(Ordering::Equals), Kind::Number, true),
    ("NumericLessThan", Operator::Numeric(Ordering::LessThan), Kind::Number, true),
    ("NumericGreaterThan", Operator::Numeric(Ordering::GreaterThan), Kind::Number, true),
    ("NumericLessThanEquals", Operator::Numeric(Ordering::LessThanEquals), Kind::Number, true),
    ("NumericGreaterThanEquals", Operator::Numeric(Ordering::GreaterThanEquals), Kind::Number, true),
    ("BooleanEquals", Operator::BooleanEquals, Kind::Boolean, true),
    ("TimestampEquals", Operator::Timestamp(Ordering::Equals), Kind::Timestamp, true),
    ("TimestampLessThan", Operator::Timestamp(Ordering::LessThan), Kind::Timestamp, true),
    ("TimestampGreaterThan", Operator::Timestamp(Ordering::GreaterThan), Kind::Timestamp, true),
    ("TimestampLessThanEquals", Operator::Timestamp(Ordering::LessThanEquals), Kind::Timestamp, true),
    ("TimestampGreaterThanEquals", Operator::Timestamp(Ordering::GreaterThanEquals), Kind::Timestamp, true),
    ("IsNull", Operator::IsNull, Kind::Boolean, false),
    ("IsPresent", Operator::IsPresent, Kind::Boolean, false),
    ("IsNumeric", Operator::IsNumeric, Kind::Boolean, false),
    ("IsString", Operator::IsString, Kind::Boolean, false),
    ("IsBoolean", Operator::IsBoolean, Kind::Boolean, false),
    ("IsTimestamp", Operator::IsTimestamp, Kind::Boolean, false),
];

/// The fields that say what kind of condition an object is; AWS's order.
const SELECTORS: [&str; 5] = ["And", "Or", "Not", "Variable", "Condition"];

/// An operator field of an object: the operator, whether it is the `…Path` form, and its kind.
fn operator(name: &str) -> Option<(Operator, bool, Kind)> {
    let exact = OPERATORS.iter().find(|(known, ..)| *known == name);
    if let Some((_, operator, kind, _)) = exact {
        return Some((*operator, false, *kind));
    }
    let stem = name.strip_suffix("Path")?;
    let by_path = OPERATORS.iter().find(|(known, _, _, has_path)| *known == stem && *has_path);
    by_path.map(|(_, operator, kind, _)| (*operator, true, *kind))
}

/// Reports the fields that a rule (`top`) or a condition within one does not have.
pub(crate) fn check_fields(site: &mut Site, node: &Spanned, at: &At, top: bool) {
    let language = site.language;
    for (name, key, _) in node.members() {
        let foreign = match language {
            QueryLanguage::Jsonata => matches!(&**name, "And" | "Or" | "Not" | "Variable") || operator(name).is_some(),
            QueryLanguage::JsonPath => matches!(&**name, "Condition" | "Output") && top,
        };
        if foreign {
            site.wrong_language(name, *key, at);
        }
    }
    for (name, key, _) in node.members() {
        let known = match &**name {
            "And" | "Or" | "Not" | "Variable" | "Comment" => true,
            "Next" | "Assign" | "Condition" | "Output" => top,
            name => operator(name).is_some(),
        };
        if !known {
            let names = OPERATORS.iter().map(|(name, ..)| *name).chain(SELECTORS).chain(["Next"]);
            let close = site.compiler.suggestion(name, names);
            let help = match (&**name, close) {
                ("Next" | "Assign", _) => Some(format!("`{name}` belongs to the rule, not to a condition in it")),
                (_, Some(close)) => Some(format!("did you mean `{close}`?")),
                (_, None) => None,
            };
            site.error_with_help(format!("Field '{name}' is not supported"), at, *key, help);
        }
    }
    site.check_duplicates(node, at);
}

/// Whether an object is a condition of JSONPath.
pub(crate) fn is_jsonpath(node: &Spanned) -> bool {
    ["And", "Or", "Not", "Variable"].into_iter().any(|name| node.get(name).is_some())
}

/// Compiles the condition of a rule; the object's fields have been checked.
pub(crate) fn compile(site: &mut Site, node: &Spanned, at: &At) -> Option<Condition> {
    compile_at(site, node, at, 0)
}

fn compile_at(site: &mut Site, node: &Spanned, at: &At, depth: usize) -> Option<Condition> {
    let chosen: Vec<&str> = SELECTORS.into_iter().filter(|name| node.get(name).is_some()).collect();
    let [chosen] = chosen.as_slice() else {
        let message = format!("The object must have only one of the following fields, [{}]", SELECTORS.join(", "));
        site.error(message, at, node.span);
        return None;
    };
    match *chosen {
        "And" => several(site, node, at, "And", depth).map(Condition::And),
        "Or" => several(site, node, at, "Or", depth).map(Condition::Or),
        "Not" => {
            let inner = site.object_field(node, at, "Not")?;
            nested(site, inner, &at.field("Not"), depth).map(|inner| Condition::Not(Box::new(inner)))
        }
        "Variable" => test(site, node, at),
        _ => None, // `Condition` is reported as a field of the other language
    }
}

/// The conditions of an `And` or `Or`.
fn several(site: &mut Site, node: &Spanned, at: &At, name: &str, depth: usize) -> Option<Vec<Condition>> {
    let items = site.array_field(node, at, name)?;
    let list_at = at.field(name);
    if items.is_empty() {
        let span = node.get(name).map_or(node.span, |member| member.span);
        site.error("Value cannot be empty", &list_at, span);
    }
    let mut conditions = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let at = list_at.index(index);
        if site.object(item, &at) {
            conditions.extend(nested(site, item, &at, depth));
        }
    }
    (conditions.len() == items.len()).then_some(conditions)
}

fn nested(site: &mut Site, node: &Spanned, at: &At, depth: usize) -> Option<Condition> {
    if depth >= DEPTH_MAX {
        site.compiler.error(TOO_DEEP, "The conditions are too deeply nested".to_owned(), at, node.span);
        return None;
    }
    check_fields(site, node, at, false);
    compile_at(site, node, at, depth + 1)
}

/// `Variable` with exactly one operator.
fn test(site: &mut Site, node: &Spanned, at: &At) -> Option<Condition> {
    let text = site.text_field(node, at, "Variable")?;
    let span = node.get("Variable").map_or(node.span, |member| member.span);
    let variable = site.started_path(text, &at.field("Variable"), span);
    let members = node.members().iter();
    let found: Vec<_> =
        members.filter_map(|(name, _, member)| operator(name).map(|found| (name, member, found))).collect();
    let [(name, member, (operator, by_path, kind))] = found.as_slice() else {
        let message = match found.is_empty() {
            true => {
                let names: Vec<&str> = OPERATORS.iter().map(|(name, ..)| *name).collect();
                format!("This object should have only one of the following fields: [{}]", names.join(", "))
            }
            false => {
                let names: Vec<&str> = found.iter().map(|(name, ..)| &***name).collect();
                format!("There should only be one of the following fields: [{}]", names.join(", "))
            }
        };
        site.error(message, at, node.span);
        return None;
    };
    let field = at.field(name);
    let operand = if *by_path {
        let Some(text) = member.as_str() else {
            site.error("Expected value of type String", &field, member.span);
            return None;
        };
        Operand::Path(site.started_path(text, &field, member.span)?)
    } else {
        literal(site, member, &field, *kind, member.span)?
    };
    Some(Condition::Test { variable: variable?, operator: *operator, operand })
}

/// The literal on the right side of a comparison.
fn literal(site: &mut Site, member: &Spanned, at: &At, kind: Kind, span: Span) -> Option<Operand> {
    let value = plain(member);
    let fits = match value {
        Some(Value::String(_)) => matches!(kind, Kind::String | Kind::Timestamp),
        Some(Value::Number(_)) => kind == Kind::Number,
        Some(Value::Bool(_)) => kind == Kind::Boolean,
        _ => false,
    };
    if !fits {
        let expected = match kind {
            Kind::String | Kind::Timestamp => "String",
            Kind::Number => "Double",
            Kind::Boolean => "Boolean",
        };
        site.error(format!("Expected value of type {expected}"), at, span);
        return None;
    }
    if kind == Kind::Timestamp && member.as_str().and_then(parse_rfc3339).is_none() {
        site.error(NO_TIMESTAMP, at, span);
        return None;
    }
    match &member.node {
        Node::Scalar(value) => Some(Operand::Literal(value.clone())),
        _ => None,
    }
}
