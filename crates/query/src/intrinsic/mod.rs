//! The 18 intrinsic functions, `States.*`.
//!
//! `parse.rs` reads a call once; [`FUNCTIONS`] says where each function lives and how many arguments it takes. To add one,
//! write it in the file of its subject and add a line to the table.

mod array;
mod encoding;
mod json;
mod math;
mod parse;
mod string;

use std::fmt;
use std::sync::Arc;

use stepwell_value::Value;

use crate::cursor::Cursor;
use crate::{EvalError, JsonPath, Scope};

/// How many calls may be nested within a call.
/// Source: AWS Step Functions Developer Guide, "Intrinsics", "You can nest up to 10 intrinsic functions within a field".
pub const NESTING_MAX: usize = 10;

/// How many characters Base64 functions and Hash take. Source: as above, each function's limits.
pub const TEXT_CHARACTERS_MAX: usize = 10_000;

/// How many items ArrayRange makes at most. Source: as above.
pub const RANGE_ITEMS_MAX: usize = 1000;

/// A parsed call of an intrinsic function. Two calls are equal when their texts are.
#[derive(Clone)]
pub struct Intrinsic {
    text: Arc<str>,
    call: Call,
}

/// Why a text is no call of an intrinsic function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntrinsicSyntaxError {
    /// What is wrong, for people.
    pub message: String,
    /// Byte offset in the call's text.
    pub offset: usize,
}

/// A function and what it is called with.
#[derive(Clone)]
struct Call {
    function: &'static Function,
    arguments: Vec<Argument>,
}

/// An argument as written.
#[derive(Clone)]
enum Argument {
    /// A number, `true`, `false` or `null`.
    Literal(Value),
    /// A string, whole and cut at each `{}` that is not escaped.
    Text(Value, Arc<[Arc<str>]>),
    /// `$…`
    Path(JsonPath),
    /// `States.…`
    Call(Call),
}

/// An intrinsic function.
struct Function {
    name: &'static str,
    /// The fewest and the most arguments.
    arity: (usize, usize),
    run: fn(&Arguments<'_>) -> Result<Value, String>,
}

/// What a function is given.
struct Arguments<'a> {
    values: &'a [Value],
    /// The pieces of the first argument when it is written as a string.
    template: Option<&'a [Arc<str>]>,
    scope: &'a dyn Scope,
}

const fn function(
    name: &'static str,
    arity: (usize, usize),
    run: fn(&Arguments<'_>) -> Result<Value, String>,
) -> Function {
    Function { name, arity, run }
}

/// All functions: name, fewest and most arguments, body.
static FUNCTIONS: &[Function] = &[
    function("Array", (0, usize::MAX), array::array),
    function("ArrayPartition", (2, 2), array::partition),
    function("ArrayContains", (2, 2), array::contains),
    function("ArrayRange", (3, 3), array::range),
    function("ArrayGetItem", (2, 2), array::get_item),
    function("ArrayLength", (1, 1), array::length),
    function("ArrayUnique", (1, 1), array::unique),
    function("Base64Encode", (1, 1), encoding::base64_encode),
    function("Base64Decode", (1, 1), encoding::base64_decode),
    function("Hash", (2, 2), encoding::hash),
    function("JsonMerge", (3, 3), json::merge),
    function("StringToJson", (1, 1), json::parse),
    function("JsonToString", (1, 1), json::print),
    function("MathRandom", (2, 3), math::random),
    function("MathAdd", (2, 2), math::add),
    function("UUID", (0, 0), math::uuid),
    function("StringSplit", (2, 2), string::split),
    function("Format", (1, usize::MAX), string::format),
];

impl Intrinsic {
    /// Parses a call such as `States.Format('{}', $.name)`.
    ///
    /// # Errors
    /// When the text is no such call, the function does not exist, or calls are nested deeper than [`NESTING_MAX`].
    pub fn parse(text: &str) -> Result<Intrinsic, IntrinsicSyntaxError> {
        let mut cursor = Cursor::new(text);
        let call = parse::call(&mut cursor, 0)?;
        cursor.skip_blanks();
        if !cursor.is_done() {
            return Err(parse::fault(&cursor, "nothing may follow the call"));
        }
        Ok(Intrinsic { text: Arc::from(text), call })
    }

    /// The text as written.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// Calls `visit` with every path among the arguments, nested ones included, in the order they are written.
    pub fn for_each_path(&self, visit: &mut dyn FnMut(&JsonPath)) {
        self.call.for_each_path(visit);
    }

    /// Calls the function.
    ///
    /// # Errors
    /// [`EvalError::Intrinsic`] when an argument is not of the kind or in the range the function takes; [`EvalError::Path`]
    /// when a path argument leads nowhere. The `field` of the error is empty.
    pub fn call(&self, scope: &dyn Scope) -> Result<Value, EvalError> {
        self.call.run(&self.text, scope)
    }
}

impl Call {
    fn for_each_path(&self, visit: &mut dyn FnMut(&JsonPath)) {
        for argument in &self.arguments {
            match argument {
                Argument::Path(path) => visit(path),
                Argument::Call(call) => call.for_each_path(visit),
                Argument::Literal(_) | Argument::Text(..) => {}
            }
        }
    }

    /// Runs the calls within first. `text` is the outermost call, for errors.
    fn run(&self, text: &Arc<str>, scope: &dyn Scope) -> Result<Value, EvalError> {
        let mut values = Vec::with_capacity(self.arguments.len());
        for argument in &self.arguments {
            values.push(match argument {
                Argument::Literal(value) | Argument::Text(value, _) => value.clone(),
                Argument::Path(path) => {
                    path.select(scope).map_err(|missing| EvalError::Path { field: Arc::from(""), missing })?
                }
                Argument::Call(call) => call.run(text, scope)?,
            });
        }
        let template = match self.arguments.first() {
            Some(Argument::Text(_, pieces)) => Some(&**pieces),
            _ => None,
        };
        (self.function.run)(&Arguments { values: &values, template, scope }).map_err(|reason| EvalError::Intrinsic {
            field: Arc::from(""),
            call: Arc::clone(text),
            reason: format!("States.{}: {reason}", self.function.name),
        })
    }
}

impl Arguments<'_> {
    /// The argument at a place, from 0; `null` when there is none, which the arity excludes.
    fn get(&self, place: usize) -> &Value {
        self.values.get(place).unwrap_or(&Value::Null)
    }

    fn array(&self, place: usize) -> Result<&[Value], String> {
        self.get(place).as_array().map(|items| items.as_slice()).ok_or_else(|| self.wrong(place, "an array"))
    }

    fn text(&self, place: usize) -> Result<&str, String> {
        self.get(place).as_str().ok_or_else(|| self.wrong(place, "a string"))
    }

    /// A text of at most [`TEXT_CHARACTERS_MAX`] characters.
    fn short_text(&self, place: usize) -> Result<&str, String> {
        let text = self.text(place)?;
        let characters = if text.len() > TEXT_CHARACTERS_MAX { text.chars().count() } else { 0 };
        if characters > TEXT_CHARACTERS_MAX {
            return Err(format!("the text has {characters} characters, at most {TEXT_CHARACTERS_MAX} are allowed"));
        }
        Ok(text)
    }

    /// A whole number; one with a fraction is rounded as Java rounds.
    fn integer(&self, place: usize) -> Result<i64, String> {
        let number = self.get(place).as_number().ok_or_else(|| self.wrong(place, "a number"))?;
        math::rounded(number).ok_or_else(|| self.wrong(place, "a number of 64 bits"))
    }

    fn wrong(&self, place: usize, expected: &str) -> String {
        let nth = place + 1;
        format!("argument {nth} must be {expected}, but is of type {}", self.get(place).kind())
    }
}

impl PartialEq for Intrinsic {
    fn eq(&self, other: &Intrinsic) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for Intrinsic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Intrinsic({})", self.text)
    }
}

#[cfg(test)]
mod tests;
