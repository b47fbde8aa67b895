//! Writing JSON text.

use std::fmt::Write as _;

use crate::{Number, Value, plain};

/// Appends the text without blanks.
pub(crate) fn compact(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(Number::Int(int)) => integer(*int, out),
        Value::Number(Number::Literal(text)) => out.push_str(text),
        Value::Number(number @ Number::Float(_)) => {
            let _ = write!(out, "{number}"); // writing to a String cannot fail
        }
        Value::String(text) => string(text, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                compact(item, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            for (index, (key, member)) in map.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                string(key, out);
                out.push(':');
                compact(member, out);
            }
            out.push('}');
        }
    }
}

/// Appends the text with two blanks of indentation a level.
pub(crate) fn pretty(value: &Value, level: usize, out: &mut String) {
    match value {
        Value::Array(items) if !items.is_empty() => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                line(index, level + 1, out);
                pretty(item, level + 1, out);
            }
            newline(level, out);
            out.push(']');
        }
        Value::Object(map) if !map.is_empty() => {
            out.push('{');
            for (index, (key, member)) in map.iter().enumerate() {
                line(index, level + 1, out);
                string(key, out);
                out.push_str(": ");
                pretty(member, level + 1, out);
            }
            newline(level, out);
            out.push('}');
        }
        _ => compact(value, out),
    }
}

fn line(index: usize, level: usize, out: &mut String) {
    if index > 0 {
        out.push(',');
    }
    newline(level, out);
}

fn newline(level: usize, out: &mut String) {
    out.push('\n');
    for _ in 0..level {
        out.push_str("  ");
    }
}

/// Appends a string literal: only `"`, `\` and control characters are escaped, as Jackson does.
pub(crate) fn string(text: &str, out: &mut String) {
    out.reserve(text.len() + 2);
    out.push('"');
    let mut rest = text;
    loop {
        let plain = plain::length(rest.as_bytes());
        out.push_str(&rest[..plain]);
        let Some(byte) = rest.as_bytes().get(plain) else { break };
        escaped(*byte, out);
        rest = &rest[plain + 1..];
    }
    out.push('"');
}

fn escaped(byte: u8, out: &mut String) {
    match byte {
        b'"' => out.push_str("\\\""),
        b'\\' => out.push_str("\\\\"),
        b'\n' => out.push_str("\\n"),
        b'\r' => out.push_str("\\r"),
        b'\t' => out.push_str("\\t"),
        0x08 => out.push_str("\\b"),
        0x0c => out.push_str("\\f"),
        _ => {
            let _ = write!(out, "\\u{byte:04X}"); // Jackson writes capital digits
        }
    }
}

/// Appends an integer.
fn integer(int: i64, out: &mut String) {
    if int < 0 {
        out.push('-');
    }
    let mut digits = [b'0'; 20];
    let mut rest = int.unsigned_abs();
    let mut first = digits.len();
    for (place, digit) in digits.iter_mut().enumerate().rev() {
        *digit += (rest % 10) as u8;
        rest /= 10;
        first = place;
        if rest == 0 {
            break;
        }
    }
    out.push_str(digits.get(first..).and_then(|digits| std::str::from_utf8(digits).ok()).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use crate::Value;

    #[track_caller]
    fn check(text: &str, compact: &str) {
        assert_eq!(Value::parse(text).map(|value| value.to_json()).as_deref(), Ok(compact));
    }

    #[test]
    fn compact_text_keeps_order_and_spelling() {
        check(" { \"b\" : 1.0 , \"a\" : [ ] } ", r#"{"b":1.0,"a":[]}"#);
        check("[1, 2, {\"x\": null}]", r#"[1,2,{"x":null}]"#);
        check(r#""a\/bé\u001f\n""#, r#""a/bé\u001F\n""#);
    }

    #[test]
    fn integers_are_printed_whole() {
        for int in [0, 7, -7, 10, -100, 1_234_567_890, i64::MAX, i64::MIN] {
            assert_eq!(Value::from(int).to_json(), int.to_string());
        }
    }

    #[test]
    fn pretty_text_reads_back() {
        let value = Value::parse(r#"{"a":[1,{"b":"c"}],"d":{}}"#).unwrap_or_default();
        assert_eq!(Value::parse(&value.to_json_pretty()), Ok(value));
    }
}
