//! From text to [`Definition`]: the entry points.

use std::sync::Arc;

use stepwell_value::Value;
use stepwell_value::json::{JsonError, Node, Position, Span, Spanned, parse_spanned};

use crate::machine::Compiler;
use crate::{Definition, Diagnostic, Severity};

/// The type of the machine a definition is for; Express refuses some integrations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MachineType {
    /// `STANDARD`
    #[default]
    Standard,
    /// `EXPRESS`
    Express,
}

/// What the validator should know besides the text.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The machine's type.
    pub machine_type: MachineType,
    /// Whether to look for what AWS accepts but a user should know (`stepwell validate`); errors are found either way.
    pub warnings: bool,
}

/// The outcome of [`compile`].
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The definition, when there is no error.
    pub definition: Option<Definition>,
    /// Everything that was found, in the order AWS reports it.
    pub diagnostics: Vec<Diagnostic>,
}

/// Parses, validates and compiles a definition.
pub fn compile(text: &str, options: &Options) -> Compiled {
    if text.trim().is_empty() {
        return refused(missing_description());
    }
    match parse_spanned(text) {
        Ok(root) => compile_spanned(&root, text, options),
        Err(error) => refused(invalid_json(&error, text)),
    }
}

/// Compiles a definition that has been read already; `text` is what the definition keeps as its text.
pub fn compile_spanned(root: &Spanned, text: &str, options: &Options) -> Compiled {
    Compiler::new(options, false).machine(root, text)
}

/// Compiles one state alone, as TestState takes it: a machine that starts at it. States that its transitions name exist
/// as Succeed states. Places are written `/States/NAME/…`.
pub fn compile_state(text: &str, name: &str, options: &Options) -> Compiled {
    if text.trim().is_empty() {
        return refused(missing_description());
    }
    match parse_spanned(text) {
        Ok(state) => Compiler::new(options, true).machine(&machine_of(state, name), text),
        Err(error) => refused(invalid_json(&error, text)),
    }
}

/// A machine of one state.
fn machine_of(state: Spanned, name: &str) -> Spanned {
    let span = state.span;
    let name: Arc<str> = Arc::from(name);
    let start_at = Spanned { span, node: Node::Scalar(Value::String(Arc::clone(&name))) };
    let states = Spanned { span, node: Node::Object(vec![(name, span, state)]) };
    let members = vec![(Arc::from("StartAt"), span, start_at), (Arc::from("States"), span, states)];
    Spanned { span, node: Node::Object(members) }
}

fn refused(diagnostic: Diagnostic) -> Compiled {
    Compiled { definition: None, diagnostics: vec![diagnostic] }
}

fn missing_description() -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code: "MISSING_DESCRIPTION",
        message: "Received a null or empty workflow input.".to_owned(),
        location: String::new(),
        span: None,
        help: None,
    }
}

/// The text is no JSON. Message and location hold the excerpt that AWS's reader (Jackson) prints; recorded:
/// test_validate_state_machine_definition_not_a_definition.
fn invalid_json(error: &JsonError, text: &str) -> Diagnostic {
    const EXCERPT_MAX: usize = 500;
    let rest = text.get(error.offset..).unwrap_or("");
    // Jackson has read the faulty token when it complains.
    let read = match error.message.split_once(" token '").and_then(|(_, after)| after.split_once('\'')) {
        Some((token, _)) if error.message.starts_with("Unrecognized") => token.len(),
        _ => rest.chars().next().map_or(0, char::len_utf8),
    };
    let Position { line, column } = Position::of(text, error.offset + read);
    let length = text.chars().count();
    let excerpt: String = text.chars().take(EXCERPT_MAX).collect();
    let cut = match length.checked_sub(EXCERPT_MAX) {
        None | Some(0) => String::new(),
        Some(more) => format!("[truncated {more} chars]"),
    };
    let location = format!("[Source: (String)\"{excerpt}\"{cut}; line: {line}, column: {column}]");
    Diagnostic {
        severity: Severity::Error,
        code: "INVALID_JSON_DESCRIPTION",
        message: format!("{}\n at {location}", error.message),
        location,
        span: Some(Span { start: error.offset, end: error.offset + read.max(1) }),
        help: None,
    }
}
