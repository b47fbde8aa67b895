//! A workflow's failure: data, never a Rust error.

use std::sync::Arc;

/// An ASL error: what Retry and Catch match, and what a failed execution ends with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// The error name: `States.Timeout`, `Lambda.Unknown`, a name of the user's own. None where a Fail state has no `Error`.
    pub error: Option<Arc<str>>,
    /// The cause, for people; often JSON text.
    pub cause: Option<Arc<str>>,
}

impl Failure {
    /// A failure with a name and a cause.
    pub fn new(error: impl Into<Arc<str>>, cause: impl Into<Arc<str>>) -> Failure {
        Failure { error: Some(error.into()), cause: Some(cause.into()) }
    }

    /// A failure with a name only.
    pub fn named(error: impl Into<Arc<str>>) -> Failure {
        Failure { error: Some(error.into()), cause: None }
    }

    /// The error name, empty when there is none.
    pub fn name(&self) -> &str {
        self.error.as_deref().unwrap_or("")
    }
}
