//! From text to calls. Grammar: ASL § Intrinsic Functions.

use std::sync::Arc;

use stepwell_value::Value;

use super::{Argument, Call, FUNCTIONS, Function, IntrinsicSyntaxError, NESTING_MAX};
use crate::JsonPath;
use crate::cursor::Cursor;

pub(super) fn fault(cursor: &Cursor<'_>, message: impl Into<String>) -> IntrinsicSyntaxError {
    IntrinsicSyntaxError { message: message.into(), offset: cursor.at() }
}

/// `States.Name(…)` with so many calls around it.
pub(super) fn call(cursor: &mut Cursor<'_>, nesting: usize) -> Result<Call, IntrinsicSyntaxError> {
    if nesting > NESTING_MAX {
        return Err(fault(cursor, format!("at most {NESTING_MAX} calls may be nested within a call")));
    }
    let function = function(cursor)?;
    if !cursor.eat("(") {
        return Err(fault(cursor, "`(` must follow the name of the function"));
    }
    let arguments = arguments(cursor, nesting)?;
    let (fewest, most) = function.arity;
    if arguments.len() < fewest || arguments.len() > most {
        let wanted = match most {
            usize::MAX => format!("at least {fewest}"),
            _ if fewest == most => format!("{fewest}"),
            _ => format!("{fewest} to {most}"),
        };
        let message = format!("States.{} takes {wanted} arguments, but has {}", function.name, arguments.len());
        return Err(fault(cursor, message));
    }
    Ok(Call { function, arguments })
}

fn function(cursor: &mut Cursor<'_>) -> Result<&'static Function, IntrinsicSyntaxError> {
    let start = cursor.at();
    if !cursor.eat("States.") {
        return Err(fault(cursor, "an intrinsic function begins with `States.`"));
    }
    let name = cursor.take_while(|found| found.is_ascii_alphanumeric() || found == '_');
    FUNCTIONS.iter().find(|function| function.name == name).ok_or_else(|| {
        let nearest = FUNCTIONS.iter().find(|function| function.name.eq_ignore_ascii_case(name));
        let hint = nearest.map(|function| format!("; did you mean `States.{}`?", function.name)).unwrap_or_default();
        IntrinsicSyntaxError { message: format!("there is no intrinsic function `States.{name}`{hint}"), offset: start }
    })
}

fn arguments(cursor: &mut Cursor<'_>, nesting: usize) -> Result<Vec<Argument>, IntrinsicSyntaxError> {
    let mut arguments = Vec::new();
    loop {
        cursor.skip_blanks();
        if arguments.is_empty() && cursor.eat(")") {
            return Ok(arguments);
        }
        arguments.push(argument(cursor, nesting)?);
        cursor.skip_blanks();
        if cursor.eat(")") {
            return Ok(arguments);
        }
        if !cursor.eat(",") {
            return Err(fault(cursor, "`,` or `)` must follow an argument"));
        }
    }
}

fn argument(cursor: &mut Cursor<'_>, nesting: usize) -> Result<Argument, IntrinsicSyntaxError> {
    match cursor.peek() {
        Some('\'') => text(cursor),
        Some('$') => match JsonPath::parse_argument(cursor) {
            Ok(path) => Ok(Argument::Path(path)),
            Err(error) => Err(IntrinsicSyntaxError { message: error.message, offset: error.offset }),
        },
        Some('S') => call(cursor, nesting + 1).map(Argument::Call),
        Some(found) if found == '-' || found.is_ascii_digit() => match cursor.number() {
            Some(number) => Ok(Argument::Literal(Value::Number(number))),
            None => Err(fault(cursor, "this is not a number")),
        },
        _ => word(cursor),
    }
}

fn word(cursor: &mut Cursor<'_>) -> Result<Argument, IntrinsicSyntaxError> {
    let start = cursor.at();
    let value = match cursor.take_while(|found| found.is_ascii_alphanumeric()) {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "null" => Value::Null,
        _ => {
            let message = "an argument is a path, a text in single quotes, a number, `true`, `false`, `null` or a call";
            return Err(IntrinsicSyntaxError { message: message.to_owned(), offset: start });
        }
    };
    Ok(Argument::Literal(value))
}

/// A text in single quotes. The escapes are `\'`, `\{`, `\}` and `\\`, all others are refused (recorded:
/// test_illegal_escapes); control characters stand for themselves (recorded: test_escape_sequence).
fn text(cursor: &mut Cursor<'_>) -> Result<Argument, IntrinsicSyntaxError> {
    cursor.eat("'");
    let (mut whole, mut pieces, mut piece) = (String::new(), Vec::new(), String::new());
    loop {
        if cursor.eat("{}") {
            whole.push_str("{}");
            pieces.push(Arc::from(std::mem::take(&mut piece)));
            continue;
        }
        let found = match cursor.bump() {
            Some('\'') => break,
            Some('\\') => match cursor.bump() {
                Some(escaped @ ('\'' | '{' | '}' | '\\')) => escaped,
                _ => return Err(fault(cursor, r"only `\'`, `\{`, `\}` and `\\` may follow a backslash")),
            },
            Some(found) => found,
            None => return Err(fault(cursor, "the quote that ends the text is missing")),
        };
        whole.push(found);
        piece.push(found);
    }
    pieces.push(Arc::from(piece));
    Ok(Argument::Text(Value::from(whole), Arc::from(pieces)))
}
