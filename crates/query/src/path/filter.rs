//! Filters: `[?(@.price < 10 && @.tags contains 'new')]`.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use regex::{Regex, RegexBuilder};
use stepwell_value::Value;

use super::parse::{self, Stop, descend, fault};
use super::select::{Miss, Walk};
use super::{PathSyntaxError, Steps};
use crate::cursor::Cursor;

/// How large a compiled regular expression may be, in bytes.
const REGEX_SIZE_MAX: usize = 1 << 20;

/// A condition on a node.
#[derive(Clone, Debug)]
pub(crate) enum Filter {
    /// `||`
    Any(Vec<Filter>),
    /// `&&`
    All(Vec<Filter>),
    /// `!`
    Not(Box<Filter>),
    /// A path alone: whether it leads somewhere.
    Exists(Operand),
    /// Two operands with an operator between them.
    Compare(Operand, Operator, Operand),
}

/// One side of a comparison.
#[derive(Clone, Debug)]
pub(crate) enum Operand {
    /// `@…`
    FromNode(Steps),
    /// `$…`
    FromRoot(Steps),
    /// A string, a number, `true`, `false`, `null`, an array or an object.
    Literal(Value),
    /// `/…/i`
    Pattern(Regex),
}

/// What compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Matches,
    In,
    NotIn,
    SubsetOf,
    AnyOf,
    NoneOf,
    Contains,
    Size,
    Empty,
}

/// Every spelling of an operator; a longer one stands before its own beginning.
const OPERATORS: &[(&str, Operator)] = &[
    ("===", Operator::Equal),
    ("!==", Operator::NotEqual),
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("=~", Operator::Matches),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("<", Operator::Less),
    (">", Operator::Greater),
    ("in", Operator::In),
    ("nin", Operator::NotIn),
    ("subsetof", Operator::SubsetOf),
    ("anyof", Operator::AnyOf),
    ("noneof", Operator::NoneOf),
    ("contains", Operator::Contains),
    ("size", Operator::Size),
    ("empty", Operator::Empty),
];

impl Filter {
    /// Whether a node fulfils the condition.
    pub(super) fn accepts(&self, walk: &Walk<'_>, node: &Value) -> Result<bool, Miss> {
        walk.visit()?;
        match self {
            Filter::Any(filters) => {
                for filter in filters {
                    if filter.accepts(walk, node)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Filter::All(filters) => {
                for filter in filters {
                    if !filter.accepts(walk, node)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Filter::Not(filter) => Ok(!filter.accepts(walk, node)?),
            Filter::Exists(operand) => operand.exists(walk, node),
            Filter::Compare(left, operator, right) => {
                if *operator == Operator::Matches {
                    return matches_pattern(left, right, walk, node);
                }
                let (left, right) = (left.value(walk, node)?, right.value(walk, node)?);
                Ok(operator.holds(left.as_deref(), right.as_deref()))
            }
        }
    }
}

impl Operand {
    /// The value; `None` when the path leads nowhere.
    fn value<'n>(&'n self, walk: &Walk<'n>, node: &'n Value) -> Result<Option<Cow<'n, Value>>, Miss> {
        let found = match self {
            Operand::FromNode(steps) => walk.select(steps, node),
            Operand::FromRoot(steps) => walk.select(steps, walk.root()),
            Operand::Literal(value) => return Ok(Some(Cow::Borrowed(value))),
            Operand::Pattern(_) => return Ok(None),
        };
        match found {
            Ok(value) => Ok(Some(value)),
            Err(Miss::Exhausted) => Err(Miss::Exhausted),
            Err(Miss::Absent(_) | Miss::Invalid(_)) => Ok(None),
        }
    }

    /// A definite path exists when it leads somewhere, be it to `null`; another one when it has a match.
    fn exists(&self, walk: &Walk<'_>, node: &Value) -> Result<bool, Miss> {
        let is_list = match self {
            Operand::FromNode(steps) | Operand::FromRoot(steps) => !steps.is_definite(),
            Operand::Literal(value) => return Ok(*value == Value::Bool(true)),
            Operand::Pattern(_) => return Ok(false),
        };
        let value = self.value(walk, node)?;
        Ok(value.is_some_and(|value| !is_list || value.as_array().is_some_and(|items| !items.is_empty())))
    }
}

impl Operator {
    /// Whether two values stand in this relation; an absent one equals nothing.
    fn holds(self, left: Option<&Value>, right: Option<&Value>) -> bool {
        match self {
            Operator::Equal => left.is_some() && left == right,
            Operator::NotEqual => left.is_none() || left != right,
            Operator::Less => order(left, right) == Some(Ordering::Less),
            Operator::Greater => order(left, right) == Some(Ordering::Greater),
            Operator::LessOrEqual => order(left, right).is_some_and(Ordering::is_le),
            Operator::GreaterOrEqual => order(left, right).is_some_and(Ordering::is_ge),
            Operator::In => is_among(left, right),
            Operator::NotIn => !is_among(left, right),
            Operator::SubsetOf => {
                lists(left, right).is_some_and(|(one, two)| one.iter().all(|item| two.contains(item)))
            }
            Operator::AnyOf => lists(left, right).is_some_and(|(one, two)| one.iter().any(|item| two.contains(item))),
            Operator::NoneOf => lists(left, right).is_some_and(|(one, two)| !one.iter().any(|item| two.contains(item))),
            Operator::Contains => contains(left, right),
            Operator::Size => size(left).is_some_and(|size| right.and_then(Value::as_i64) == Some(size)),
            Operator::Empty => size(left).is_some_and(|size| right.and_then(Value::as_bool) == Some(size == 0)),
            Operator::Matches => false, // decided before, on operands
        }
    }
}

/// Only numbers with numbers and strings with strings have an order.
fn order(left: Option<&Value>, right: Option<&Value>) -> Option<Ordering> {
    match (left?, right?) {
        (Value::Number(one), Value::Number(two)) => one.partial_cmp(two),
        (Value::String(one), Value::String(two)) => Some(one.cmp(two)),
        _ => None,
    }
}

fn lists<'v>(left: Option<&'v Value>, right: Option<&'v Value>) -> Option<(&'v [Value], &'v [Value])> {
    Some((left?.as_array()?, right?.as_array()?))
}

fn is_among(left: Option<&Value>, right: Option<&Value>) -> bool {
    left.is_some_and(|left| right.and_then(Value::as_array).is_some_and(|items| items.contains(left)))
}

fn contains(left: Option<&Value>, right: Option<&Value>) -> bool {
    match (left, right) {
        (Some(Value::String(text)), Some(Value::String(part))) => text.contains(&**part),
        (Some(Value::Array(items)), Some(value)) => items.contains(value),
        _ => false,
    }
}

/// The length of a string in characters, of an array in items, of an object in members.
fn size(of: Option<&Value>) -> Option<i64> {
    let size = match of? {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.len(),
        Value::Object(members) => members.len(),
        _ => return None,
    };
    i64::try_from(size).ok()
}

/// `=~` in either direction; the whole text must match.
fn matches_pattern(left: &Operand, right: &Operand, walk: &Walk<'_>, node: &Value) -> Result<bool, Miss> {
    let (pattern, subject) = match (left, right) {
        (subject, Operand::Pattern(pattern)) | (Operand::Pattern(pattern), subject) => (pattern, subject),
        _ => return Ok(false),
    };
    let value = subject.value(walk, node)?;
    Ok(match value.as_deref() {
        Some(Value::String(text)) => pattern.is_match(text),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => pattern.is_match(&value.to_json()),
        _ => false,
    })
}

/// Reads `(…)` behind `[?`.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Filter, PathSyntaxError> {
    cursor.skip_blanks();
    if cursor.peek() != Some('(') {
        return fault(cursor, "`(` must follow `?`");
    }
    group(cursor)
}

fn group(cursor: &mut Cursor<'_>) -> Result<Filter, PathSyntaxError> {
    cursor.eat("(");
    descend(cursor)?;
    let inner = any(cursor)?;
    cursor.skip_blanks();
    if !cursor.eat(")") {
        return fault(cursor, "an operator or `)` must stand here");
    }
    cursor.ascend();
    Ok(inner)
}

fn any(cursor: &mut Cursor<'_>) -> Result<Filter, PathSyntaxError> {
    let mut filters = vec![all(cursor)?];
    while blank_eat(cursor, "||") {
        filters.push(all(cursor)?);
    }
    Ok(if filters.len() > 1 { Filter::Any(filters) } else { filters.swap_remove(0) })
}

fn all(cursor: &mut Cursor<'_>) -> Result<Filter, PathSyntaxError> {
    let mut filters = vec![single(cursor)?];
    while blank_eat(cursor, "&&") {
        filters.push(single(cursor)?);
    }
    Ok(if filters.len() > 1 { Filter::All(filters) } else { filters.swap_remove(0) })
}

fn blank_eat(cursor: &mut Cursor<'_>, expected: &str) -> bool {
    cursor.skip_blanks();
    cursor.eat(expected)
}

fn single(cursor: &mut Cursor<'_>) -> Result<Filter, PathSyntaxError> {
    let mut negated = false;
    while blank_eat(cursor, "!") {
        negated = !negated;
    }
    let filter = if cursor.peek() == Some('(') { group(cursor)? } else { comparison(cursor)? };
    Ok(if negated { Filter::Not(Box::new(filter)) } else { filter })
}

fn comparison(cursor: &mut Cursor<'_>) -> Result<Filter, PathSyntaxError> {
    let left = operand(cursor)?;
    cursor.skip_blanks();
    let Some(operator) = operator(cursor) else {
        return match left {
            Operand::FromNode(_) | Operand::FromRoot(_) | Operand::Literal(Value::Bool(_)) => Ok(Filter::Exists(left)),
            _ => fault(cursor, "an operator must follow this operand"),
        };
    };
    cursor.skip_blanks();
    let right = operand(cursor)?;
    let patterns = [&left, &right].into_iter().filter(|side| matches!(side, Operand::Pattern(_))).count();
    if patterns != usize::from(operator == Operator::Matches) {
        return fault(cursor, "`=~` takes one regular expression, and nothing else does");
    }
    Ok(Filter::Compare(left, operator, right))
}

/// Reads an operator; words in any case, and only whole ones.
fn operator(cursor: &mut Cursor<'_>) -> Option<Operator> {
    if !cursor.peek()?.is_ascii_alphabetic() {
        return OPERATORS.iter().find(|(spelling, _)| cursor.eat(spelling)).map(|(_, operator)| *operator);
    }
    let word = cursor.take_while(|found| found.is_ascii_alphabetic());
    OPERATORS.iter().find(|(spelling, _)| spelling.eq_ignore_ascii_case(word)).map(|(_, operator)| *operator)
}

fn operand(cursor: &mut Cursor<'_>) -> Result<Operand, PathSyntaxError> {
    if cursor.eat("@") {
        return Ok(Operand::FromNode(parse::steps(cursor, Stop::Filter)?));
    }
    if cursor.eat("$") {
        return Ok(Operand::FromRoot(parse::steps(cursor, Stop::Filter)?));
    }
    if cursor.peek() == Some('/') {
        return pattern(cursor);
    }
    literal(cursor).map(Operand::Literal)
}

/// `/…/` with the flags i, m, s and x; d, u and U have no effect.
fn pattern(cursor: &mut Cursor<'_>) -> Result<Operand, PathSyntaxError> {
    cursor.eat("/");
    let mut source = String::new();
    loop {
        match cursor.bump() {
            Some('/') => break,
            Some('\\') if cursor.eat("/") => source.push('/'),
            Some('\\') => {
                source.push('\\');
                source.extend(cursor.bump());
            }
            Some(found) => source.push(found),
            None => return fault(cursor, "the `/` that ends the regular expression is missing"),
        }
    }
    let flags = cursor.take_while(|found| matches!(found, 'i' | 'm' | 's' | 'x' | 'd' | 'u' | 'U'));
    let compiled = RegexBuilder::new(&format!(r"\A(?:{source}{})\z", if flags.contains('x') { "\n" } else { "" }))
        .case_insensitive(flags.contains('i'))
        .multi_line(flags.contains('m'))
        .dot_matches_new_line(flags.contains('s'))
        .ignore_whitespace(flags.contains('x'))
        .size_limit(REGEX_SIZE_MAX)
        .build();
    match compiled {
        Ok(regex) => Ok(Operand::Pattern(regex)),
        Err(regex::Error::CompiledTooBig(_)) => fault(cursor, "the regular expression is too large"),
        Err(_) => {
            fault(cursor, format!("`{source}` is not a regular expression without look-around and back-references"))
        }
    }
}

/// A string in either quote, a number, `true`, `false`, `null`, an array or an object.
pub(super) fn literal(cursor: &mut Cursor<'_>) -> Result<Value, PathSyntaxError> {
    match cursor.peek() {
        Some('\'' | '"') => string(cursor).map(Value::from),
        Some('[') => array(cursor),
        Some('{') => object(cursor),
        Some(found) if found == '-' || found.is_ascii_digit() => match cursor.number() {
            Some(number) => Ok(Value::Number(number)),
            None => fault(cursor, "this is not a number"),
        },
        _ => word(cursor),
    }
}

fn word(cursor: &mut Cursor<'_>) -> Result<Value, PathSyntaxError> {
    let start = cursor.at();
    match cursor.take_while(|found| found.is_ascii_alphabetic()) {
        "true" => Ok(Value::Bool(true)),
        "false" => Ok(Value::Bool(false)),
        "null" => Ok(Value::Null),
        _ => Err(PathSyntaxError { message: "a path or a literal must stand here".to_owned(), offset: start }),
    }
}

fn string(cursor: &mut Cursor<'_>) -> Result<String, PathSyntaxError> {
    let quote = cursor.bump();
    let mut text = String::new();
    while let Some(found) = cursor.bump() {
        if Some(found) == quote {
            return Ok(text);
        }
        if found != '\\' {
            text.push(found);
            continue;
        }
        match cursor.bump() {
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('t') => text.push('\t'),
            Some('b') => text.push('\u{8}'),
            Some('f') => text.push('\u{c}'),
            Some('u') => text.push(unicode(cursor)?),
            Some(escaped) => text.push(escaped),
            None => break,
        }
    }
    fault(cursor, "the quote that ends the text is missing")
}

fn unicode(cursor: &mut Cursor<'_>) -> Result<char, PathSyntaxError> {
    let digits = cursor.rest().get(..4).unwrap_or("");
    match u32::from_str_radix(digits, 16).ok().and_then(char::from_u32) {
        Some(found) if cursor.eat(digits) => Ok(found),
        _ => fault(cursor, r"four hexadecimal digits must follow `\u`"),
    }
}

fn array(cursor: &mut Cursor<'_>) -> Result<Value, PathSyntaxError> {
    cursor.eat("[");
    let mut items = Vec::new();
    members(cursor, "]", |cursor| {
        items.push(literal(cursor)?);
        Ok(())
    })?;
    Ok(Value::array(items))
}

fn object(cursor: &mut Cursor<'_>) -> Result<Value, PathSyntaxError> {
    cursor.eat("{");
    let mut found: Vec<(Arc<str>, Value)> = Vec::new();
    members(cursor, "}", |cursor| {
        if !matches!(cursor.peek(), Some('\'' | '"')) {
            return fault(cursor, "a name in quotes must stand here");
        }
        let name = string(cursor)?;
        if !blank_eat(cursor, ":") {
            return fault(cursor, "`:` must follow the name");
        }
        cursor.skip_blanks();
        found.push((Arc::from(name), literal(cursor)?));
        Ok(())
    })?;
    Ok(Value::object(found))
}

/// Members separated by commas, up to the closing bracket.
fn members<'t>(
    cursor: &mut Cursor<'t>,
    close: &str,
    mut member: impl FnMut(&mut Cursor<'t>) -> Result<(), PathSyntaxError>,
) -> Result<(), PathSyntaxError> {
    descend(cursor)?;
    let mut is_first = true;
    while !blank_eat(cursor, close) {
        if !is_first && !cursor.eat(",") {
            return fault(cursor, format!("`,` or `{close}` must stand here"));
        }
        cursor.skip_blanks();
        member(cursor)?;
        is_first = false;
    }
    cursor.ascend();
    Ok(())
}
