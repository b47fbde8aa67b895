//! The reader of JSON and the printer.

use stepwell_value::json::{DEPTH_MAX, Node, Position, Spanned, parse_spanned};
use stepwell_value::{Payload, Value};

/// Reads a text with and without places, prints it in both ways and reads that; `serde_json` gives a second opinion.
pub fn text(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (plain, spanned) = (Value::parse(text), parse_spanned(text));
    match (&plain, &spanned) {
        (Ok(value), Ok(spanned)) => {
            assert_eq!(spanned.to_value().to_json(), value.to_json());
            places(spanned, text);
            reads_back(value);
            assert_eq!(Payload::from_text(text).expect("it was read before").size_bytes(), text.len());
        }
        (Err(one), Err(two)) => {
            assert_eq!(one, two);
            assert!(one.offset <= text.len());
            Position::of(text, one.offset);
        }
        _ => panic!("read as {plain:?} without places, as {spanned:?} with them"),
    }
    second_opinion(text, plain.is_ok());
}

fn reads_back(value: &Value) {
    let printed = value.to_json();
    for text in [&printed, &value.to_json_pretty()] {
        let again = Value::parse(text).expect("what was printed reads back");
        assert_eq!(again.to_json(), printed);
        assert_eq!(again, *value);
    }
}

/// Every node stands where it says to stand.
fn places(spanned: &Spanned, text: &str) {
    let own = text.get(spanned.span.start..spanned.span.end).expect("a span lies in the text");
    match &spanned.node {
        Node::Scalar(value) => assert_eq!(Value::parse(own).as_ref().map(Value::to_json), Ok(value.to_json())),
        Node::Array(items) => {
            assert!(own.starts_with('[') && own.ends_with(']'));
            items.iter().for_each(|item| places(item, text));
        }
        Node::Object(members) => {
            assert!(own.starts_with('{') && own.ends_with('}'));
            for (key, span, member) in members {
                let quoted = text.get(span.start..span.end).expect("a span lies in the text");
                assert_eq!(Value::parse(quoted).as_ref().map(Value::as_str), Ok(Some(&**key)));
                places(member, text);
            }
        }
    }
}

/// The two readers differ only where it is known: lone surrogates (U+FFFD here), numbers beyond 64-bit floats (kept here),
/// and depth.
fn second_opinion(text: &str, is_json: bool) {
    let theirs = serde_json::from_str::<serde_json::Value>(text);
    let is_deep = text.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count() >= 127.min(DEPTH_MAX);
    match theirs {
        Ok(_) => assert!(is_json, "serde_json reads it"),
        Err(_) if is_deep || text.contains("\\u") => {}
        Err(error) if error.to_string().contains("out of range") => {}
        Err(error) => assert!(!is_json, "serde_json does not read it: {error}"),
    }
}
