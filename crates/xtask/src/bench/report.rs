//! What was measured, as rows of a Markdown table.

use std::fmt::Write as _;

/// What a measure must reach.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// It is only told.
    None,
    /// It must not be greater.
    AtMost(f64),
    /// It must not be less.
    AtLeast(f64),
}

/// One measure of a workload.
#[derive(Debug)]
pub struct Row {
    workload: &'static str,
    measure: String,
    value: f64,
    unit: &'static str,
    target: Target,
}

/// The measures of a run.
#[derive(Debug, Default)]
pub struct Report {
    rows: Vec<Row>,
}

impl Report {
    /// Adds a measure, and shows it at once.
    pub fn add(&mut self, workload: &'static str, measure: &str, value: f64, unit: &'static str, target: Target) {
        let row = Row { workload, measure: measure.to_owned(), value, unit, target };
        super::say(&row.line());
        self.rows.push(row);
    }

    /// All of it.
    pub fn table(&self) -> String {
        let mut text =
            "| workload | measure | measured | target | reached |\n| --- | --- | --- | --- | --- |\n".to_owned();
        for row in &self.rows {
            let _ = writeln!(text, "{}", row.line()); // writing to a text does not fail
        }
        text
    }
}

impl Row {
    fn line(&self) -> String {
        let Row { workload, measure, unit, value, .. } = self;
        let (target, reached) = match self.target {
            Target::None => (String::new(), ""),
            Target::AtMost(most) => (format!("≤ {}", number(most)), yes_or_no(*value <= most)),
            Target::AtLeast(least) => (format!("≥ {}", number(least)), yes_or_no(*value >= least)),
        };
        format!("| {workload} | {measure} | {} {unit} | {target} | {reached} |", number(*value))
    }
}

fn yes_or_no(reached: bool) -> &'static str {
    if reached { "yes" } else { "NO" }
}

/// Three digits that matter.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Row, Target};

    #[track_caller]
    fn check(value: f64, target: Target, line: &str) {
        let row = Row { workload: "standard", measure: "p50".to_owned(), value, unit: "ms", target };
        assert_eq!(row.line(), line);
    }

    #[test]
    fn lines() {
        check(12345.6, Target::AtLeast(12_000.0), "| standard | p50 | 12346 ms | ≥ 12000 | yes |");
        check(0.09123, Target::AtMost(0.09), "| standard | p50 | 0.091 ms | ≤ 0.090 | NO |");
        check(1.5, Target::None, "| standard | p50 | 1.50 ms |  |  |");
    }
}
