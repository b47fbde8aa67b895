//! A place in a text that is being read. Shared by the readers of paths, filters and calls; it never panics.

use stepwell_value::Number;

/// Reads a text from left to right.
pub(crate) struct Cursor<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

impl<'t> Cursor<'t> {
    /// How deep brackets, filters and arguments may be nested within each other.
    const DEPTH_MAX: usize = 24;

    pub(crate) fn new(text: &'t str) -> Cursor<'t> {
        Cursor { text, at: 0, depth: 0 }
    }

    /// The byte offset of the next character.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// What has not been read yet.
    pub(crate) fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    /// What was read since an earlier offset.
    pub(crate) fn since(&self, start: usize) -> &'t str {
        self.text.get(start..self.at).unwrap_or("")
    }

    pub(crate) fn is_done(&self) -> bool {
        self.at >= self.text.len()
    }

    pub(crate) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(crate) fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    /// Reads this text if it is the next.
    pub(crate) fn eat(&mut self, expected: &str) -> bool {
        let found = self.rest().starts_with(expected);
        if found {
            self.at += expected.len();
        }
        found
    }

    /// Reads as long as the characters are of a kind.
    pub(crate) fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|found| !accept(found)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or("")
    }

    pub(crate) fn skip_blanks(&mut self) {
        self.take_while(char::is_whitespace);
    }

    /// Goes one level deeper; `None` when that is too deep.
    pub(crate) fn descend(&mut self) -> Option<()> {
        self.depth += 1;
        (self.depth <= Self::DEPTH_MAX).then_some(())
    }

    /// Comes back from a level.
    pub(crate) fn ascend(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Reads a number as JSON spells it; reads nothing when there is none.
    pub(crate) fn number(&mut self) -> Option<Number> {
        let start = self.at;
        let found = self.number_text();
        if found.is_none() {
            self.at = start;
        }
        found
    }

    fn number_text(&mut self) -> Option<Number> {
        let start = self.at;
        self.eat("-");
        let whole = self.digits()?;
        if whole.len() > 1 && whole.starts_with('0') {
            return None;
        }
        if self.eat(".") {
            self.digits()?;
        }
        if self.eat("e") || self.eat("E") {
            let _ = self.eat("+") || self.eat("-");
            self.digits()?;
        }
        Some(Number::from_literal(self.since(start)))
    }

    fn digits(&mut self) -> Option<&'t str> {
        Some(self.take_while(|found| found.is_ascii_digit())).filter(|digits| !digits.is_empty())
    }
}
