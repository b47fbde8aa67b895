//! Names of workflow variables, and the members of `$states` that an expression reads.

/// The members of `$states` that a JSONata expression reads: `result` of `$states.result.x`. A scan of the text that skips
/// strings and comments is enough for that.
pub(crate) fn states_members(expression: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(at) = rest.find(['$', '\'', '"', '`', '/']) {
        let (_, after) = rest.split_at(at);
        rest = if after.starts_with("/*") {
            after.find("*/").map_or("", |end| after.get(end + 2..).unwrap_or(""))
        } else if let Some(tail) = after.strip_prefix('/') {
            tail
        } else if let Some(name) = after.strip_prefix('$') {
            let (variable, tail) = name.split_at(identifier_length(name));
            let member = tail.trim_start().strip_prefix('.').map(str::trim_start);
            if let (true, Some(member)) = (variable == "states", member) {
                let (member, _) = member.split_at(identifier_length(member));
                if !member.is_empty() && !found.contains(&member) {
                    found.push(member);
                }
            }
            tail
        } else {
            skip_string(after)
        };
    }
    found
}

/// How many bytes of a text are an identifier: a letter or `_`, then letters, digits and `_`.
fn identifier_length(text: &str) -> usize {
    let first = text.chars().next().is_some_and(|letter| letter.is_alphabetic() || letter == '_');
    if !first {
        return 0;
    }
    text.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(text.len())
}

/// Whether a text is the name of a variable: a letter, then letters, digits and `_`.
pub(crate) fn is_name(text: &str) -> bool {
    text.chars().next().is_some_and(char::is_alphabetic) && identifier_length(text) == text.len()
}

/// What follows the string literal at the start of a text.
fn skip_string(text: &str) -> &str {
    let mut letters = text.char_indices();
    let Some((_, quote)) = letters.next() else { return "" };
    while let Some((at, letter)) = letters.next() {
        if letter == '\\' {
            letters.next();
        } else if letter == quote {
            return text.get(at + letter.len_utf8()..).unwrap_or("");
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::{is_name, states_members};

    #[test]
    fn members_of_states() {
        for (text, expected) in [
            ("$states.errorOutput", vec!["errorOutput"]),
            ("$states . result.x & $states.input", vec!["result", "input"]),
            ("'$states.result'", vec![]),
            ("/* $states.result */ 1 / 2", vec![]),
            ("$mystates.result", vec![]),
            ("$states", vec![]),
        ] {
            assert_eq!(states_members(text), expected, "{text}");
        }
    }

    #[test]
    fn names() {
        assert!(is_name("x") && is_name("a_1") && is_name("größe"));
        assert!(!is_name("") && !is_name("1a") && !is_name("a-b") && !is_name("_a"));
    }
}
