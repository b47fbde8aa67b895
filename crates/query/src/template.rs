//! Payload templates: JSON whose leaves may be expressions.

use std::sync::Arc;

use stepwell_value::Value;
use stepwell_value::json::{Span, Spanned};

use crate::path::NoResult;
use crate::{Intrinsic, JsonPath, Jsonata, Scope};

/// A leaf of a JSONPath template: a path or a call of an intrinsic function.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// `$…`
    Path(JsonPath),
    /// `States.…`
    Intrinsic(Intrinsic),
}

/// A compiled payload template.
#[derive(Clone, Debug, PartialEq)]
pub enum Template {
    /// JSON without expressions.
    Literal(Value),
    /// An object with an expression somewhere inside.
    Object(Vec<(Arc<str>, Template)>),
    /// An array with an expression somewhere inside.
    Array(Vec<Template>),
    /// JSONPath: the value of a `name.$` member.
    Path {
        /// The member as AWS quotes it in messages: `value.$`.
        field: Arc<str>,
        /// What is evaluated.
        expression: Expression,
    },
    /// JSONata: a string `{% … %}`.
    Jsonata {
        /// The place as AWS quotes it in messages: `Output/result`, `Arguments/Items[0]`.
        field: Arc<str>,
        /// What is evaluated.
        expression: Jsonata,
    },
}

/// A leaf that cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// The member as written, `parsed.$` (JSONPath), or the place within the field, `a/b[0]` (JSONata).
    pub field: String,
    /// The names of the objects and indexes from the template's root down to the member's container, as in a location: `/a/b[0]`; empty at the root.
    pub location: String,
    /// Where the leaf stands in the source.
    pub span: Span,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with a leaf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The value of a `.$` member is no string.
    NotAString,
    /// The value of a `.$` member is neither a path nor a call of an intrinsic function.
    NotAnExpression(String),
    /// The text between `{%` and `%}` is no expression of the profile.
    Jsonata(crate::jsonata::JsonataSyntaxError),
}

/// Why an evaluation failed.
#[derive(Clone, Debug, PartialEq)]
pub enum EvalError {
    /// A path led nowhere.
    Path {
        /// The member or field that held the path: `value.$`, `InputPath`; empty when not known.
        field: Arc<str>,
        /// Which path, and why.
        missing: NoResult,
    },
    /// An intrinsic function refused its arguments.
    Intrinsic {
        /// The member that held the call.
        field: Arc<str>,
        /// The call as written.
        call: Arc<str>,
        /// What is wrong with the arguments.
        reason: String,
    },
    /// A JSONata expression threw an error.
    Jsonata {
        /// The place: `Output/result`.
        field: Arc<str>,
        /// The expression as AWS quotes it.
        expression: Arc<str>,
        /// JSONata's code: `T1006`.
        code: String,
        /// The words of the reference implementation.
        message: String,
    },
    /// A JSONata expression gave nothing where a value is needed.
    Undefined {
        /// The place: `Output/result`.
        field: Arc<str>,
        /// The expression as AWS quotes it.
        expression: Arc<str>,
    },
    /// A JSONata expression gave a function, or something else that is no JSON.
    UnsupportedResult {
        /// The place: `Output/result`.
        field: Arc<str>,
        /// The expression as AWS quotes it.
        expression: Arc<str>,
    },
}

impl Expression {
    /// Parses a path (`$…`) or a call (`States.…`).
    ///
    /// # Errors
    /// A sentence that says why it is neither.
    pub fn parse(text: &str) -> Result<Expression, String> {
        JsonPath::parse(text).map(Expression::Path).map_err(|error| error.message)
    }

    /// Evaluates.
    ///
    /// # Errors
    /// See [`JsonPath::select`] and [`Intrinsic::call`]; `field` is put into the error.
    pub fn eval(&self, field: &Arc<str>, scope: &dyn Scope) -> Result<Value, EvalError> {
        let _ = (field, scope);
        Ok(Value::Null)
    }
}

impl Template {
    /// Compiles a JSONPath template: members whose name ends in `.$` are expressions.
    ///
    /// # Errors
    /// All leaves that cannot be compiled.
    pub fn compile_jsonpath(source: &Spanned) -> Result<Template, Vec<TemplateError>> {
        Ok(Template::Literal(source.to_value()))
    }

    /// Compiles a JSONata template: strings `{% … %}` are expressions. `field` names the ASL field (`Arguments`), for messages.
    ///
    /// # Errors
    /// All leaves that cannot be compiled.
    pub fn compile_jsonata(field: &str, source: &Spanned) -> Result<Template, Vec<TemplateError>> {
        let _ = field;
        Ok(Template::Literal(source.to_value()))
    }

    /// Evaluates the whole template.
    ///
    /// # Errors
    /// The first leaf that fails.
    pub fn eval(&self, scope: &dyn Scope) -> Result<Value, EvalError> {
        let _ = scope;
        Ok(Value::Null)
    }
}
