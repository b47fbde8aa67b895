//! Payload templates: JSON whose leaves may be expressions.

use std::sync::Arc;

use stepwell_value::json::{Node, Span, Spanned};
use stepwell_value::{Map, Value};

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
        if text.starts_with("States.") {
            return Intrinsic::parse(text).map(Expression::Intrinsic).map_err(|error| error.message);
        }
        if text.starts_with('$') {
            return JsonPath::parse(text).map(Expression::Path).map_err(|error| error.message);
        }
        Err(format!("`{text}` is neither a path, which begins with `$`, nor a call, which begins with `States.`"))
    }

    /// The text as written.
    pub fn text(&self) -> &Arc<str> {
        match self {
            Expression::Path(path) => path.text(),
            Expression::Intrinsic(call) => call.text(),
        }
    }

    /// Calls `visit` with every path in the expression, in the order they are written.
    pub fn for_each_path(&self, visit: &mut dyn FnMut(&JsonPath)) {
        match self {
            Expression::Path(path) => visit(path),
            Expression::Intrinsic(call) => call.for_each_path(visit),
        }
    }

    /// Evaluates.
    ///
    /// # Errors
    /// See [`JsonPath::select`] and [`Intrinsic::call`]; `field` is put into the error.
    pub fn eval(&self, field: &Arc<str>, scope: &dyn Scope) -> Result<Value, EvalError> {
        match self {
            Expression::Path(path) => {
                path.select(scope).map_err(|missing| EvalError::Path { field: Arc::clone(field), missing })
            }
            Expression::Intrinsic(call) => call.call(scope).map_err(|error| error.in_field(field)),
        }
    }
}

impl EvalError {
    /// The same error, named after this field.
    #[must_use]
    pub fn in_field(mut self, name: &Arc<str>) -> EvalError {
        match &mut self {
            EvalError::Path { field, .. }
            | EvalError::Intrinsic { field, .. }
            | EvalError::Jsonata { field, .. }
            | EvalError::Undefined { field, .. }
            | EvalError::UnsupportedResult { field, .. } => *field = Arc::clone(name),
        }
        self
    }
}

/// The text between `{%` and `%}`, when the string is an expression of JSONata. Blanks around the delimiters make it an
/// ordinary string.
pub fn jsonata_inner(text: &str) -> Option<&str> {
    text.strip_prefix("{%")?.strip_suffix("%}")
}

impl Template {
    /// Compiles a JSONPath template: members whose name ends in `.$` are expressions.
    ///
    /// # Errors
    /// All leaves that cannot be compiled.
    pub fn compile_jsonpath(source: &Spanned) -> Result<Template, Vec<TemplateError>> {
        compile(&JsonPathLeaves, source)
    }

    /// Compiles a JSONata template: strings `{% … %}` are expressions. `field` names the ASL field (`Arguments`), for messages.
    ///
    /// # Errors
    /// All leaves that cannot be compiled.
    pub fn compile_jsonata(field: &str, source: &Spanned) -> Result<Template, Vec<TemplateError>> {
        compile(&JsonataLeaves { field }, source)
    }

    /// Evaluates the whole template.
    ///
    /// # Errors
    /// The first leaf that fails.
    pub fn eval(&self, scope: &dyn Scope) -> Result<Value, EvalError> {
        match self {
            Template::Literal(value) => Ok(value.clone()),
            Template::Object(members) => {
                let mut out = Map::with_capacity(members.len());
                for (name, member) in members {
                    out.insert(Arc::clone(name), member.eval(scope)?);
                }
                Ok(Value::Object(Arc::new(out)))
            }
            Template::Array(items) => {
                let items: Result<Vec<Value>, EvalError> = items.iter().map(|item| item.eval(scope)).collect();
                items.map(|items| Value::Array(Arc::new(items)))
            }
            Template::Path { field, expression } => expression.eval(field, scope),
            Template::Jsonata { field, expression } => match expression.eval(scope) {
                Ok(Some(value)) => Ok(value),
                Ok(None) => {
                    let (field, expression) = (Arc::clone(field), Arc::clone(expression.text()));
                    Err(EvalError::Undefined { field, expression })
                }
                Err(error) => Err(error.in_field(field)),
            },
        }
    }

    /// Calls `visit` with the name of every workflow variable that the template reads, in source order, repetitions
    /// included; `states` too, when a JSONata expression reads it.
    pub fn for_each_variable(&self, visit: &mut dyn FnMut(&Arc<str>)) {
        match self {
            Template::Literal(_) => {}
            Template::Object(members) => members.iter().for_each(|(_, member)| member.for_each_variable(visit)),
            Template::Array(items) => items.iter().for_each(|item| item.for_each_variable(visit)),
            Template::Path { expression, .. } => expression.for_each_path(&mut |path| {
                if let Some(name) = path.variable() {
                    visit(name);
                }
            }),
            Template::Jsonata { expression, .. } => expression.free_variables().iter().for_each(visit),
        }
    }
}

/// What makes an expression of a leaf, in one of the two languages.
trait Leaves {
    /// Compiles a member by its name: the name in the result, and the expression; `None` for an ordinary member.
    fn member(
        &self,
        name: &str,
        value: &Spanned,
        place: &Place<'_>,
    ) -> Option<Result<(Arc<str>, Template), TemplateError>>;

    /// Compiles a scalar; `None` for an ordinary one.
    fn scalar(&self, value: &Value, span: Span, place: &Place<'_>) -> Option<Result<Template, TemplateError>>;
}

struct JsonPathLeaves;

struct JsonataLeaves<'f> {
    field: &'f str,
}

/// Where the compiler stands in the template.
enum Place<'p> {
    Root,
    Member(&'p Place<'p>, &'p str),
    Item(&'p Place<'p>, usize),
}

impl Place<'_> {
    /// The names and indexes from the root: `/a/b[0]`.
    fn location(&self) -> String {
        match self {
            Place::Root => String::new(),
            Place::Member(container, name) => format!("{}/{name}", container.location()),
            Place::Item(container, index) => format!("{}[{index}]", container.location()),
        }
    }

    /// The location of the array or object this stands in.
    fn container(&self) -> String {
        match self {
            Place::Root => String::new(),
            Place::Member(container, _) | Place::Item(container, _) => container.location(),
        }
    }
}

impl Leaves for JsonPathLeaves {
    fn member(
        &self,
        name: &str,
        value: &Spanned,
        place: &Place<'_>,
    ) -> Option<Result<(Arc<str>, Template), TemplateError>> {
        let plain = name.strip_suffix(".$")?;
        let fault =
            |fault| Err(TemplateError { field: name.to_owned(), location: place.location(), span: value.span, fault });
        Some(match value.as_str() {
            None => fault(Fault::NotAString),
            Some(text) => match Expression::parse(text) {
                Ok(expression) => Ok((Arc::from(plain), Template::Path { field: Arc::from(name), expression })),
                Err(reason) => fault(Fault::NotAnExpression(reason)),
            },
        })
    }

    fn scalar(&self, _: &Value, _: Span, _: &Place<'_>) -> Option<Result<Template, TemplateError>> {
        None
    }
}

impl Leaves for JsonataLeaves<'_> {
    fn member(&self, _: &str, _: &Spanned, _: &Place<'_>) -> Option<Result<(Arc<str>, Template), TemplateError>> {
        None
    }

    fn scalar(&self, value: &Value, span: Span, place: &Place<'_>) -> Option<Result<Template, TemplateError>> {
        let inner = jsonata_inner(value.as_str()?)?;
        let within = place.location();
        Some(match Jsonata::parse(inner) {
            Ok(expression) => Ok(Template::Jsonata { field: Arc::from(format!("{}{within}", self.field)), expression }),
            Err(error) => Err(TemplateError {
                field: within.strip_prefix('/').unwrap_or(&within).to_owned(),
                location: place.container(),
                span,
                fault: Fault::Jsonata(error),
            }),
        })
    }
}

fn compile(leaves: &dyn Leaves, source: &Spanned) -> Result<Template, Vec<TemplateError>> {
    let mut errors = Vec::new();
    let template = compile_node(leaves, source, &Place::Root, &mut errors);
    if errors.is_empty() { Ok(template) } else { Err(errors) }
}

/// As deep as the reader of JSON allows. A leaf that fails leaves an error and a `null`.
fn compile_node(leaves: &dyn Leaves, source: &Spanned, place: &Place<'_>, errors: &mut Vec<TemplateError>) -> Template {
    match &source.node {
        Node::Scalar(value) => match leaves.scalar(value, source.span, place) {
            None => Template::Literal(value.clone()),
            Some(Ok(template)) => template,
            Some(Err(error)) => failed(error, errors),
        },
        Node::Array(items) => {
            let items = items.iter().enumerate();
            array(items.map(|(index, item)| compile_node(leaves, item, &Place::Item(place, index), errors)).collect())
        }
        Node::Object(members) => {
            let member = |(key, _, value): &(Arc<str>, Span, Spanned)| match leaves.member(key, value, place) {
                None => (Arc::clone(key), compile_node(leaves, value, &Place::Member(place, key), errors)),
                Some(Ok(compiled)) => compiled,
                Some(Err(error)) => (Arc::clone(key), failed(error, errors)),
            };
            object(members.iter().map(member).collect())
        }
    }
}

fn failed(error: TemplateError, errors: &mut Vec<TemplateError>) -> Template {
    errors.push(error);
    Template::Literal(Value::Null)
}

/// One literal when all items are literals.
fn array(items: Vec<Template>) -> Template {
    match items.iter().map(Template::as_literal).collect::<Option<Vec<Value>>>() {
        Some(values) => Template::Literal(Value::Array(Arc::new(values))),
        None => Template::Array(items),
    }
}

/// One literal when all members are literals.
fn object(members: Vec<(Arc<str>, Template)>) -> Template {
    let literals = members.iter().map(|(name, member)| Some((Arc::clone(name), member.as_literal()?)));
    match literals.collect::<Option<Map>>() {
        Some(values) => Template::Literal(Value::Object(Arc::new(values))),
        None => Template::Object(members),
    }
}

impl Template {
    fn as_literal(&self) -> Option<Value> {
        match self {
            Template::Literal(value) => Some(value.clone()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
