//! Error messages in the words of the reference implementation.
//!
//! The engine gives JSONata's codes but words of its own, mostly without the values in question. The words here are those of
//! [`super::messages`]; their values come from the engine's words or from [`super::blame`].

use super::engine::Fault;
use super::messages::template;

/// Parts of a message: name of the placeholder, text to put there.
pub(super) type Parts = Vec<(&'static str, String)>;

/// The template of a code with its parts filled in; the bare code when it has no template.
pub(super) fn fill(code: &str, parts: &[(&'static str, String)]) -> String {
    let mut message = template(code).unwrap_or(code).to_owned();
    for (name, text) in parts {
        // A triple brace takes the text as it is, a double one its JSON form; parts are given in the form their template needs.
        message = message.replace(&format!("{{{{{{{name}}}}}}}"), text).replace(&format!("{{{{{name}}}}}"), text);
    }
    without_unknown_parts(message)
}

/// Drops `: {{value}}` at the end, and writes `undefined`, as the reference does, for other parts that are not known.
fn without_unknown_parts(mut message: String) -> String {
    while let Some(start) = message.find("{{") {
        let Some(length) = message.get(start..).and_then(|rest| rest.find("}}")) else { break };
        let mut end = start + length + 2;
        if message.get(end..).is_some_and(|rest| rest.starts_with('}')) {
            end += 1;
        }
        let ends_message = end == message.len();
        match message.get(..start) {
            Some(before) if ends_message && before.ends_with(": ") => message.truncate(start - 2),
            _ => message.replace_range(start..end, "undefined"),
        }
    }
    message
}

/// The code and the words of an engine's message: `Invalid syntax: S0209: A predicate …`. No code: the empty string.
pub(super) fn split_code(words: &str) -> (&str, &str) {
    let is_code = |at: usize| {
        words.as_bytes().get(at..at + 6).is_some_and(|bytes| match bytes {
            [b'S' | b'T' | b'D' | b'U', digits @ .., b':'] => digits.iter().all(u8::is_ascii_digit),
            _ => false,
        })
    };
    match (0..words.len().min(60)).find(|at| is_code(*at)) {
        Some(at) => {
            let code = words.get(at..at + 5).unwrap_or_default();
            (code, words.get(at + 6..).unwrap_or_default().trim_start())
        }
        None => ("", words),
    }
}

/// A text as a JSON string.
pub(super) fn quoted(text: &str) -> String {
    stepwell_value::Value::from(text).to_json()
}

/// What evaluation limits are called on AWS, which gives them no code.
pub(super) fn limit_message(code: &str) -> Option<&'static str> {
    match code {
        "D1012" => Some("Expression evaluation timeout: Check for infinite loop"),
        "D1011" | "U1001" => Some(
            "Stack overflow error: Check for non-terminating recursive function. Consider rewriting as tail-recursive",
        ),
        "D2015" => Some("Expression evaluation memory limit exceeded: Check for excessive memory usage"),
        _ => None,
    }
}

/// The parts that the engine's words hold.
pub(super) fn known_parts(fault: &Fault) -> Parts {
    let words = fault.message.as_str();
    match fault.code.as_str() {
        "T0410" | "T0411" | "T0412" => signature_parts(words),
        "T2001" | "T2002" => token(between(words, "side of the ", " operator")),
        "T2009" => token(between(words, "operator \"", "\"")),
        "T1010" => token(between(words, "to function ", " does").map(|name| name.trim_matches(['"', '$']))),
        "T1005" | "T1007" => plain("token", between(words, "Did you mean $", "?")),
        "T1003" => plain("value", after(words, "got: ")),
        "D1001" => plain("value", Some("null")), // `JSON.stringify` of what JSON cannot spell
        "D1009" => plain("value", after(words, "same key: ")),
        "D3030" => cast_parts(words),
        "D3060" => plain("value", after(words, "number: ")),
        "D3061" => [plain("value", between(words, "base=", ",")), plain("exp", after(words, "exponent="))].concat(),
        "D3100" => plain("value", after(words, "got ")),
        "D3130" | "D3132" | "D3133" => plain("value", Some(&quoted(words))),
        "D3137" if words.is_empty() => plain("message", Some("$error() function evaluated")),
        "D3141" if words.is_empty() => plain("message", Some("$assert() statement failed")),
        "D3137" | "D3141" => plain("message", Some(words)),
        "D3140" => [plain("functionName", between(words, "to $", "()")), plain("value", after(words, "(): "))].concat(),
        _ => Vec::new(),
    }
}

fn signature_parts(words: &str) -> Parts {
    let mut parts = Vec::new();
    if let Some((expected, actual)) = after(words, "expected ").and_then(|rest| rest.split_once(", got "))
        && let (Ok(expected), Ok(actual)) = (expected.parse::<usize>(), actual.parse::<usize>())
    {
        return vec![("index", (expected.min(actual) + 1).to_string())];
    }
    let index = ["Argument ", "at argument ", "argument "].iter().find_map(|before| after(words, before));
    if let Some(index) = index.and_then(|rest| rest.split(' ').next()) {
        parts.push(("index", index.to_owned()));
    } else {
        parts.push(("index", "1".to_owned()));
    }
    let function = between(words, "of function ", " does").or_else(|| between(words, "of function ", " must"));
    let function = function.or_else(|| after(words, "of function "));
    if let Some(name) = function
        && !name.contains(' ')
        && name != "undefined"
    {
        parts.push(("token", quoted(name.trim_start_matches('$'))));
    }
    if let Some(kind) = after(words, "an array of ") {
        parts.push(("type", quoted(array_kind(kind))));
    }
    parts
}

/// The name the reference has for an array's items.
fn array_kind(kind: &str) -> &'static str {
    match kind.chars().next().unwrap_or('x').to_ascii_lowercase() {
        'a' => "arrays",
        'b' => "booleans",
        'f' => "functions",
        'n' => "numbers",
        'o' => "objects",
        _ => "strings",
    }
}

fn cast_parts(words: &str) -> Parts {
    match between(words, "Cannot convert '", "' to number") {
        Some(text) => vec![("value", quoted(text))],
        None if words.contains("null") => vec![("value", "null".to_owned())],
        None => Vec::new(),
    }
}

fn token(name: Option<&str>) -> Parts {
    name.map(|name| ("token", quoted(name))).into_iter().collect()
}

fn plain(placeholder: &'static str, text: Option<&str>) -> Parts {
    text.map(|text| (placeholder, text.to_owned())).into_iter().collect()
}

pub(super) fn after<'t>(text: &'t str, before: &str) -> Option<&'t str> {
    text.find(before).and_then(|at| text.get(at + before.len()..))
}

pub(super) fn between<'t>(text: &'t str, before: &str, behind: &str) -> Option<&'t str> {
    let rest = after(text, before)?;
    rest.find(behind).and_then(|end| rest.get(..end))
}

#[cfg(test)]
mod tests {
    use super::{fill, quoted};

    #[test]
    fn parts_are_filled() {
        assert_eq!(
            fill("T0410", &[("index", "1".to_owned()), ("token", quoted("length"))]),
            "Argument 1 of function \"length\" does not match function signature"
        );
        assert_eq!(
            fill("T1005", &[("token", "sum".to_owned())]),
            "Attempted to invoke a non-function. Did you mean $sum?"
        );
        assert_eq!(fill("D1002", &[]), "Cannot negate a non-numeric value");
        assert_eq!(fill("D3137", &[("message", "no {luck}".to_owned())]), "no {luck}");
    }
}
