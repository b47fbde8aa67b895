//! Standard output and standard error: data goes to the first, everything else to the second.
//!
//! Nobody is told when a write fails: a reader that has closed the pipe (`stepwell … | head`) wants no more.

use std::io::{IsTerminal, Write, stderr, stdout};

use comfy_table::{Table, presets};

/// Writes data to standard output, ended by a line break.
pub fn data(text: &str) {
    let mut out = stdout().lock();
    let _ = out.write_all(text.as_bytes());
    if !text.ends_with('\n') {
        let _ = out.write_all(b"\n");
    }
    let _ = out.flush();
}

/// Writes a line for the user to standard error.
pub fn say(line: &str) {
    let _ = writeln!(stderr().lock(), "{line}");
}

/// A table for people: headings and rows, without frames.
pub fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(headings.iter().map(|heading| heading.to_uppercase()));
    rows.iter().for_each(|row| {
        table.add_row(row);
    });
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.to_string().lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// The colours of what goes to standard error.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    coloured: bool,
}

/// A meaning that has a colour.
#[derive(Clone, Copy, Debug)]
pub enum Ink {
    /// It went well.
    Good,
    /// It went wrong.
    Bad,
    /// Worth a look.
    Warn,
    /// Less important.
    Dim,
    /// More important.
    Bold,
}

impl Style {
    /// Colours on a terminal, unless `NO_COLOR` is set; always with `CLICOLOR_FORCE`.
    pub fn of_stderr() -> Style {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
        let coloured = !set("NO_COLOR") && (set("CLICOLOR_FORCE") || stderr().is_terminal());
        Style { coloured }
    }

    /// Never colours.
    #[cfg(test)]
    pub fn plain() -> Style {
        Style { coloured: false }
    }

    /// Paints a text.
    pub fn paint(self, ink: Ink, text: &str) -> String {
        if !self.coloured {
            return text.to_owned();
        }
        let code = match ink {
            Ink::Good => "32",
            Ink::Bad => "31",
            Ink::Warn => "33",
            Ink::Dim => "2",
            Ink::Bold => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}
