//! Faults of the parser in the words of the reference implementation.

use super::JsonataSyntaxError;
use super::errors::{after, between, fill, quoted, split_code};

/// A fault of the engine's parser in our form: code and words apart, and where in the text it is, as far as the words tell.
pub(super) fn syntax_error(words: &str, text: &str) -> JsonataSyntaxError {
    let (code, words) = match split_code(words) {
        ("", "Unclosed comment") => ("S0106", ""),
        ("", words) => ("S0201", words),
        ("S0101", words) if !has_open_string(text) => ("S0302", words), // the engine reads a regular expression as a string
        split => split,
    };
    let (message, token) = match code {
        "S0202" => {
            let (expected, got) =
                after(words, "Expected ").and_then(|rest| rest.split_once(", got ")).unwrap_or_default();
            (fill(code, &[("value", json(expected)), ("token", json(got))]), Some(spelling(got)))
        }
        "S0203" => {
            let expected = between(words, "Expected ", " before end").unwrap_or_default();
            (fill(code, &[("value", json(expected))]), None)
        }
        "S0211" => with_token(code, between(words, "symbol ", " cannot")),
        "S0102" => with_token(code, after(words, "range: ")),
        "S0103" => with_token(code, after(words, "sequence: \\")),
        "S0214" if words.ends_with(['@', '#']) => with_token(code, words.get(words.len() - 1..)),
        "S0204" => with_token(code, after(words, "operator: ")),
        "S0208" => {
            let index = first_bad_parameter(text).unwrap_or(1).to_string();
            (fill(code, &[("value", index)]), None)
        }
        "S0201" => with_token(code, after(words, "error: ").or(Some(words))),
        "S0101" | "S0104" | "S0105" | "S0106" | "S0207" | "S0301" | "S0302" => (fill(code, &[]), None),
        _ => (words.to_owned(), None),
    };
    let offset = token.and_then(|token| text.rfind(&token)).unwrap_or(text.len());
    JsonataSyntaxError { code: code.to_owned(), message, offset }
}

fn with_token(code: &str, token: Option<&str>) -> (String, Option<String>) {
    let token = token.unwrap_or_default();
    (fill(code, &[("token", json(token))]), Some(spelling(token)))
}

/// The JSON text of a token, as the reference puts it into messages: numbers and literals stand for themselves.
fn json(token: &str) -> String {
    match token {
        "True" | "False" | "Null" => spelling(token),
        _ if token.starts_with("Number(") => spelling(token),
        _ => quoted(&spelling(token)),
    }
}

/// A token as it is written, from the name the engine has for it.
fn spelling(token: &str) -> String {
    if let Ok(at) = SYMBOLS.binary_search_by_key(&token, |(name, _)| name)
        && let Some((_, symbol)) = SYMBOLS.get(at)
    {
        return (*symbol).to_owned();
    }
    let token = token.trim_matches(['"', '\'']);
    match token.strip_suffix(')').and_then(|token| token.split_once('(')) {
        Some((_, inner)) => {
            let inner = inner.trim_matches('"');
            inner.strip_suffix(".0").unwrap_or(inner).to_owned()
        }
        None => token.to_owned(),
    }
}

/// Names of the engine's tokens and what they stand for, sorted by name.
#[rustfmt::skip]
const SYMBOLS: &[(&str, &str)] = &[
    ("Ampersand", "&"), ("And", "and"), ("At", "@"), ("Caret", "^"), ("Colon", ":"), ("ColonEqual", ":="), ("Comma", ","),
    ("Dot", "."), ("DotDot", ".."), ("Eof", "(end)"), ("Equal", "="), ("False", "false"), ("GreaterThan", ">"),
    ("GreaterThanOrEqual", ">="), ("Hash", "#"), ("In", "in"), ("LeftBrace", "{"), ("LeftBracket", "["), ("LeftParen", "("),
    ("LessThan", "<"), ("LessThanOrEqual", "<="), ("Minus", "-"), ("NotEqual", "!="), ("Null", "null"), ("Or", "or"),
    ("Percent", "%"), ("Pipe", "|"), ("Plus", "+"), ("Question", "?"), ("QuestionColon", "?"), ("QuestionQuestion", "?"),
    ("RightBrace", "}"), ("RightBracket", "]"), ("RightParen", ")"), ("Semicolon", ";"), ("Slash", "/"), ("Star", "*"),
    ("StarStar", "**"), ("TildeArrow", "~>"), ("True", "true"),
];

/// The number of the first parameter that does not start with `$`, of all functions in the text.
fn first_bad_parameter(text: &str) -> Option<usize> {
    text.match_indices(['(']).find_map(|(at, _)| {
        let head = text.get(..at)?.trim_end();
        let is_function = head.ends_with("function") || head.ends_with('λ');
        let list = text.get(at + 1..)?.split(')').next()?;
        let bad = list.split(',').position(|param| !param.trim_start().starts_with('$'))?;
        is_function.then_some(bad + 1)
    })
}

/// Whether a quoted string of this text has no end.
fn has_open_string(text: &str) -> bool {
    let mut open = None;
    let mut chars = text.chars();
    while let Some(found) = chars.next() {
        match (open, found) {
            (Some(_), '\\') => {
                chars.next();
            }
            (Some(quote), found) if found == quote => open = None,
            (None, '"' | '\'') => open = Some(found),
            _ => {}
        }
    }
    open.is_some()
}

#[cfg(test)]
mod tests {
    use super::SYMBOLS;

    #[test]
    fn symbols_are_sorted() {
        assert!(SYMBOLS.is_sorted_by_key(|(name, _)| name));
    }
}
