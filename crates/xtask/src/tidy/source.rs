//! Source files, with comments and the content of strings blanked out.

use std::path::Path;

/// One source file.
pub struct Source {
    /// Path from the workspace root, with `/`.
    pub path: String,
    lines: Vec<String>,
    in_test: Vec<bool>,
}

/// Reads every `.rs` file below `crates/`.
///
/// # Errors
/// When a folder or file cannot be read.
pub fn all(root: &Path) -> Result<Vec<Source>, String> {
    let mut sources = Vec::new();
    let mut folders = vec![root.join("crates")];
    while let Some(folder) = folders.pop() {
        let told = |error: std::io::Error| format!("{}: {error}", folder.display());
        for entry in std::fs::read_dir(&folder).map_err(told)? {
            let path = entry.map_err(told)?.path();
            if path.is_dir() {
                let skipped = path.file_name().is_some_and(|name| name == "target" || name == "node_modules");
                if !skipped {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).map_err(told)?;
                let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
                sources.push(Source::new(&name, &text));
            }
        }
    }
    sources.sort_by(|one, two| one.path.cmp(&two.path));
    Ok(sources)
}

impl Source {
    /// Takes a file apart.
    pub fn new(path: &str, text: &str) -> Source {
        let lines: Vec<String> = blank(text).lines().map(|line| line.trim_end().to_owned()).collect();
        let in_test = test_lines(&lines);
        Source { path: path.to_owned(), lines, in_test }
    }

    /// The room the file belongs to: `crates/ROOM/…`.
    pub fn room(&self) -> &str {
        self.path.split('/').nth(1).unwrap_or_default()
    }

    /// Whether the whole file is test code.
    pub fn is_test(&self) -> bool {
        let mut folders = self.path.split('/').skip(2);
        folders.any(|part| matches!(part, "tests" | "benches" | "tests.rs")) || self.path.ends_with("_tests.rs")
    }

    /// How many lines the file has.
    pub fn line_count(&self) -> usize {
        self.lines.len()
    }

    /// The lines outside `#[cfg(test)]`, numbered from 1, without comments and without the content of strings.
    pub fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.lines.iter().zip(&self.in_test).enumerate();
        lines.filter(|(_, (_, in_test))| !**in_test).map(|(index, (line, _))| (index + 1, line.as_str()))
    }
}

/// Marks the lines that belong to an item under `#[cfg(test)]`.
fn test_lines(lines: &[String]) -> Vec<bool> {
    let mut marks = Vec::with_capacity(lines.len());
    let mut closing: Option<String> = None; // the line that ends the test item
    let mut attributed = false;
    for line in lines {
        let indent = line.len() - line.trim_start().len();
        let was_attributed = attributed;
        attributed =
            line.trim_start().starts_with("#[cfg(test)]") || (attributed && line.trim_start().starts_with("#["));
        marks.push(closing.is_some() || attributed || was_attributed);
        if closing.as_deref() == Some(line.as_str()) {
            closing = None;
        } else if closing.is_none() && was_attributed && !attributed && line.ends_with('{') {
            closing = Some(format!("{}}}", " ".repeat(indent)));
        }
    }
    marks
}

/// Replaces comments and the content of strings and characters by blanks; lines stay where they are.
fn blank(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(&character) = characters.get(at) {
        let rest = characters.get(at..).unwrap_or_default();
        let length = match character {
            '/' if rest.get(1) == Some(&'/') => rest.iter().take_while(|one| **one != '\n').count(),
            '/' if rest.get(1) == Some(&'*') => block_comment(rest),
            'r' if is_word_start(&out) => raw_string(rest),
            '"' => string(rest),
            '\'' => character_literal(rest),
            _ => 0,
        };
        if length == 0 {
            out.push(character);
            at += 1;
            continue;
        }
        let is_string = character != '/';
        out.extend(rest.iter().take(length).enumerate().map(|(index, one)| match one {
            '\n' => '\n',
            _ if is_string && (index == 0 || index + 1 == length) => '"',
            _ => ' ',
        }));
        at += length;
    }
    out
}

fn is_word_start(out: &str) -> bool {
    !out.chars().next_back().is_some_and(|last| last.is_alphanumeric() || last == '_')
}

fn block_comment(rest: &[char]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        match (rest.get(at), rest.get(at + 1)) {
            (Some('/'), Some('*')) => (depth, at) = (depth + 1, at + 2),
            (Some('*'), Some('/')) if depth == 1 => return at + 2,
            (Some('*'), Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    at
}

/// Length of `r"…"` or `r#"…"#`; 0 when this is none.
fn raw_string(rest: &[char]) -> usize {
    let hashes = rest.iter().skip(1).take_while(|one| **one == '#').count();
    if rest.get(1 + hashes) != Some(&'"') {
        return 0;
    }
    let ends = |at: usize| rest.get(at) == Some(&'"') && (1..=hashes).all(|hash| rest.get(at + hash) == Some(&'#'));
    let end = (2 + hashes..rest.len()).find(|at| ends(*at));
    end.map_or(rest.len(), |end| end + 1 + hashes)
}

fn string(rest: &[char]) -> usize {
    let mut at = 1;
    while let Some(character) = rest.get(at) {
        match character {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// Length of `'x'` or `'\n'`; 0 for a lifetime.
fn character_literal(rest: &[char]) -> usize {
    if rest.get(1) == Some(&'\\') {
        let end = rest.iter().skip(3).take(10).position(|one| *one == '\'');
        return end.map_or(0, |end| end + 4);
    }
    if rest.get(2) == Some(&'\'') { 3 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::blank;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(blank(text), expected);
    }

    #[test]
    fn strings_and_comments_are_blanked() {
        check("a // b\nc", "a     \nc");
        check("a(\"b // c\") d", "a(\"      \") d");
        check("a /* b /* c */ */ d", "a                 d");
        check("r#\"}\"#;", "\"    \";");
        check("'\"' + '\\'' + x", "\" \" + \"  \" + x");
        check("fn a<'b>(c: &'b str)", "fn a<'b>(c: &'b str)");
        check("\"a\\\"b\" c", "\"    \" c");
    }
}
