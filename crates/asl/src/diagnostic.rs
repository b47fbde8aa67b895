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
    /// The place as AWS writes it: `/States/Charge/Next`; `/` is the whole machine. Empty where AWS gives none
    /// (`MISSING_END_STATE`).
    pub location: String,
    /// Where it stands in the source text.
    pub span: Option<Span>,
    /// What to do about it, beyond AWS's words.
    pub help: Option<String>,
}

/// The codes of AWS's own warnings; other warnings are ours and no business of the API.
pub const AWS_WARNING_CODES: [&str; 3] = ["NO_DOLLAR", "NO_PATH", "PASS_RESULT_IS_STATIC"];

impl Diagnostic {
    /// Whether AWS knows this finding: every error, and the warnings of [`AWS_WARNING_CODES`].
    pub fn is_aws(&self) -> bool {
        self.severity == Severity::Error || AWS_WARNING_CODES.contains(&self.code)
    }
}

/// The message of AWS's InvalidDefinition for these errors:
/// `Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: … at /States/A, …'`. A missing location is written
/// `null`, as AWS does.
pub fn aws_message(diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    let texts: Vec<String> = errors
        .map(|d| {
            let location = if d.location.is_empty() { "null" } else { &d.location };
            format!("{}: {} at {location}", d.code, d.message)
        })
        .collect();
    format!("Invalid State Machine Definition: '{}'", texts.join(", "))
}
