//! Places in a definition, as AWS writes them: `/States/Charge/Retry[0]/ErrorEquals`.

use std::fmt::{self, Write as _};

/// A place. Lives on the stack while the walk goes down, and costs nothing until somebody prints it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At<'a> {
    parent: Option<&'a At<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Root,
    Name(&'a str),
    Index(usize),
    Tail(&'a str),
}

impl<'a> At<'a> {
    /// The whole machine, `/`.
    pub(crate) const ROOT: At<'static> = At { parent: None, step: Step::Root };

    /// The member of this name.
    pub(crate) fn field<'b>(&'b self, name: &'b str) -> At<'b> {
        At { parent: Some(self), step: Step::Name(name) }
    }

    /// The item with this index.
    pub(crate) fn index(&'a self, index: usize) -> At<'a> {
        At { parent: Some(self), step: Step::Index(index) }
    }

    /// A place further down whose path is written already: empty, `/a/b[0]` or `[0]/a`.
    pub(crate) fn tail<'b>(&'b self, path: &'b str) -> At<'b> {
        At { parent: Some(self), step: Step::Tail(path) }
    }

    fn write(&self, out: &mut String) {
        let mut steps = Vec::new();
        let mut at = Some(self);
        while let Some(here) = at {
            steps.push(here.step);
            at = here.parent;
        }
        for step in steps.iter().rev() {
            match step {
                Step::Root => {}
                Step::Tail(path) => out.push_str(path),
                Step::Name(name) => {
                    out.push('/');
                    out.push_str(name);
                }
                Step::Index(index) => {
                    let _ = write!(out, "[{index}]"); // writing to a String cannot fail
                }
            }
        }
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.write(&mut text);
        out.write_str(if text.is_empty() { "/" } else { &text })
    }
}

#[cfg(test)]
mod tests {
    use super::At;

    #[test]
    fn places_are_written_as_aws_writes_them() {
        let states = At::ROOT.field("States");
        let state = states.field("a/b");
        let retry = state.field("Retry");
        assert_eq!(At::ROOT.to_string(), "/");
        assert_eq!(retry.index(2).field("ErrorEquals").to_string(), "/States/a/b/Retry[2]/ErrorEquals");
    }
}
