//! Definitions written in YAML: the part of YAML that is JSON in another dress.
//!
//! The reader makes the same tree that the reader of JSON makes, with places in the YAML text, so that diagnostics point
//! where the author wrote. Scalars are resolved by YAML's core schema (`yes` and `no` are strings). Refused, with a place:
//! anchors and aliases, merge keys, tags, several documents, keys that stand twice, `.inf` and `.nan`.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle};
use stepwell_value::json::{DEPTH_MAX, Node, Position, Span, Spanned};
use stepwell_value::{Number, Value};

use crate::{Compiled, Diagnostic, Options, Severity, compile_spanned};

/// Why a text is no YAML that could be JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YamlError {
    /// What is wrong and what to do, without the place.
    pub message: String,
    /// Byte offset of the fault.
    pub offset: usize,
    /// Line and column of the fault.
    pub position: Position,
}

impl fmt::Display for YamlError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}", self.position.line, self.position.column, self.message)
    }
}

impl std::error::Error for YamlError {}

/// Reads YAML into a value with places in the YAML text.
///
/// # Errors
/// When the text is not YAML, or uses what JSON cannot say.
pub fn parse(yaml: &str) -> Result<Spanned, YamlError> {
    let mut builder = Builder { offsets: Offsets::of(yaml), yaml, open: Vec::new(), root: None, documents: 0 };
    for event in Parser::new_from_str(yaml) {
        match event {
            Ok((event, span)) => {
                let span = builder.offsets.span(span.start.index(), span.end.index());
                builder.event(event, span)?;
            }
            Err(error) => {
                let offset = builder.offsets.byte(error.marker().index());
                return Err(builder.error(error.info(), offset));
            }
        }
    }
    let nothing = Spanned { span: Span::default(), node: Node::Scalar(Value::Null) };
    Ok(builder.root.unwrap_or(nothing))
}

/// Converts YAML to the JSON text that the API takes.
///
/// # Errors
/// See [`parse`].
pub fn to_json_text(yaml: &str) -> Result<String, YamlError> {
    parse(yaml).map(|root| root.to_value().to_json_pretty())
}

/// Compiles a definition written in YAML. Places of diagnostics are in the YAML text; the definition keeps the JSON text.
pub fn compile(yaml: &str, options: &Options) -> Compiled {
    match parse(yaml) {
        Ok(root) => compile_spanned(&root, &root.to_value().to_json_pretty(), options),
        Err(error) => {
            let diagnostic = Diagnostic {
                severity: Severity::Error,
                code: "INVALID_YAML",
                message: error.message,
                location: String::new(),
                span: Some(Span { start: error.offset, end: error.offset + 1 }),
                help: None,
            };
            Compiled { definition: None, diagnostics: vec![diagnostic] }
        }
    }
}

/// The byte offsets of a text's characters: the parser counts characters.
struct Offsets {
    /// Empty when every character is one byte.
    bytes: Vec<usize>,
    length: usize,
}

impl Offsets {
    fn of(text: &str) -> Offsets {
        let bytes = if text.is_ascii() { Vec::new() } else { text.char_indices().map(|(at, _)| at).collect() };
        Offsets { bytes, length: text.len() }
    }

    fn byte(&self, character: usize) -> usize {
        let byte = if self.bytes.is_empty() { Some(character) } else { self.bytes.get(character).copied() };
        byte.unwrap_or(self.length).min(self.length)
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span { start: self.byte(start), end: self.byte(end) }
    }
}

/// A collection whose end has not come yet.
enum Open {
    Array(Span, Vec<Spanned>),
    Object(Span, Vec<(Arc<str>, Span, Spanned)>, BTreeSet<Arc<str>>, Option<(Arc<str>, Span)>),
}

struct Builder<'t> {
    offsets: Offsets,
    yaml: &'t str,
    open: Vec<Open>,
    root: Option<Spanned>,
    documents: usize,
}

impl Builder<'_> {
    fn error(&self, message: impl Into<String>, offset: usize) -> YamlError {
        YamlError { message: message.into(), offset, position: Position::of(self.yaml, offset) }
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), YamlError> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => {
                self.documents += 1;
                match self.documents {
                    1 => Ok(()),
                    _ => Err(self.error("a definition is one YAML document; a second one begins here", span.start)),
                }
            }
            Event::Alias(_) => Err(self.error("aliases (`*name`) are not supported; write the value out", span.start)),
            Event::Scalar(text, style, anchor, tag) => {
                self.plain_node(anchor, tag.is_some(), span)?;
                self.scalar(&text, style, span)
            }
            Event::SequenceStart(anchor, tag) => {
                self.plain_node(anchor, tag.is_some(), span)?;
                self.begin(Open::Array(span, Vec::new()), span)
            }
            Event::MappingStart(anchor, tag) => {
                self.plain_node(anchor, tag.is_some(), span)?;
                self.begin(Open::Object(span, Vec::new(), BTreeSet::new(), None), span)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
        }
    }

    /// Refuses anchors and tags.
    fn plain_node(&self, anchor: usize, tagged: bool, span: Span) -> Result<(), YamlError> {
        if tagged {
            let message = "tags (`!name`) are not supported; a definition is plain JSON data";
            return Err(self.error(message, span.start));
        }
        if anchor != 0 {
            return Err(self.error("anchors (`&name`) are not supported; write the value out", span.start));
        }
        Ok(())
    }

    fn begin(&mut self, open: Open, span: Span) -> Result<(), YamlError> {
        if let Some(Open::Object(_, _, _, None)) = self.open.last() {
            return Err(self.error("a key must be a string", span.start));
        }
        if self.open.len() >= DEPTH_MAX {
            return Err(self.error(format!("nested deeper than {DEPTH_MAX}"), span.start));
        }
        self.open.push(open);
        Ok(())
    }

    fn end(&mut self, span: Span) -> Result<(), YamlError> {
        let node = match self.open.pop() {
            Some(Open::Array(start, items)) => Spanned { span: cover(start, span), node: Node::Array(items) },
            Some(Open::Object(start, members, _, _)) => {
                Spanned { span: cover(start, span), node: Node::Object(members) }
            }
            None => return Ok(()),
        };
        self.value(node)
    }

    /// Puts a value where it belongs: into the collection that is open, or at the root.
    fn value(&mut self, value: Spanned) -> Result<(), YamlError> {
        match self.open.last_mut() {
            None => self.root = Some(value),
            Some(Open::Array(_, items)) => items.push(value),
            Some(Open::Object(_, members, _, pending)) => {
                if let Some((key, key_span)) = pending.take() {
                    members.push((key, key_span, value));
                }
            }
        }
        Ok(())
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, span: Span) -> Result<(), YamlError> {
        if let Some(Open::Object(_, _, known, pending @ None)) = self.open.last_mut() {
            let key: Arc<str> = Arc::from(text);
            if text == "<<" && style == ScalarStyle::Plain {
                return Err(self.error("merge keys (`<<`) are not supported; write the members out", span.start));
            }
            if !known.insert(Arc::clone(&key)) {
                return Err(self.error(format!("the key `{text}` stands here twice"), span.start));
            }
            *pending = Some((key, span));
            return Ok(());
        }
        let value = match style {
            ScalarStyle::Plain => match resolve(text) {
                Some(value) => value,
                None => return Err(self.error(format!("`{text}` is no number of JSON"), span.start)),
            },
            _ => Value::from(text),
        };
        self.value(Spanned { span, node: Node::Scalar(value) })
    }
}

fn cover(start: Span, end: Span) -> Span {
    Span { start: start.start, end: end.end.max(start.end) }
}

/// The value of a plain scalar by the core schema; `None` for the infinities and NaN.
fn resolve(text: &str) -> Option<Value> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Some(Value::Null),
        "true" | "True" | "TRUE" => return Some(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Some(Value::Bool(false)),
        _ => {}
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return None;
    }
    Some(number(text, unsigned).map_or_else(|| Value::from(text), Value::Number))
}

/// A number of the core schema, in JSON's spelling.
fn number(text: &str, unsigned: &str) -> Option<Number> {
    if let Some(digits) = text.strip_prefix("0x") {
        return i64::from_str_radix(digits, 16).ok().map(Number::Int);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return i64::from_str_radix(digits, 8).ok().map(Number::Int);
    }
    let starts = unsigned.trim_start_matches('.').bytes().next().is_some_and(|byte| byte.is_ascii_digit());
    let letters = unsigned.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    if !starts || !letters {
        return None;
    }
    let float: f64 = text.parse().ok()?;
    // The spelling is kept where JSON has it too: `1.50`, but not `+1`, `01` or `.5`.
    match stepwell_value::json::parse(text) {
        Ok(Value::Number(number)) => Some(number),
        _ => Number::from_f64(float),
    }
}

#[cfg(test)]
mod tests {
    use super::{compile, parse, to_json_text};
    use crate::Options;

    #[track_caller]
    fn check(yaml: &str, expected: &str) {
        let json = parse(yaml).map(|root| root.to_value().to_json()).unwrap_or_else(|error| error.to_string());
        assert_eq!(json, expected, "{yaml}");
    }

    #[test]
    fn yaml_becomes_json() {
        check("", "null");
        check("a: 1\nb: [x, 'y', \"z\\n\"]\n", r#"{"a":1,"b":["x","y","z\n"]}"#);
        check("- true\n- True\n- yes\n- ~\n- null\n-\n", r#"[true,true,"yes",null,null,null]"#);
        check(
            "[1, -2, 1.50, 1e3, 0x1F, 0o17, +4, .5, 1.2.3, 12a, '1', 01]",
            r#"[1,-2,1.50,1e3,31,15,4,0.5,"1.2.3","12a","1",1]"#,
        );
        check(
            "t: 2016-03-14T01:59:00Z\nu: |\n  a\n  b\nv: >-\n  c\n  d\n",
            r#"{"t":"2016-03-14T01:59:00Z","u":"a\nb\n","v":"c d"}"#,
        );
        check(
            "expression: '{% $states.input %}'\n1: one\ntrue: yes\n",
            r#"{"expression":"{% $states.input %}","1":"one","true":"yes"}"#,
        );
        check("# only a comment\n{}", "{}");
    }

    #[test]
    fn what_json_cannot_say_is_refused() {
        check("a: &x 1\nb: *x\n", "1:4: anchors (`&name`) are not supported; write the value out");
        check("a: !Ref x\n", "1:4: tags (`!name`) are not supported; a definition is plain JSON data");
        check("a:\n  <<: {b: 1}\n", "2:3: merge keys (`<<`) are not supported; write the members out");
        check("a: 1\na: 2\n", "2:1: the key `a` stands here twice");
        check("--- 1\n--- 2\n", "2:1: a definition is one YAML document; a second one begins here");
        check("[a]: 1\n", "1:1: a key must be a string");
        check("a: .inf\n", "1:4: `.inf` is no number of JSON");
        assert!(parse("a: [1, 2\nb: 3").is_err());
        assert!(parse(&"[".repeat(5000)).is_err());
    }

    #[test]
    fn diagnostics_point_into_the_yaml() {
        let yaml = "# größer\nStartAt: A\nStates:\n  A:\n    Type: Pass\n    Next: B\n  C: {Type: Succeed}\n";
        let compiled = compile(yaml, &Options::default());
        let found: Vec<(&str, &str)> = compiled
            .diagnostics
            .iter()
            .map(|one| (one.location.as_str(), one.span.map_or("", |span| &yaml[span.start..span.end])))
            .collect();
        assert_eq!(found, [("/States/A/Next", "B"), ("/States/C", "C")]);
        assert_eq!(to_json_text("a: 1").as_deref(), Ok("{\n  \"a\": 1\n}"));
    }
}
