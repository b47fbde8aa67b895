//! From text to steps.

use std::sync::Arc;

use super::functions::{Call, Function, Param};
use super::{PathSyntaxError, Root, Step, Steps};
use crate::cursor::Cursor;

/// How many steps a path may have.
const STEPS_MAX: usize = 500;

/// Where a name without quotes ends, beside `.`, `[`, `(` and blanks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// Nowhere else: the path is the whole text.
    Blank,
    /// Before `,` and `)`: the path is an argument.
    Argument,
    /// Before operators too: the path is an operand of a filter.
    Filter,
}

impl Stop {
    fn ends_name(self, found: char) -> bool {
        let ends_here = match self {
            Stop::Blank => false,
            Stop::Argument => matches!(found, ',' | ')'),
            Stop::Filter => matches!(found, ',' | ')' | ']' | '=' | '!' | '<' | '>' | '&' | '|' | '~'),
        };
        ends_here || matches!(found, '.' | '[' | '(') || found.is_whitespace()
    }
}

pub(super) fn fault<T>(cursor: &Cursor<'_>, message: impl Into<String>) -> Result<T, PathSyntaxError> {
    Err(PathSyntaxError { message: message.into(), offset: cursor.at() })
}

/// Goes one level deeper in nested filters and arguments.
pub(super) fn descend(cursor: &mut Cursor<'_>) -> Result<(), PathSyntaxError> {
    match cursor.descend() {
        Some(()) => Ok(()),
        None => fault(cursor, "filters and arguments are nested too deep"),
    }
}

/// `$`, `$$` or `$name`.
pub(super) fn root(cursor: &mut Cursor<'_>) -> Result<Root, PathSyntaxError> {
    if !cursor.eat("$") {
        return fault(cursor, "a path begins with `$`");
    }
    if cursor.eat("$") {
        return Ok(Root::Context);
    }
    match cursor.peek() {
        Some(first) if first.is_alphabetic() || first == '_' => {
            Ok(Root::Variable(Arc::from(cursor.take_while(|found| found.is_alphanumeric() || found == '_'))))
        }
        _ => Ok(Root::Input),
    }
}

/// All that follows a root, up to where the path ends.
pub(super) fn steps(cursor: &mut Cursor<'_>, stop: Stop) -> Result<Steps, PathSyntaxError> {
    let mut out = Steps::default();
    loop {
        match cursor.peek() {
            Some('.') => dotted(cursor, stop, &mut out)?,
            Some('[') => out.steps.push(bracket(cursor)?),
            _ => return Ok(out),
        }
        if out.call.is_some() {
            return Ok(out); // a function is the last step
        }
        if out.steps.len() > STEPS_MAX {
            return fault(cursor, format!("a path has at most {STEPS_MAX} steps"));
        }
    }
}

/// `.name`, `.*`, `.function()`, `..`, and the dot that may stand before a bracket.
fn dotted(cursor: &mut Cursor<'_>, stop: Stop, out: &mut Steps) -> Result<(), PathSyntaxError> {
    cursor.eat(".");
    if cursor.eat(".") {
        out.steps.push(Step::Descend);
    }
    if cursor.peek() == Some('[') {
        out.steps.push(bracket(cursor)?);
        return Ok(());
    }
    let start = cursor.at();
    let name = name(cursor, stop)?;
    if cursor.peek() == Some('(') {
        out.call = Some(Box::new(call(cursor, start, &name)?));
    } else if cursor.since(start) == "*" {
        out.steps.push(Step::Wildcard);
    } else if name.is_empty() {
        return fault(cursor, "a name, `*` or `[` must follow the dot");
    } else {
        out.steps.push(Step::Name(Arc::from(name)));
    }
    Ok(())
}

/// A name without quotes; a backslash makes the character behind it part of the name.
fn name(cursor: &mut Cursor<'_>, stop: Stop) -> Result<String, PathSyntaxError> {
    let mut name = String::new();
    while let Some(found) = cursor.peek().filter(|found| !stop.ends_name(*found)) {
        cursor.bump();
        if found != '\\' {
            name.push(found);
            continue;
        }
        match cursor.bump() {
            Some(escaped) => name.push(escaped),
            None => return fault(cursor, "a character must follow the backslash"),
        }
    }
    Ok(name)
}

fn call(cursor: &mut Cursor<'_>, start: usize, name: &str) -> Result<Call, PathSyntaxError> {
    let Some(function) = Function::named(name) else {
        let message = format!("`{name}` is not a function of JSONPath; there are {}", Function::names());
        return Err(PathSyntaxError { message, offset: start });
    };
    cursor.eat("(");
    descend(cursor)?;
    let mut params = Vec::new();
    loop {
        cursor.skip_blanks();
        if params.is_empty() && cursor.eat(")") {
            break;
        }
        params.push(param(cursor)?);
        cursor.skip_blanks();
        if cursor.eat(")") {
            break;
        }
        if !cursor.eat(",") {
            return fault(cursor, "`,` or `)` must follow an argument");
        }
    }
    cursor.ascend();
    Ok(Call { function, params })
}

fn param(cursor: &mut Cursor<'_>) -> Result<Param, PathSyntaxError> {
    if cursor.eat("$") {
        return Ok(Param::FromRoot(steps(cursor, Stop::Argument)?));
    }
    if cursor.eat("@") {
        return Ok(Param::FromNode(steps(cursor, Stop::Argument)?));
    }
    Ok(Param::Literal(super::filter::literal(cursor)?))
}

/// `[…]`
fn bracket(cursor: &mut Cursor<'_>) -> Result<Step, PathSyntaxError> {
    cursor.eat("[");
    cursor.skip_blanks();
    let step = match cursor.peek() {
        Some('\'' | '"') => names(cursor)?,
        Some('*') => {
            cursor.bump();
            Step::Wildcard
        }
        Some('?') => {
            cursor.bump();
            Step::Filter(super::filter::parse(cursor)?)
        }
        Some(found) if found.is_ascii_digit() || matches!(found, '-' | ':') => places(cursor)?,
        _ => return fault(cursor, "an index, a slice, a name in quotes, `*` or `?(…)` must follow `[`"),
    };
    cursor.skip_blanks();
    if cursor.eat("]") { Ok(step) } else { fault(cursor, "`]` is missing") }
}

/// `'a'`, `'a','b'`
fn names(cursor: &mut Cursor<'_>) -> Result<Step, PathSyntaxError> {
    let first = quoted_name(cursor)?;
    let mut names = Vec::new();
    loop {
        cursor.skip_blanks();
        if !cursor.eat(",") {
            break;
        }
        cursor.skip_blanks();
        names.push(quoted_name(cursor)?);
    }
    if names.is_empty() {
        return Ok(Step::Name(first));
    }
    names.insert(0, first);
    Ok(Step::Names(names))
}

/// A name in quotes. A backslash stands for itself (recorded: test_escape_sequence_parsing), save before the quote that
/// would end the name.
fn quoted_name(cursor: &mut Cursor<'_>) -> Result<Arc<str>, PathSyntaxError> {
    let Some(quote @ ('\'' | '"')) = cursor.bump() else { return fault(cursor, "a name in quotes must stand here") };
    let mut name = String::new();
    while let Some(found) = cursor.bump() {
        match found {
            '\\' if cursor.peek() == Some(quote) => {
                cursor.bump();
                name.push(quote);
            }
            found if found == quote => return Ok(Arc::from(name)),
            found => name.push(found),
        }
    }
    fault(cursor, "the quote that ends the name is missing")
}

/// `0`, `0,2`, `1:5`, `:5`, `-1:`
fn places(cursor: &mut Cursor<'_>) -> Result<Step, PathSyntaxError> {
    let first = integer(cursor)?;
    cursor.skip_blanks();
    if cursor.eat(":") {
        return slice(cursor, first);
    }
    let Some(first) = first else { return fault(cursor, "an index is a whole number") };
    let mut indexes = vec![first];
    while cursor.eat(",") {
        cursor.skip_blanks();
        match integer(cursor)? {
            Some(index) => indexes.push(index),
            None => return fault(cursor, "an index is a whole number"),
        }
        cursor.skip_blanks();
    }
    Ok(if indexes.len() == 1 { Step::Index(first) } else { Step::Indexes(indexes) })
}

/// The part behind the colon. Jayway knows no step: a third number is read and has no effect.
fn slice(cursor: &mut Cursor<'_>, from: Option<i64>) -> Result<Step, PathSyntaxError> {
    cursor.skip_blanks();
    let to = integer(cursor)?;
    cursor.skip_blanks();
    if cursor.eat(":") {
        cursor.skip_blanks();
        integer(cursor)?;
    }
    if from.is_none() && to.is_none() {
        return fault(cursor, "a slice has at least one bound; write `[*]` for all items");
    }
    Ok(Step::Slice(from, to))
}

fn integer(cursor: &mut Cursor<'_>) -> Result<Option<i64>, PathSyntaxError> {
    let start = cursor.at();
    let _ = cursor.eat("-");
    cursor.take_while(|found| found.is_ascii_digit());
    let text = cursor.since(start);
    if text.is_empty() {
        return Ok(None);
    }
    match text.parse::<i32>() {
        Ok(integer) => Ok(Some(i64::from(integer))),
        Err(_) => fault(cursor, format!("`{text}` is not an index")),
    }
}
