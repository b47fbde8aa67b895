//! JSONPath in the Jayway dialect that Step Functions uses.
//!
//! A path is read once ([`JsonPath::parse`]) into a list of steps and applied as often as needed ([`JsonPath::select`]);
//! nodes are borrowed from the document until the result is made. Where recordings of AWS are silent, the documented
//! behaviour of Jayway JsonPath decides. What it must not do: run long on hostile input (regular expressions are linear,
//! nesting is bounded, visited nodes are counted).
//!
//! Start reading at [`Step`], then `select.rs`.

mod filter;
mod functions;
mod parse;
mod select;

use std::fmt;
use std::sync::Arc;

use stepwell_value::Value;

use crate::Scope;
use crate::cursor::Cursor;
use filter::Filter;
use functions::Call;
use select::Walk;

/// A parsed JSONPath. Two paths are equal when their texts are.
#[derive(Clone)]
pub struct JsonPath {
    text: Arc<str>,
    root: Root,
    steps: Steps,
}

/// What the first `$` of a path stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Root {
    /// `$`: the document of the field.
    Input,
    /// `$$`: the context object.
    Context,
    /// `$name`: a workflow variable.
    Variable(Arc<str>),
}

/// Why a text is no JSONPath.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathSyntaxError {
    /// What is wrong, for people.
    pub message: String,
    /// Byte offset in the path's text.
    pub offset: usize,
}

/// A definite path that leads nowhere, or an operation that the data does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoResult {
    /// The path as it is written in the definition.
    pub path: Arc<str>,
    /// The words of AWS's evaluator: `No results for path: $['NoSuchInputPath']`.
    pub reason: String,
}

/// What follows the root of a path: steps, and perhaps a function at the end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Steps {
    pub(crate) steps: Vec<Step>,
    call: Option<Box<Call>>,
}

/// One step of a path, from nodes to nodes.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// `.a`, `['a']`
    Name(Arc<str>),
    /// `['a','b']`: one object of these members at the end of a path, each of them on the way.
    Names(Vec<Arc<str>>),
    /// `[0]`, `[-1]`
    Index(i64),
    /// `[0,2]`
    Indexes(Vec<i64>),
    /// `[from:to]`, either of them optional.
    Slice(Option<i64>, Option<i64>),
    /// `.*`, `[*]`
    Wildcard,
    /// `..`: the node and all below it, to which the next step is applied.
    Descend,
    /// `[?(…)]`
    Filter(Filter),
}

impl JsonPath {
    /// Parses a path.
    ///
    /// # Errors
    /// When the text is no path of the dialect.
    pub fn parse(text: &str) -> Result<JsonPath, PathSyntaxError> {
        let mut cursor = Cursor::new(text);
        let path = JsonPath::read(&mut cursor, parse::Stop::Blank)?;
        cursor.skip_blanks(); // Jayway trims paths
        if cursor.is_done() {
            return Ok(JsonPath { text: Arc::from(text), ..path });
        }
        let message = match cursor.peek() {
            Some(found) => format!("`{found}` cannot stand here; write names with unusual characters as ['name']"),
            None => "the path ends too early".to_owned(),
        };
        Err(PathSyntaxError { message, offset: cursor.at() })
    }

    /// Reads a path that is an argument of an intrinsic function; it ends before a blank, a comma or a parenthesis.
    pub(crate) fn parse_argument(cursor: &mut Cursor<'_>) -> Result<JsonPath, PathSyntaxError> {
        JsonPath::read(cursor, parse::Stop::Argument)
    }

    fn read(cursor: &mut Cursor<'_>, stop: parse::Stop) -> Result<JsonPath, PathSyntaxError> {
        let start = cursor.at();
        let root = parse::root(cursor)?;
        let steps = parse::steps(cursor, stop)?;
        Ok(JsonPath { text: Arc::from(cursor.since(start)), root, steps })
    }

    /// The text as written.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// What the path starts from.
    pub fn root(&self) -> Root {
        self.root.clone()
    }

    /// The name of the workflow variable the path starts from, if it starts from one.
    pub fn variable(&self) -> Option<&Arc<str>> {
        match &self.root {
            Root::Variable(name) => Some(name),
            Root::Input | Root::Context => None,
        }
    }

    /// Whether the path names at most one place (only single names and indexes), or computes one value with a function.
    pub fn is_definite(&self) -> bool {
        self.steps.is_definite()
    }

    /// Whether this is the whole document: `$`, `$$` or `$name`.
    pub fn is_whole(&self) -> bool {
        self.steps.steps.is_empty() && self.steps.call.is_none()
    }

    /// What the path selects: the value itself for a definite path, an array of all matches otherwise.
    ///
    /// # Errors
    /// When a definite path leads nowhere, or a slice or index meets the wrong kind of value.
    pub fn select(&self, scope: &dyn Scope) -> Result<Value, NoResult> {
        let document = match &self.root {
            Root::Input => scope.input(),
            Root::Context => scope.context(),
            Root::Variable(name) => scope.variable(name).ok_or_else(|| self.no_variable(name))?,
        };
        self.select_in(document)
    }

    fn select_in(&self, document: &Value) -> Result<Value, NoResult> {
        match Walk::new(document).select(&self.steps, document) {
            Ok(found) => Ok(found.into_owned()),
            Err(miss) => Err(NoResult { path: Arc::clone(&self.text), reason: miss.into_reason() }),
        }
    }

    /// A variable that is not set reads as a missing member would.
    fn no_variable(&self, name: &str) -> NoResult {
        let reason = if self.is_whole() { "No results for path: $" } else { "Missing property in path $" };
        NoResult { path: Arc::clone(&self.text), reason: format!("{reason}['{name}']") }
    }

    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps.steps
    }

    pub(crate) fn has_call(&self) -> bool {
        self.steps.call.is_some()
    }
}

impl Steps {
    /// Whether the result is one value, not the array of all matches.
    fn is_definite(&self) -> bool {
        self.call.is_some() || self.steps_are_definite()
    }

    fn steps_are_definite(&self) -> bool {
        let last = self.steps.len().saturating_sub(1);
        self.steps.iter().enumerate().all(|(index, step)| match step {
            Step::Name(_) | Step::Index(_) => true,
            Step::Names(_) => index == last,
            _ => false,
        })
    }
}

impl PartialEq for JsonPath {
    fn eq(&self, other: &JsonPath) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for JsonPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "JsonPath({})", self.text)
    }
}

impl fmt::Display for Step {
    /// The spelling of Jayway's messages: `['a']`, `[0]`, `[*]`, `[?]`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Name(name) => write!(out, "['{name}']"),
            Step::Names(names) => write!(out, "['{}']", names.join("','")),
            Step::Index(index) => write!(out, "[{index}]"),
            Step::Indexes(indexes) => {
                let texts: Vec<String> = indexes.iter().map(i64::to_string).collect();
                write!(out, "[{}]", texts.join(","))
            }
            Step::Slice(from, to) => {
                let bound = |bound: &Option<i64>| bound.map(|bound| bound.to_string()).unwrap_or_default();
                write!(out, "[{}:{}]", bound(from), bound(to))
            }
            Step::Wildcard => out.write_str("[*]"),
            Step::Descend => out.write_str(".."),
            Step::Filter(_) => out.write_str("[?]"),
        }
    }
}

#[cfg(test)]
mod tests;
