//! The layout of YAML: block collections are indented by two blanks and ordered; everything else (scalars, flow collections,
//! comments) is kept as it is written and moved as a whole.
//!
//! The reader gives places, but neither comments nor the ends of scalars, so that the work is done on lines: a member of a
//! block mapping owns the lines from its key to the next key; comments and blank lines between two members belong to the
//! one below them.

use std::ops::Range;

use stepwell_value::json::{Node, Position, Spanned};

use super::order::{Member, Role, is_same};
use crate::yaml::{YamlError, parse};

/// A definition (or a single state) in canonical layout, with a newline at its end. Comments stay with what they stand
/// above; those at the top stay there.
///
/// # Errors
/// When the text is no YAML that could be a definition, or is written in a form that cannot be laid out anew.
pub fn yaml(text: &str) -> Result<String, YamlError> {
    let root = parse(text)?;
    let source = Source::of(text);
    let mut out = String::with_capacity(text.len());
    match &root.node {
        Node::Object(members) if source.is_block_mapping(&root, false) => {
            let first = members.first().map_or(0, |(_, span, _)| source.line_of(span.start));
            source.header(first, &mut out);
            let whole = Region { from: first, end: source.lines.len() };
            source.mapping(members, Role::of_root(&root), &whole, Place { column: 0, dash: false }, &mut out);
            let last = source.end_of_mapping(members, whole.end);
            source.leads(last + 1..source.lines.len(), 0, &mut out);
        }
        _ => source.lines.iter().for_each(|line| push_line(&mut out, 0, line.trim_end())),
    }
    let trimmed = out.trim_end_matches('\n').len();
    out.truncate(trimmed);
    out.push('\n');
    match parse(&out) {
        Ok(again) if is_same(&root, &again) => Ok(out),
        _ => Err(YamlError {
            message: "this YAML is written in a form that cannot be laid out anew".to_owned(),
            offset: 0,
            position: Position { line: 1, column: 1 },
        }),
    }
}

/// The text in lines.
struct Source<'t> {
    lines: Vec<&'t str>,
    starts: Vec<usize>,
}

/// Lines that something may own: from the first one for comments above it, up to what comes next.
struct Region {
    from: usize,
    end: usize,
}

/// Where a mapping goes: the column of its keys, and whether its first one stands behind a dash.
#[derive(Clone, Copy)]
struct Place {
    column: usize,
    dash: bool,
}

/// How a value is written.
enum Shape<'a> {
    Mapping(&'a [Member]),
    /// The items with the lines of their dashes.
    Sequence(Vec<(usize, &'a Spanned)>),
    /// On the line of its key, or in a form that is moved as a whole.
    Opaque,
}

impl<'t> Source<'t> {
    fn of(text: &'t str) -> Source<'t> {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Source { lines: text.lines().collect(), starts }
    }

    fn line(&self, number: usize) -> &'t str {
        self.lines.get(number).copied().unwrap_or_default()
    }

    fn line_of(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset).saturating_sub(1)
    }

    /// Bytes before an offset on its line.
    fn column_of(&self, offset: usize) -> usize {
        offset - self.starts.get(self.line_of(offset)).copied().unwrap_or(0).min(offset)
    }

    /// Whether a value is a block mapping, each of its keys at the beginning of a line (the first maybe behind a dash).
    fn is_block_mapping(&self, value: &Spanned, dash: bool) -> bool {
        let begins_line = |offset: usize, dash: bool| {
            let before = self.line(self.line_of(offset)).get(..self.column_of(offset)).unwrap_or("?");
            let before = if dash { before.replacen('-', " ", 1) } else { before.to_owned() };
            before.trim().is_empty()
        };
        let Node::Object(members) = &value.node else { return false };
        let Some((_, first, _)) = members.first() else { return false };
        // A block mapping begins with its first key.
        value.span.start == first.start
            && members.iter().enumerate().all(|(index, (_, key, _))| begins_line(key.start, dash && index == 0))
    }

    fn shape<'a>(&self, key_line: usize, value: &'a Spanned, end: usize) -> Shape<'a> {
        match &value.node {
            Node::Object(members) if self.is_block_mapping(value, false) => Shape::Mapping(members),
            Node::Array(items) => self.sequence_shape(key_line + 1..end, items),
            _ => Shape::Opaque,
        }
    }

    /// A block sequence: as many lines begin with a dash, in the column of the first one, as there are items.
    fn sequence_shape<'a>(&self, lines: Range<usize>, items: &'a [Spanned]) -> Shape<'a> {
        let is_content = |line: &&usize| !is_comment_or_blank(self.line(**line));
        let numbers: Vec<usize> = lines.collect();
        let Some(first) = numbers.iter().find(is_content) else { return Shape::Opaque };
        let column = indent(self.line(*first));
        let has_dash = |line: &usize| {
            let text = self.line(*line);
            let content = text.trim_start();
            indent(text) == column && (content == "-" || content.starts_with("- "))
        };
        let dashes: Vec<usize> = numbers.into_iter().filter(has_dash).collect();
        if dashes.len() != items.len() || items.is_empty() {
            return Shape::Opaque;
        }
        Shape::Sequence(dashes.into_iter().zip(items).collect())
    }

    // ------------------------------------------------------------ where things end

    /// The last line of a member's content; comments and blank lines behind it belong to what follows.
    fn end_of_member(&self, member: &Member, end: usize) -> usize {
        let (_, key, value) = member;
        let line = self.line_of(key.start);
        match self.shape(line, value, end) {
            Shape::Mapping(members) => self.end_of_mapping(members, end),
            Shape::Sequence(items) => self.end_of_sequence(&items, end),
            Shape::Opaque => self.end_of_opaque(line, self.column_of(key.start), end),
        }
    }

    fn end_of_mapping(&self, members: &[Member], end: usize) -> usize {
        members.last().map_or(0, |last| self.end_of_member(last, end))
    }

    fn end_of_sequence(&self, items: &[(usize, &Spanned)], end: usize) -> usize {
        let Some((line, item)) = items.last() else { return 0 };
        match &item.node {
            Node::Object(members) if self.is_item_mapping(*line, item) => self.end_of_mapping(members, end),
            _ => self.end_of_opaque(*line, indent(self.line(*line)), end),
        }
    }

    fn end_of_opaque(&self, line: usize, column: usize, end: usize) -> usize {
        let header = without_comment(self.line(line));
        let mut last = line;
        if is_block_scalar(header) {
            let belongs = |line: &usize| self.line(*line).trim().is_empty() || indent(self.line(*line)) > column;
            for number in (line + 1..end).take_while(belongs) {
                if header.contains('+') || !self.line(number).trim().is_empty() {
                    last = number;
                }
            }
            return last;
        }
        (line + 1..end).rfind(|number| !is_comment_or_blank(self.line(*number))).unwrap_or(last)
    }

    /// Whether an item is a mapping whose first key stands on the line of the dash.
    fn is_item_mapping(&self, dash: usize, item: &Spanned) -> bool {
        self.line_of(item.span.start) == dash && self.is_block_mapping(item, true)
    }

    // ------------------------------------------------------------ writing

    /// What stands above the first key: stays at the top.
    fn header(&self, first: usize, out: &mut String) {
        for line in self.lines.iter().take(first) {
            if !line.trim().is_empty() || !out.is_empty() {
                push_line(out, 0, line.trim_end());
            }
        }
    }

    /// Comments and blank lines; of several blank lines one.
    fn leads(&self, lines: Range<usize>, column: usize, out: &mut String) {
        for line in lines.map(|number| self.line(number).trim()) {
            if !line.is_empty() {
                push_line(out, column, line);
            } else if !out.is_empty() && !out.ends_with("\n\n") {
                out.push('\n');
            }
        }
    }

    fn mapping(&self, members: &[Member], role: Role, region: &Region, place: Place, out: &mut String) {
        let mut slots = Vec::new();
        let mut from = region.from;
        for (index, member) in members.iter().enumerate() {
            let end = members.get(index + 1).map_or(region.end, |(_, key, _)| self.line_of(key.start));
            let line = self.line_of(member.1.start);
            slots.push((member, from..line, end));
            from = self.end_of_member(member, end) + 1;
        }
        slots.sort_by_key(|((key, _, _), _, _)| role.rank(key));
        for (index, (member, leads, end)) in slots.into_iter().enumerate() {
            let dash = place.dash && index == 0;
            let margin = if dash { place.column - 2 } else { place.column };
            let blanks = leads.clone().take_while(|line| index == 0 && self.line(*line).trim().is_empty()).count();
            self.leads(leads.start + blanks..leads.end, margin, out);
            self.member(member, role, end, Place { column: place.column, dash }, out);
        }
    }

    fn member(&self, member: &Member, role: Role, end: usize, place: Place, out: &mut String) {
        let (key, span, value) = member;
        let (line, column) = (self.line_of(span.start), self.column_of(span.start));
        let first = self.line(line).get(column..).unwrap_or_default().trim_end();
        let role = role.of_member(key);
        let below = Region { from: line + 1, end };
        let (margin, dash) = if place.dash { (place.column - 2, "- ") } else { (place.column, "") };
        push_line(out, margin, &format!("{dash}{first}"));
        match self.shape(line, value, end) {
            Shape::Mapping(members) => {
                self.mapping(members, role, &below, Place { column: place.column + 2, dash: false }, out);
            }
            Shape::Sequence(items) => self.sequence(&items, role, &below, place.column + 2, out),
            Shape::Opaque => {
                let last = self.end_of_opaque(line, column, end);
                self.moved(line + 1..last + 1, column, place.column, out);
            }
        }
    }

    fn sequence(&self, items: &[(usize, &Spanned)], role: Role, region: &Region, column: usize, out: &mut String) {
        let mut from = region.from;
        for (index, (line, item)) in items.iter().enumerate() {
            let end = items.get(index + 1).map_or(region.end, |(line, _)| *line);
            self.leads(from..*line, column, out);
            let last = self.end_of_sequence(&[(*line, item)], end);
            match &item.node {
                Node::Object(members) if self.is_item_mapping(*line, item) => {
                    let own = Region { from: *line, end };
                    self.mapping(members, role, &own, Place { column: column + 2, dash: true }, out);
                }
                _ => {
                    let text = self.line(*line);
                    let content = text.trim_start().trim_start_matches('-').trim();
                    push_line(out, column, format!("- {content}").trim_end());
                    self.moved(*line + 1..last + 1, indent(text), column, out);
                }
            }
            from = last + 1;
        }
    }

    /// Lines that are kept as they are, moved from one column to another.
    fn moved(&self, lines: Range<usize>, from: usize, to: usize, out: &mut String) {
        for text in lines.map(|number| self.line(number)) {
            let column = (indent(text) + to).saturating_sub(from);
            push_line(out, if text.trim().is_empty() { 0 } else { column }, text.trim_start_matches(' '));
        }
    }
}

fn push_line(out: &mut String, column: usize, text: &str) {
    (0..column).for_each(|_| out.push(' '));
    out.push_str(text);
    out.push('\n');
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

fn is_comment_or_blank(line: &str) -> bool {
    let content = line.trim_start();
    content.is_empty() || content.starts_with('#')
}

fn without_comment(line: &str) -> &str {
    line.split(" #").next().unwrap_or(line).trim_end()
}

/// Whether a line ends in the header of a block scalar: `|`, `>-`, `|+2`.
fn is_block_scalar(header: &str) -> bool {
    let word = header.rsplit([' ', '\t']).next().unwrap_or_default();
    word.starts_with(['|', '>']) && word.chars().skip(1).all(|letter| letter.is_ascii_digit() || "+-".contains(letter))
}

#[cfg(test)]
mod tests {
    use super::yaml;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let formatted = yaml(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(formatted, expected);
        assert_eq!(yaml(&formatted).as_deref(), Ok(&*formatted), "formatting twice");
    }

    #[test]
    fn order_and_indentation() {
        check(
            "StartAt: A\nStates:\n    A:\n        Next: B\n        Type: Pass\n    B: {Type: Succeed,\n        Comment: y}\nComment: \"x\"   # why\n",
            "Comment: \"x\"   # why\nStartAt: A\nStates:\n  A:\n    Type: Pass\n    Next: B\n  B: {Type: Succeed,\n      Comment: y}\n",
        );
    }

    #[test]
    fn comments_stay_with_what_they_stand_above() {
        check(
            "\n# head\n\nStates:\n  # about A\n  A:\n    End: true\n    # its type\n    Type: Pass # pass\n\n\n  # about B\n  B:\n    Type: Succeed\n# where\nStartAt: A\n# end\n",
            "# head\n\n# where\nStartAt: A\nStates:\n  # about A\n  A:\n    # its type\n    Type: Pass # pass\n    End: true\n\n  # about B\n  B:\n    Type: Succeed\n# end\n",
        );
    }

    #[test]
    fn sequences() {
        check(
            "Type: Choice\nChoices:\n- Next: B\n  Variable: $.a\n  # two\n-   Variable: plain text\n      goes on\n    Next: A\n- {Next: C}\nDefault: D\n",
            "Type: Choice\nChoices:\n  - Variable: $.a\n    Next: B\n  # two\n  - Variable: plain text\n      goes on\n    Next: A\n  - {Next: C}\nDefault: D\n",
        );
        check(
            "Type: Task\nCatch:\n  - Next: A\n    # what\n    ErrorEquals:\n    - 'x'\n    - [y]\n",
            "Type: Task\nCatch:\n  # what\n  - ErrorEquals:\n      - 'x'\n      - [y]\n    Next: A\n",
        );
    }

    #[test]
    fn block_scalars_keep_their_lines() {
        check(
            "Type: Pass\nEnd: true\nResult:\n    z: |\n          one\n            two\n\n          # no comment\n    a: >-\n        folded\n        text\n",
            "Type: Pass\nResult:\n  z: |\n        one\n          two\n\n        # no comment\n  a: >-\n      folded\n      text\nEnd: true\n",
        );
        check(
            "Type: Pass\nResult:\n  - |2\n      a\n  - \"b\n    c\"\n  -\n",
            "Type: Pass\nResult:\n  - |2\n      a\n  - \"b\n    c\"\n  -\n",
        );
        check("Type: Pass\nComment: |+\n  a\n\nEnd: true\n", "Type: Pass\nComment: |+\n  a\n\nEnd: true\n");
    }

    #[test]
    fn other_forms() {
        check("{\"Type\": \"Pass\",\n  \"End\": true}", "{\"Type\": \"Pass\",\n  \"End\": true}\n");
        check("---\nEnd: true\n\"Type\": Pass\r\n", "---\n\"Type\": Pass\nEnd: true\n");
        check(
            "Type: Pass\nResult:\n  - - a\n    - b\n  -\n    c: 1\nEnd: true\n",
            "Type: Pass\nResult:\n  - - a\n    - b\n  -\n    c: 1\nEnd: true\n",
        );
        check(
            "# größer\nEnd: true\nComment: \"ü # no comment\"\nType: Pass\n",
            "# größer\nType: Pass\nComment: \"ü # no comment\"\nEnd: true\n",
        );
        assert!(yaml("a: [").is_err());
    }
}
