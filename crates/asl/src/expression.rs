//! Fields that hold paths, expressions and templates, in both languages.

use std::sync::Arc;

use stepwell_query::jsonata::JsonataSyntaxError;
use stepwell_query::template::{Fault, TemplateError};
use stepwell_query::{Expression, JsonPath, Jsonata, ReferencePath, Root, Template};
use stepwell_value::json::{Node, Span, Spanned};

use crate::definition::{Amount, Text};
use crate::location::At;
use crate::machine::TOO_DEEP;
use crate::site::Site;
use crate::variables;

/// How deep a payload template may be nested: it is walked level by level here and at every evaluation, and no text may
/// make that run out of stack. A limit of ours.
const TEMPLATE_DEPTH_MAX: usize = 200;

/// What a JSONata expression of a field may see of `$states` besides `input` and `context`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sees {
    /// `$states.result`
    pub(crate) result: bool,
    /// `$states.errorOutput`
    pub(crate) error_output: bool,
}

impl Sees {
    /// `input` and `context` only.
    pub(crate) const INPUT: Sees = Sees { result: false, error_output: false };
    /// The `Output` and `Assign` of a state that has a result.
    pub(crate) const RESULT: Sees = Sees { result: true, error_output: false };
    /// The `Output` and `Assign` of a catcher.
    pub(crate) const ERROR: Sees = Sees { result: false, error_output: true };
}

/// The limits of a number that may be computed.
#[derive(Clone, Copy)]
pub(crate) struct Range {
    pub(crate) min: u64,
    pub(crate) max: Option<u64>,
    /// Whether the `…Path` form may read the context object; AWS refuses it in the number fields of a Map.
    pub(crate) context: bool,
}

impl Site<'_, '_, '_> {
    /// A number written out, computed by JSONata, or read by the `…Path` form of the field.
    pub(crate) fn amount(
        &mut self,
        node: &Spanned,
        at: &At,
        name: &'static str,
        path_name: &'static str,
        range: Range,
    ) -> Option<Amount> {
        if self.is_jsonata() {
            return self.jsonata_amount(node, at, name, range);
        }
        if !self.at_most_one(node, at, &[name, path_name]) {
            return None;
        }
        match node.get(path_name) {
            Some(_) => self.number_path(node, at, path_name, range).map(Amount::Path),
            None => self.integer(node, at, name, range.min, range.max).map(Amount::Fixed),
        }
    }

    fn jsonata_amount(&mut self, node: &Spanned, at: &At, name: &str, range: Range) -> Option<Amount> {
        let member = node.get(name)?;
        match member.as_str().filter(|text| is_delimited(text)) {
            Some(text) => self.jsonata(text, &at.field(name), member.span, Sees::INPUT).map(Amount::Jsonata),
            None if self.misses_delimiter(member, &at.field(name)) => None,
            None => self.integer(node, at, name, range.min, range.max).map(Amount::Fixed),
        }
    }

    /// The `…Path` form of a number.
    fn number_path(&mut self, node: &Spanned, at: &At, name: &str, range: Range) -> Option<JsonPath> {
        let path = self.reference(node, at, name)?;
        let span = node.get(name).map_or(node.span, |member| member.span);
        if !range.context && path.root() == Root::Context {
            self.error(
                "Value is not a Reference Path: Reference path cannot use the Context Object",
                &at.field(name),
                span,
            );
            return None;
        }
        Some(path)
    }

    /// A path that names one place, for reading.
    pub(crate) fn reference(&mut self, node: &Spanned, at: &At, name: &str) -> Option<JsonPath> {
        let text = self.text_field(node, at, name)?;
        let span = node.get(name).map_or(node.span, |member| member.span);
        let at = at.field(name);
        let path = self.started_path(text, &at, span)?;
        if !path.is_definite() {
            self.error("Value is not a Reference Path: Reference path must name a single node", &at, span);
            return None;
        }
        Some(path)
    }

    /// A path of any kind, refused in the words for reference paths.
    pub(crate) fn started_path(&mut self, text: &str, at: &At, span: Span) -> Option<JsonPath> {
        if !text.starts_with('$') {
            self.error("Value is not a Reference Path: Reference path didn't start with '$'", at, span);
            return None;
        }
        match JsonPath::parse(text) {
            Ok(path) => {
                self.note_path(&path);
                Some(path)
            }
            Err(error) => {
                self.error_with_help("Value is not a Reference Path", at, span, Some(error.message));
                None
            }
        }
    }

    /// A path that names one place, for writing (`ResultPath`).
    pub(crate) fn place(&mut self, text: &str, at: &At, span: Span) -> Option<ReferencePath> {
        if !text.starts_with('$') {
            self.error("Value must be a valid JSONPath.", at, span);
            return None;
        }
        match ReferencePath::parse(text) {
            Ok(path) => Some(path),
            Err(error) => {
                self.error_with_help("Value is not a Reference Path", at, span, Some(error.message));
                None
            }
        }
    }

    /// A path of any kind (`InputPath`, `OutputPath`).
    pub(crate) fn path(&mut self, text: &str, at: &At, span: Span) -> Option<JsonPath> {
        match JsonPath::parse(text) {
            Ok(path) if text.starts_with('$') => {
                self.note_path(&path);
                Some(path)
            }
            Ok(_) => {
                self.error("Value must be a valid JSONPath.", at, span);
                None
            }
            Err(error) => {
                self.error_with_help("Value must be a valid JSONPath.", at, span, Some(error.message));
                None
            }
        }
    }

    /// A string written out, computed by JSONata, or read by the `…Path` form of the field.
    pub(crate) fn text(
        &mut self,
        node: &Spanned,
        at: &At,
        name: &'static str,
        path_name: &'static str,
    ) -> Option<Text> {
        if !self.is_jsonata() && !self.at_most_one(node, at, &[name, path_name]) {
            return None;
        }
        if !self.is_jsonata() && node.get(path_name).is_some() {
            let text = self.text_field(node, at, path_name)?;
            let span = node.get(path_name).map_or(node.span, |member| member.span);
            return self.expression(text, &at.field(path_name), span).map(Text::Expression);
        }
        let text = self.text_field(node, at, name)?;
        let span = node.get(name).map_or(node.span, |member| member.span);
        if self.is_jsonata() && is_delimited(text) {
            return self.jsonata(text, &at.field(name), span, Sees::INPUT).map(Text::Jsonata);
        }
        if node.get(name).is_some_and(|member| self.misses_delimiter(member, &at.field(name))) {
            return None;
        }
        Some(Text::Fixed(Arc::from(text)))
    }

    /// A path or a call of an intrinsic function.
    pub(crate) fn expression(&mut self, text: &str, at: &At, span: Span) -> Option<Expression> {
        match Expression::parse(text) {
            Ok(expression) if text.starts_with('$') || text.starts_with("States.") => {
                expression.for_each_path(&mut |path| self.note_path(path));
                Some(expression)
            }
            Ok(_) => {
                self.error("Value must be a valid JSONPath.", at, span);
                None
            }
            Err(reason) => {
                self.error_with_help("Value must be a valid JSONPath.", at, span, Some(reason));
                None
            }
        }
    }

    /// A JSONata expression with its delimiters.
    pub(crate) fn jsonata(&mut self, text: &str, at: &At, span: Span, sees: Sees) -> Option<Jsonata> {
        let inner = text.strip_prefix("{%").and_then(|rest| rest.strip_suffix("%}")).unwrap_or(text);
        match Jsonata::parse(inner) {
            Ok(expression) => {
                expression.free_variables().iter().for_each(|name| self.reads(name));
                self.check_states(inner, at, span, sees);
                Some(expression)
            }
            Err(error) => {
                self.jsonata_error(error, at, span);
                None
            }
        }
    }

    fn jsonata_error(&mut self, error: JsonataSyntaxError, at: &At, span: Span) {
        let unsupported = error.code.is_empty();
        let code = if unsupported { "UNSUPPORTED_JSONATA_EXPRESSION" } else { "INVALID_JSONATA_EXPRESSION" };
        self.compiler.error(code, error.message, at, span);
    }

    /// Refuses members of `$states` that the expression's field does not have.
    fn check_states(&mut self, inner: &str, at: &At, span: Span, sees: Sees) {
        if !inner.contains("$states") {
            return;
        }
        for member in variables::states_members(inner) {
            let exists = match member {
                "result" => sees.result,
                "errorOutput" => sees.error_output,
                _ => true,
            };
            if !exists {
                let message = format!("Field '$states.{member}' does not exist.");
                self.compiler.error("UNSUPPORTED_JSONATA_EXPRESSION", message, at, span);
            }
        }
    }

    /// A payload template in the state's language.
    pub(crate) fn template(&mut self, node: &Spanned, at: &At, name: &str, sees: Sees) -> Option<Template> {
        let member = node.get(name)?;
        let at = at.field(name);
        if is_deeper(member, TEMPLATE_DEPTH_MAX) {
            self.compiler.error(TOO_DEEP, "The value is too deeply nested".to_owned(), &at, member.span);
            return None;
        }
        let compiled = if self.is_jsonata() {
            self.check_delimiters(member, &at);
            Template::compile_jsonata(name, member)
        } else {
            Template::compile_jsonpath(member)
        };
        match compiled {
            Ok(template) => {
                template.for_each_variable(&mut |name| self.reads(name));
                if self.is_jsonata() {
                    self.check_leaves(member, &at, sees);
                }
                Some(template)
            }
            Err(errors) => {
                for error in errors {
                    self.template_error(error, &at);
                }
                None
            }
        }
    }

    fn template_error(&mut self, error: TemplateError, at: &At) {
        match error.fault {
            Fault::Jsonata(fault) => {
                let joint = if error.field.is_empty() || error.field.starts_with('[') { "" } else { "/" };
                let place = format!("{joint}{}", error.field);
                self.jsonata_error(fault, &at.tail(&place), error.span);
            }
            fault => {
                let message = format!(
                    "The value for the field '{}' must be a valid JSONPath or a valid intrinsic function call",
                    error.field
                );
                let help = match fault {
                    Fault::NotAnExpression(reason) => Some(reason),
                    _ => Some("the value of a member whose name ends in `.$` is a string".to_owned()),
                };
                self.error_with_help(message, &at.tail(&error.location), error.span, help);
            }
        }
    }

    /// Reports the strings of a JSONata template that are opened and not closed.
    fn check_delimiters(&mut self, node: &Spanned, at: &At) {
        match &node.node {
            Node::Array(items) => {
                items.iter().enumerate().for_each(|(index, item)| self.check_delimiters(item, &at.index(index)));
            }
            Node::Object(members) => {
                members.iter().for_each(|(name, _, member)| self.check_delimiters(member, &at.field(name)));
            }
            Node::Scalar(_) => {
                self.misses_delimiter(node, at);
            }
        }
    }

    /// Looks at what the expressions of a JSONata template read of `$states`.
    fn check_leaves(&mut self, node: &Spanned, at: &At, sees: Sees) {
        match &node.node {
            Node::Array(items) => {
                items.iter().enumerate().for_each(|(index, item)| self.check_leaves(item, &at.index(index), sees));
            }
            Node::Object(members) => {
                members.iter().for_each(|(name, _, member)| self.check_leaves(member, &at.field(name), sees));
            }
            Node::Scalar(_) => {
                if let Some(text) = node.as_str().filter(|text| is_delimited(text)) {
                    self.check_states(text, at, node.span, sees);
                }
            }
        }
    }

    /// Whether a JSONata string is opened and not closed; reports it.
    pub(crate) fn misses_delimiter(&mut self, node: &Spanned, at: &At) -> bool {
        let open = self.is_jsonata() && node.as_str().is_some_and(|text| text.starts_with("{%") && !is_delimited(text));
        if open {
            self.error("JSONata string must start with {% and end with %}", at, node.span);
        }
        open
    }

    fn note_path(&mut self, path: &JsonPath) {
        if let Some(name) = path.variable() {
            self.reads(name);
        }
    }
}

/// Whether arrays and objects stand in one another deeper than so many levels.
fn is_deeper(node: &Spanned, levels: usize) -> bool {
    let Some(left) = levels.checked_sub(1) else { return true };
    match &node.node {
        Node::Scalar(_) => false,
        Node::Array(items) => items.iter().any(|item| is_deeper(item, left)),
        Node::Object(members) => members.iter().any(|(_, _, member)| is_deeper(member, left)),
    }
}

/// Whether a string is a JSONata expression: `{% … %}`.
pub(crate) fn is_delimited(text: &str) -> bool {
    text.len() >= 4 && text.starts_with("{%") && text.ends_with("%}")
}
