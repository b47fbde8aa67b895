//! What is wrong with a definition, and where.

use stepwell_value::json::Span;

/// How grave a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// AWS refuses the definition.
    Error,
    /// The definition is accepted, but does probably not do what its author wants.
    Warning,
}

/// One finding of the validator.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// AWS's code (`SCHEMA_VALIDATION_FAILED`, `MISSING_TRANSITION_TARGET`, …), or one of ours for warnings beyond AWS's.
    pub code: &'static str,
    /// What is wrong, without the place; AWS's own words where they are known.
    pub message: String,
    /// The place as AWS writes it: `/States/Charge/Next`; `/` is the whole machine.
    pub location: String,
    /// Where it stands in the source text.
    pub span: Option<Span>,
    /// What to do about it, beyond AWS's words.
    pub help: Option<String>,
}

/// The message of AWS's InvalidDefinition for these errors:
/// `Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: … at /States/A, …'`.
pub fn aws_message(diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    let texts: Vec<String> = errors.map(|d| format!("{}: {} at {}", d.code, d.message, d.location)).collect();
    format!("Invalid State Machine Definition: '{}'", texts.join(", "))
}
