//! Patterns of the model. They are Java's; the `regex` crate has no look-ahead, so a leading one is split off.

use regex::Regex;

/// A compiled pattern that a whole value must match.
#[derive(Debug)]
pub(crate) struct Pattern {
    /// The pattern as the model spells it, for messages.
    pub text: String,
    /// All of these must match; more than one when the pattern begins with look-aheads.
    parts: Vec<Regex>,
}

impl Pattern {
    /// Compiles a pattern of the model.
    ///
    /// # Errors
    /// When the pattern is not understood.
    pub fn compile(text: &str) -> Result<Pattern, String> {
        let told = |error: regex::Error| format!("pattern {text}: {error}");
        let mut rest = text.strip_prefix('^').unwrap_or(text);
        let mut parts = Vec::new();
        while let Some(inside) = rest.strip_prefix("(?=") {
            let end = closing(inside).ok_or_else(|| format!("pattern {text}: look-ahead without end"))?;
            let (ahead, after) = inside.split_at(end);
            parts.push(Regex::new(&format!(r"\A(?:{ahead})")).map_err(told)?);
            rest = after.strip_prefix(')').unwrap_or(after);
        }
        let rest = rest.strip_suffix('$').unwrap_or(rest);
        parts.push(Regex::new(&format!(r"\A(?:{rest})\z")).map_err(told)?);
        Ok(Pattern { text: text.to_owned(), parts })
    }

    /// Whether the whole value matches.
    pub fn matches(&self, value: &str) -> bool {
        self.parts.iter().all(|part| part.is_match(value))
    }
}

/// Where the parenthesis closes in which the text stands.
fn closing(text: &str) -> Option<usize> {
    let (mut depth, mut escaped, mut in_class) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b']' => in_class = false,
            b'[' => in_class = true,
            b'(' if !in_class => depth += 1,
            b')' if !in_class && depth == 0 => return Some(at),
            b')' if !in_class => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[track_caller]
    fn check(pattern: &str, value: &str, matches: bool) {
        assert_eq!(Pattern::compile(pattern).unwrap().matches(value), matches, "{value}");
    }

    #[test]
    fn look_ahead_and_whole_matches() {
        let alias = r"^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$";
        check(alias, "PROD", true);
        check(alias, "12a", true);
        check(alias, "123", false);
        check(alias, "a b", false);
        check(r"\p{ASCII}*", "Root=1-5759e988", true);
        check(r"\p{ASCII}*", "ü", false);
        check("[!-~]+", "a b", false);
    }
}
