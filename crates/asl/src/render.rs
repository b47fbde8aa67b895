//! Diagnostics for people, in the manner of rustc.

use std::cell::Cell;
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
    Source::new(file_name, text).render(diagnostic)
}

/// A text that diagnostics are about. Its lines are found once, however many diagnostics there are.
pub struct Source<'t> {
    file_name: String,
    text: &'t str,
    /// Where each line starts.
    starts: Vec<usize>,
    /// Where the last diagnostic was, in bytes, and the characters of its line before it: the next one is near.
    last: Cell<(usize, usize)>,
}

impl<'t> Source<'t> {
    /// Finds the lines of a text.
    pub fn new(file_name: impl Into<String>, text: &'t str) -> Source<'t> {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(newline, _)| newline + 1)).collect();
        Source { file_name: file_name.into(), text, starts, last: Cell::new((0, 0)) }
    }

    /// Renders one diagnostic, as [`render`] does.
    pub fn render(&self, diagnostic: &Diagnostic) -> String {
        let severity = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        // The reader's excerpt of the source would say what the lines below say better.
        let message = diagnostic.message.split("\n at [Source").next().unwrap_or(&diagnostic.message);
        let mut out = format!("{severity}[{}]: {message}\n", diagnostic.code);
        let mut gutter = 1;
        match diagnostic.span {
            Some(span) => gutter = self.excerpt(&mut out, span),
            None => line(&mut out, &format!("  --> {}", self.file_name)),
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

    /// Line and column of a byte offset, from 1; columns in characters.
    pub fn position(&self, offset: usize) -> Position {
        let (index, column) = self.place(self.boundary(offset));
        let from_one = |number: usize| u32::try_from(number + 1).unwrap_or(u32::MAX);
        Position { line: from_one(index), column: from_one(column) }
    }

    /// The offset, or the start of the character it is in.
    fn boundary(&self, offset: usize) -> usize {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }

    /// Line and column of the start of a character, from 0.
    fn place(&self, offset: usize) -> (usize, usize) {
        let index = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        (index, self.characters_before(self.start_of(index), offset))
    }

    fn start_of(&self, line: usize) -> usize {
        self.starts.get(line).copied().unwrap_or(0)
    }

    /// Appends place and source line; returns the width of the line number.
    fn excerpt(&self, out: &mut String, span: Span) -> usize {
        let offset = self.boundary(span.start);
        let (index, column) = self.place(offset);
        let start = self.start_of(index);
        let number = (index + 1).to_string();
        // A minified definition is one line: show the part around the fault.
        let is_long = || self.line_from(start).nth(LINE_LENGTH_MAX).is_some();
        let first = if column > LINE_LENGTH_MAX / 2 && is_long() { column - LINE_LENGTH_MAX / 2 } else { 0 };
        let from = self.back(start, offset, column - first);
        let shown: String =
            self.line_from(from).take(LINE_LENGTH_MAX).map(|c| if c == '\t' { ' ' } else { c }).collect();
        let meant = self.text.get(span.start..span.end).unwrap_or("").lines().next().unwrap_or("").chars().count();
        let room = shown.chars().count().saturating_sub(column - first);
        let carets = "^".repeat(meant.min(room).max(1));
        let indent = " ".repeat(number.len());
        line(out, &format!("{indent} --> {}:{number}:{}", self.file_name, column + 1));
        line(out, &format!("{indent}  |"));
        line(out, &format!(" {number} | {shown}"));
        line(out, &format!("{indent}  | {}{carets}", " ".repeat(column - first)));
        number.len() + 1
    }

    /// The characters of a line that starts at `start` before `offset`.
    fn characters_before(&self, start: usize, offset: usize) -> usize {
        let (last_offset, last_count) = self.last.get();
        let is_behind = start <= last_offset && last_offset <= offset;
        let (from, before) = if is_behind { (last_offset, last_count) } else { (start, 0) };
        let count = before + self.text.get(from..offset).unwrap_or("").chars().count();
        self.last.set((offset, count));
        count
    }

    /// The offset so many characters before another one in its line.
    fn back(&self, start: usize, offset: usize, characters: usize) -> usize {
        let before = self.text.get(start..offset).unwrap_or("");
        let back = characters.checked_sub(1).and_then(|last| before.char_indices().rev().nth(last));
        start + back.map_or(before.len(), |(index, _)| index)
    }

    /// The characters of a line from an offset on.
    fn line_from(&self, offset: usize) -> impl Iterator<Item = char> {
        self.text.get(offset..).unwrap_or("").chars().take_while(|letter| !matches!(letter, '\n' | '\r'))
    }
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
