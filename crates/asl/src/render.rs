//! Diagnostics for people, in the manner of rustc.

use std::fmt::Write as _;

use stepwell_value::json::{Position, Span};

use crate::{Diagnostic, Severity};

/// How much of a long source line is shown, in characters.
const LINE_LENGTH_MAX: usize = 160;

/// Renders one diagnostic: severity, code and message, the file with line and column, the source line with carets below
/// what is meant, and what to do about it. No colours; several lines, the last one ended.
///
/// ```text
/// error[SCHEMA_VALIDATION_FAILED]: Field 'Retyr' is not supported
///   --> machine.asl.json:4:7
///    |
///  4 |       "Retyr": []
///    |       ^^^^^^^
///    = at /States/Charge
///    = help: did you mean `Retry`?
/// ```
pub fn render(diagnostic: &Diagnostic, file_name: &str, text: &str) -> String {
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    // The reader's excerpt of the source would say what the lines below say better.
    let message = diagnostic.message.split("\n at [Source").next().unwrap_or(&diagnostic.message);
    let mut out = format!("{severity}[{}]: {message}\n", diagnostic.code);
    let mut gutter = 1;
    match diagnostic.span {
        Some(span) => gutter = excerpt(&mut out, span, file_name, text),
        None => line(&mut out, &format!("  --> {file_name}")),
    }
    let indent = " ".repeat(gutter);
    if diagnostic.location.starts_with('/') {
        line(&mut out, &format!("{indent} = at {}", diagnostic.location));
    }
    if let Some(help) = &diagnostic.help {
        line(&mut out, &format!("{indent} = help: {help}"));
    }
    out
}

/// Appends place and source line; returns the width of the line number.
fn excerpt(out: &mut String, span: Span, file_name: &str, text: &str) -> usize {
    let position = Position::of(text, span.start);
    let number = position.line.to_string();
    let source = text.lines().nth(position.line as usize - 1).unwrap_or("");
    let letters: Vec<char> = source.chars().collect();
    let column = (position.column as usize).saturating_sub(1).min(letters.len());
    // A minified definition is one line: show the part around the fault.
    let first = if letters.len() > LINE_LENGTH_MAX { column.saturating_sub(LINE_LENGTH_MAX / 2) } else { 0 };
    let shown: String =
        letters.iter().skip(first).take(LINE_LENGTH_MAX).map(|c| if *c == '\t' { ' ' } else { *c }).collect();
    let meant = text.get(span.start..span.end).unwrap_or("").lines().next().unwrap_or("").chars().count();
    let room = shown.chars().count().saturating_sub(column - first);
    let carets = "^".repeat(meant.min(room).max(1));
    let indent = " ".repeat(number.len());
    line(out, &format!("{indent} --> {file_name}:{}:{}", position.line, position.column));
    line(out, &format!("{indent}  |"));
    line(out, &format!(" {number} | {shown}"));
    line(out, &format!("{indent}  | {}{carets}", " ".repeat(column - first)));
    number.len() + 1
}

fn line(out: &mut String, text: &str) {
    let _ = writeln!(out, "{text}"); // writing to a String cannot fail
}

#[cfg(test)]
mod tests {
    use crate::{Options, compile, render};

    #[test]
    fn a_diagnostic_looks_like_rustc() {
        let text = "{\n  \"StartAt\": \"A\",\n  \"States\": {\n    \"A\": {\"Type\": \"Pass\", \"Edn\": true, \"End\": true}\n  }\n}";
        let found = compile(text, &Options::default()).diagnostics;
        let rendered: Vec<String> = found.iter().map(|one| render(one, "m.asl.json", text)).collect();
        let expected = "\
error[SCHEMA_VALIDATION_FAILED]: Field 'Edn' is not supported
  --> m.asl.json:4:27
   |
 4 |     \"A\": {\"Type\": \"Pass\", \"Edn\": true, \"End\": true}
   |                           ^^^^^
   = at /States/A
   = help: did you mean `End`?
";
        assert_eq!(rendered, [expected]);
    }

    #[test]
    fn a_long_line_is_cut_around_the_fault() {
        let text = format!("{{\"Comment\": \"{}\", \"StartAt\": 5, \"States\": {{}}}}", "x".repeat(1000));
        for found in compile(&text, &Options::default()).diagnostics {
            let rendered = render(&found, "m", &text);
            assert!(rendered.lines().all(|line| line.chars().count() < 200), "{rendered}");
        }
    }

    #[test]
    fn broken_json_is_shown_where_it_breaks() {
        let text = "{\n  \"StartAt\": A\n}";
        let found = compile(text, &Options::default()).diagnostics;
        let rendered: Vec<String> = found.iter().map(|one| render(one, "m", text)).collect();
        let expected = "\
error[INVALID_JSON_DESCRIPTION]: Unrecognized token 'A': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')
  --> m:2:14
   |
 2 |   \"StartAt\": A
   |              ^
";
        assert_eq!(rendered, [expected]);
    }
}
