//! Files and functions stay small enough to read.

use super::Offence;
use super::source::Source;

/// How many lines a file may have.
const FILE_LINES_MAX: usize = 900;
/// How many lines a function may have, outside tests: a test may hold a long table of rows.
const FUNCTION_LINES_MAX: usize = 80;

/// Finds files and functions that are too long. Relies on rustfmt: a function ends at the first closing brace that is
/// indented as its first line is.
pub fn check(source: &Source) -> Vec<Offence> {
    let mut offences = Vec::new();
    if source.line_count() > FILE_LINES_MAX {
        let message = format!("has {} lines; split it below {FILE_LINES_MAX}", source.line_count());
        offences.push(Offence::new(&source.path, message));
    }
    if source.is_test() {
        return offences;
    }
    let lines: Vec<(usize, &str)> = source.code_lines().collect();
    for (index, (first, line)) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let rest = lines.get(index..).unwrap_or_default();
        let length = end(line, rest).map_or(0, |last| last - first + 1);
        if length > FUNCTION_LINES_MAX {
            let message = format!("`{name}` has {length} lines; split it below {FUNCTION_LINES_MAX}");
            offences.push(Offence::new(&source.path, message));
        }
    }
    offences
}

/// The name, when a function begins on this line.
fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let is_qualifier = |word: &str| {
        matches!(word, "pub" | "const" | "async" | "unsafe" | "extern" | "default" | "\"\"") || word.starts_with("pub(")
    };
    if !before.split_whitespace().all(is_qualifier) {
        return None;
    }
    after.split(['(', '<']).next()
}

/// The line on which a function ends; `None` for one without a body or on one line.
fn end(first: &str, lines: &[(usize, &str)]) -> Option<usize> {
    if first.ends_with(';') || first.ends_with('}') {
        return None;
    }
    let indent = indentation(first);
    let at_indent = lines.iter().skip(1).filter(|(_, line)| !line.trim().is_empty() && indentation(line) == indent);
    for (number, line) in at_indent {
        if line.trim_start().starts_with('}') {
            return Some(*number);
        }
        if line.ends_with(';') {
            return None; // a declaration without body, its parameters on several lines
        }
    }
    None
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::source::Source;

    #[track_caller]
    fn check_text(text: &str, expected: &[&str]) {
        let found = check(&Source::new("crates/engine/src/a.rs", text));
        let found: Vec<&str> = found.iter().map(|offence| offence.message.as_str()).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn planted_long_files_are_found() {
        check_text(&"\n".repeat(900), &[]);
        check_text(&"\n".repeat(901), &["has 901 lines; split it below 900"]);
    }

    #[test]
    fn planted_long_functions_are_found() {
        let function = |head: &str, body: usize| format!("{head} {{\n{}}}\n", "    x();\n".repeat(body));
        check_text(&function("fn go()", 78), &[]);
        check_text(&function("fn go()", 79), &["`go` has 81 lines; split it below 80"]);
        check_text(
            &function("pub(crate) async fn go<T>(\n    one: T,\n)", 79),
            &["`go` has 83 lines; split it below 80"],
        );
        let nested = format!("impl X {{\n    fn go() {{\n{}    }}\n}}\n", "        x();\n".repeat(79));
        check_text(&nested, &["`go` has 81 lines; split it below 80"]);
        let two =
            format!("trait X {{\n    fn one(\n        a: u8,\n    );\n{}    fn two() {{}}\n}}\n", "\n".repeat(90));
        check_text(&two, &[]);
        let in_test =
            format!("#[cfg(test)]\nmod tests {{\n    fn go() {{\n{}    }}\n}}\n", "        x();\n".repeat(79));
        check_text(&in_test, &[]);
        let braces = format!("fn go() {{\n    let text = r#\"\n}}\n\"#;\n{}}}\n", "    x();\n".repeat(79));
        check_text(&braces, &["`go` has 84 lines; split it below 80"]);
    }
}
