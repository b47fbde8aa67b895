//! Reading JSON text: strict RFC 8259, with the error texts of the reader AWS uses and with source positions on demand.

use std::fmt;
use std::sync::Arc;
use std::vec::Drain;

use crate::{Number, Value, plain};

/// How deep arrays and objects may be nested.
pub const DEPTH_MAX: usize = 1000;
/// How many levels we put around data of that depth to keep it: the items of a Map, the variables of a block.
const LEVELS_AROUND: usize = 8;

/// Where something stands in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl Position {
    /// The position of a byte offset in a text.
    pub fn of(text: &str, offset: usize) -> Position {
        let mut end = offset.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &text[..end];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before[line_start..].chars().count() + 1;
        Position { line: u32::try_from(line).unwrap_or(u32::MAX), column: u32::try_from(column).unwrap_or(u32::MAX) }
    }
}

/// A range of bytes in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// Why a text is not JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// What is wrong, in the words of AWS's reader: `Unexpected character (''' (code 39)): was expecting …`.
    pub message: String,
    /// Byte offset of the fault.
    pub offset: usize,
}

impl fmt::Display for JsonError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for JsonError {}

/// A value together with the places where it and its keys stand.
#[derive(Clone, Debug)]
pub struct Spanned {
    /// Where the value stands.
    pub span: Span,
    /// What it is.
    pub node: Node,
}

/// The value inside a [`Spanned`].
#[derive(Clone, Debug)]
pub enum Node {
    /// Anything but an array or an object.
    Scalar(Value),
    /// An array.
    Array(Vec<Spanned>),
    /// An object: key, place of the key, value; in source order, duplicates kept.
    Object(Vec<(Arc<str>, Span, Spanned)>),
}

impl Spanned {
    /// The plain value; the last of several equal keys wins.
    pub fn to_value(&self) -> Value {
        match &self.node {
            Node::Scalar(value) => value.clone(),
            Node::Array(items) => Value::array(items.iter().map(Spanned::to_value)),
            Node::Object(members) => {
                Value::object(members.iter().map(|(key, _, member)| (Arc::clone(key), member.to_value())))
            }
        }
    }

    /// The member of this name, when this is an object that has it; the last of several.
    pub fn get(&self, key: &str) -> Option<&Spanned> {
        self.members().iter().rev().find(|(name, _, _)| &**name == key).map(|(_, _, member)| member)
    }

    /// The members, when this is an object; none otherwise.
    pub fn members(&self) -> &[(Arc<str>, Span, Spanned)] {
        match &self.node {
            Node::Object(members) => members,
            _ => &[],
        }
    }

    /// The text, when this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.node {
            Node::Scalar(value) => value.as_str(),
            _ => None,
        }
    }
}

/// Reads a text into a value.
///
/// # Errors
/// When the text is not JSON, or nested deeper than [`DEPTH_MAX`].
pub fn parse(text: &str) -> Result<Value, JsonError> {
    read::<Plain>(text, DEPTH_MAX)
}

/// Reads a text of our own making: data that may be nested as deep as is allowed, with what we have put around it.
///
/// # Errors
/// When the text is not JSON, or nested deeper than that.
pub fn parse_own(text: &str) -> Result<Value, JsonError> {
    read::<Plain>(text, DEPTH_MAX + LEVELS_AROUND)
}

/// Whether arrays and objects stand in one another deeper than so many levels, in a text that is JSON.
pub(crate) fn is_deeper(text: &str, levels: usize) -> bool {
    if text.len() <= 2 * levels {
        return false; // every level is opened and closed
    }
    let mut rest = text.as_bytes();
    let mut open = 0_usize;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            b'"' => rest = behind_string(rest),
            _ => {}
        }
        if open > levels {
            return true;
        }
    }
    false
}

/// What comes behind a string of which the first quote was read.
fn behind_string(mut rest: &[u8]) -> &[u8] {
    loop {
        let special = rest.get(plain::length(rest)..).unwrap_or_default();
        match special.split_first() {
            Some((b'"', after)) => return after,
            Some((_, after)) => rest = after.get(1..).unwrap_or_default(), // an escape
            None => return special,
        }
    }
}

/// Reads a text into a value with source positions.
///
/// # Errors
/// When the text is not JSON, or nested deeper than [`DEPTH_MAX`].
pub fn parse_spanned(text: &str) -> Result<Spanned, JsonError> {
    read::<WithPlaces>(text, DEPTH_MAX)
}

/// What the reader makes of what it reads.
trait Builder {
    type Out;
    type Member;
    fn scalar(value: Value, span: Span) -> Self::Out;
    fn array(items: Drain<'_, Self::Out>, span: Span) -> Self::Out;
    fn member(key: Arc<str>, key_span: Span, value: Self::Out) -> Self::Member;
    fn object(members: Drain<'_, Self::Member>, span: Span) -> Self::Out;
}

struct Plain;

impl Builder for Plain {
    type Out = Value;
    type Member = (Arc<str>, Value);
    fn scalar(value: Value, _: Span) -> Value {
        value
    }
    fn array(items: Drain<'_, Value>, _: Span) -> Value {
        Value::Array(Arc::new(items.collect()))
    }
    fn member(key: Arc<str>, _: Span, value: Value) -> (Arc<str>, Value) {
        (key, value)
    }
    fn object(members: Drain<'_, (Arc<str>, Value)>, _: Span) -> Value {
        Value::Object(Arc::new(members.collect()))
    }
}

struct WithPlaces;

impl Builder for WithPlaces {
    type Out = Spanned;
    type Member = (Arc<str>, Span, Spanned);
    fn scalar(value: Value, span: Span) -> Spanned {
        Spanned { span, node: Node::Scalar(value) }
    }
    fn array(items: Drain<'_, Spanned>, span: Span) -> Spanned {
        Spanned { span, node: Node::Array(items.collect()) }
    }
    fn member(key: Arc<str>, key_span: Span, value: Spanned) -> Self::Member {
        (key, key_span, value)
    }
    fn object(members: Drain<'_, Self::Member>, span: Span) -> Spanned {
        Spanned { span, node: Node::Object(members.collect()) }
    }
}

fn read<B: Builder>(text: &str, depth_max: usize) -> Result<B::Out, JsonError> {
    let (keys, unescaped, items, members) = (Keys::default(), String::new(), Vec::new(), Vec::new());
    let bytes = text.as_bytes();
    let mut reader: Reader<'_, B> = Reader { text, bytes, at: 0, depth_max, keys, unescaped, items, members };
    let value = reader.value(0).map_err(|failed| *failed)?;
    reader.skip_blanks();
    match reader.peek() {
        None => Ok(value),
        Some(_) => Err(*reader.unexpected("end of the text")),
    }
}

/// Keys that were read lately: the objects of a list mostly have the same ones, which then share one copy.
#[derive(Default)]
struct Keys([Option<Arc<str>>; Keys::SLOTS]);

impl Keys {
    const SLOTS: usize = 16;

    fn share(&mut self, key: &str) -> Arc<str> {
        let slot = Keys::slot(key.as_bytes()).and_then(|slot| self.0.get_mut(slot));
        match slot {
            Some(Some(known)) if **known == *key => Arc::clone(known),
            Some(slot) => Arc::clone(slot.insert(Arc::from(key))),
            None => Arc::from(key),
        }
    }

    /// Where a key is remembered: length, first, middle and last byte tell most keys apart.
    fn slot(key: &[u8]) -> Option<usize> {
        let (first, middle, last) = (key.first()?, key.get(key.len() / 2)?, key.last()?);
        let mixed = u32::from_le_bytes([*first, *middle, *last, key.len().to_le_bytes()[0]]);
        Some((mixed.wrapping_mul(0x9E37_79B1) >> 28) as usize)
    }
}

/// A pointer, so that results of the reader stay small.
type Failed = Box<JsonError>;

struct Reader<'t, B: Builder> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    depth_max: usize,
    keys: Keys,
    /// The string with escapes that is being read.
    unescaped: String,
    /// Items of the arrays that are open, the innermost last.
    items: Vec<B::Out>,
    /// Members of the objects that are open, the innermost last.
    members: Vec<B::Member>,
}

impl<B: Builder> Reader<'_, B> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn error(&self, message: impl Into<String>) -> Failed {
        Box::new(JsonError { message: message.into(), offset: self.at })
    }

    /// `Unexpected character ('x' (code 120)): was expecting …`, or the message for a text that ends too early.
    fn unexpected(&self, expected: &str) -> Failed {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            None => self.error(format!("Unexpected end-of-input: was expecting {expected}")),
            Some(found) => {
                let code = u32::from(found);
                self.error(format!("Unexpected character ('{found}' (code {code})): was expecting {expected}"))
            }
        }
    }

    fn value(&mut self, depth: usize) -> Result<B::Out, Failed> {
        const EXPECTED: &str = "a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')";
        self.skip_blanks();
        let start = self.at;
        let scalar = match self.peek() {
            Some(b'{') => return self.object(depth),
            Some(b'[') => return self.array(depth),
            Some(b'"') => Value::String(self.string(|_, text| Arc::from(text))?),
            Some(b'-' | b'0'..=b'9') => Value::Number(self.number()?),
            Some(byte) if byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80 => self.word()?,
            None if start == 0 || self.text.trim().is_empty() => {
                return Err(self.error("No content to map due to end-of-input"));
            }
            _ => return Err(self.unexpected(EXPECTED)),
        };
        Ok(B::scalar(scalar, Span { start, end: self.at }))
    }

    /// `null`, `true`, `false`, or the error that names what stands there instead.
    fn word(&mut self) -> Result<Value, Failed> {
        for (word, value) in [("null", Value::Null), ("true", Value::Bool(true)), ("false", Value::Bool(false))] {
            let end = self.at + word.len();
            let follows = self.bytes.get(end);
            if self.bytes[self.at..].starts_with(word.as_bytes())
                && matches!(follows, None | Some(b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t'))
            {
                self.at = end;
                return Ok(value);
            }
        }
        self.other_word()
    }

    #[cold]
    fn other_word(&mut self) -> Result<Value, Failed> {
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '$').unwrap_or(rest.len());
        let word = &rest[..end];
        let value = match word {
            "null" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => {
                return Err(self.error(format!(
                    "Unrecognized token '{word}': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
                )));
            }
        };
        self.at += end;
        Ok(value)
    }

    fn number(&mut self) -> Result<Number, Failed> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => {
                self.at += 1;
                if matches!(self.peek(), Some(b'0'..=b'9')) {
                    return Err(self.error("Invalid numeric value: Leading zeroes not allowed"));
                }
            }
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(self.unexpected("digit (0-9) to follow minus sign, for valid numeric value")),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.some_digits("Decimal point not followed by a digit")?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.some_digits("Exponent indicator not followed by a digit")?;
        }
        Ok(Number::from_literal(&self.text[start..self.at]))
    }

    fn digits(&mut self) {
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
    }

    fn some_digits(&mut self, otherwise: &str) -> Result<(), Failed> {
        let start = self.at;
        self.digits();
        if self.at == start { Err(self.error(otherwise)) } else { Ok(()) }
    }

    /// The string whose quote stands at the cursor, made into a value or a key.
    fn string(&mut self, make: impl FnOnce(&mut Keys, &str) -> Arc<str>) -> Result<Arc<str>, Failed> {
        let start = self.at + 1;
        self.at = start + plain::length(&self.bytes[start..]);
        match self.peek() {
            Some(b'"') => {
                let made = make(&mut self.keys, &self.text[start..self.at]);
                self.at += 1;
                Ok(made)
            }
            Some(b'\\') => {
                self.unescape(start)?;
                Ok(make(&mut self.keys, &self.unescaped))
            }
            Some(byte) => Err(self.control_character(byte)),
            None => Err(self.error("Unexpected end-of-input in VALUE_STRING")),
        }
    }

    fn control_character(&self, byte: u8) -> Failed {
        self.error(format!(
            "Illegal unquoted character ((CTRL-CHAR, code {byte})): has to be escaped using backslash to be included in string value"
        ))
    }

    /// Reads the rest of a string whose first escape stands at the cursor; the whole of it is then in `unescaped`.
    fn unescape(&mut self, start: usize) -> Result<(), Failed> {
        self.unescaped.clear();
        self.unescaped.push_str(&self.text[start..self.at]);
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.at += 1;
                    let escaped = self.escape()?;
                    self.unescaped.push(escaped);
                }
                Some(byte) if byte < 0x20 => return Err(self.control_character(byte)),
                Some(_) => {
                    let plain = self.at;
                    self.at += plain::length(&self.bytes[plain..]);
                    self.unescaped.push_str(&self.text[plain..self.at]);
                }
                None => return Err(self.error("Unexpected end-of-input in VALUE_STRING")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Failed> {
        let Some(found) = self.text[self.at..].chars().next() else {
            return Err(self.error("Unexpected end-of-input in character escape sequence"));
        };
        let plain = match found {
            '"' | '\\' | '/' => found,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => return self.unicode_escape(),
            _ => {
                let code = u32::from(found);
                return Err(self.error(format!("Unrecognized character escape '{found}' (code {code})")));
            }
        };
        self.at += 1;
        Ok(plain)
    }

    /// `\uXXXX`, with a pair of surrogates read as one character and a lone one as U+FFFD.
    fn unicode_escape(&mut self) -> Result<char, Failed> {
        let first = self.four_digits()?;
        if !(0xD800..0xDC00).contains(&first) {
            return Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let here = self.at;
        if self.bytes[self.at..].starts_with(b"\\u") {
            self.at += 1;
            let second = self.four_digits()?;
            if (0xDC00..0xE000).contains(&second) {
                let code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = here;
        }
        Ok(char::REPLACEMENT_CHARACTER)
    }

    /// The number behind a `u` at the cursor.
    fn four_digits(&mut self) -> Result<u32, Failed> {
        self.at += 1;
        let digits = self.text.get(self.at..self.at + 4).filter(|digits| digits.bytes().all(|d| d.is_ascii_hexdigit()));
        match digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) {
            Some(code) => {
                self.at += 4;
                Ok(code)
            }
            None => Err(self.unexpected("a hex-digit for character escape sequence")),
        }
    }

    fn array(&mut self, depth: usize) -> Result<B::Out, Failed> {
        let start = self.open(depth)?;
        let first = self.items.len();
        self.skip_blanks();
        if self.peek() != Some(b']') {
            loop {
                let item = self.value(depth + 1)?;
                self.items.push(item);
                self.skip_blanks();
                match self.peek() {
                    Some(b',') => self.at += 1,
                    Some(b']') => break,
                    _ => return Err(self.unexpected("comma to separate Array entries")),
                }
            }
        }
        self.at += 1;
        Ok(B::array(self.items.drain(first..), Span { start, end: self.at }))
    }

    fn object(&mut self, depth: usize) -> Result<B::Out, Failed> {
        let start = self.open(depth)?;
        let first = self.members.len();
        self.skip_blanks();
        if self.peek() != Some(b'}') {
            loop {
                let member = self.member(depth)?;
                self.members.push(member);
                self.skip_blanks();
                match self.peek() {
                    Some(b',') => self.at += 1,
                    Some(b'}') => break,
                    _ => return Err(self.unexpected("comma to separate Object entries")),
                }
            }
        }
        self.at += 1;
        Ok(B::object(self.members.drain(first..), Span { start, end: self.at }))
    }

    fn member(&mut self, depth: usize) -> Result<B::Member, Failed> {
        self.skip_blanks();
        let start = self.at;
        if self.peek() != Some(b'"') {
            return Err(self.unexpected("double-quote to start field name"));
        }
        let key = self.string(Keys::share)?;
        let key_span = Span { start, end: self.at };
        self.skip_blanks();
        if self.peek() != Some(b':') {
            return Err(self.unexpected("a colon to separate field name and value"));
        }
        self.at += 1;
        Ok(B::member(key, key_span, self.value(depth + 1)?))
    }

    fn open(&mut self, depth: usize) -> Result<usize, Failed> {
        if depth >= self.depth_max {
            let (depth, max) = (depth + 1, self.depth_max);
            return Err(self.error(format!("Document nesting depth ({depth}) exceeds the maximum allowed ({max})")));
        }
        self.at += 1;
        Ok(self.at - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::{Node, Position, parse, parse_spanned};

    #[track_caller]
    fn refused(text: &str, message: &str, offset: usize) {
        let error = parse(text).map(|value| value.to_json());
        assert_eq!(error.as_ref().map_err(|e| (e.message.as_str(), e.offset)), Err((message, offset)));
    }

    #[test]
    fn errors_are_spelled_as_aws_spells_them() {
        // recorded: test_invalid_start_execution_input
        refused(
            "not some json",
            "Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')",
            0,
        );
        refused(
            "{'not': 'json'}",
            "Unexpected character (''' (code 39)): was expecting double-quote to start field name",
            1,
        );
        refused("", "No content to map due to end-of-input", 0);
        refused("[1 2]", "Unexpected character ('2' (code 50)): was expecting comma to separate Array entries", 3);
        refused("01", "Invalid numeric value: Leading zeroes not allowed", 1);
        refused("\"\\x\"", "Unrecognized character escape 'x' (code 120)", 2);
    }

    #[test]
    fn strings_are_unescaped() {
        let text = parse(r#""a\u00e9\ud83d\ude00\ud800\"""#).ok().and_then(|v| v.as_str().map(str::to_owned));
        assert_eq!(text.as_deref(), Some("aé😀\u{FFFD}\""));
    }

    #[test]
    fn depth_is_bounded() {
        assert!(parse(&"[".repeat(100_000)).is_err());
        let deep = format!("{}1{}", "[".repeat(900), "]".repeat(900));
        assert!(parse(&deep).is_ok());
    }

    #[test]
    fn spans_point_at_keys_and_values() {
        let text = "{\n  \"a\": [1, true]\n}";
        let Ok(root) = parse_spanned(text) else { unreachable!("the text is JSON") };
        let (_, key, value) = &root.members()[0];
        assert_eq!(&text[key.start..key.end], "\"a\"");
        assert_eq!(Position::of(text, key.start), Position { line: 2, column: 3 });
        let Node::Array(items) = &value.node else { unreachable!("an array") };
        assert_eq!(&text[items[1].span.start..items[1].span.end], "true");
    }
}
