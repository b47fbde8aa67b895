//! The functions that may end a path: `$.items.length()`.

use std::borrow::Cow;

use stepwell_value::{Number, Value};

use super::Steps;
use super::select::{Miss, Walk};
use crate::java;

/// A function at the end of a path.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) function: Function,
    pub(super) params: Vec<Param>,
}

/// An argument of a function.
#[derive(Clone, Debug)]
pub(super) enum Param {
    /// `$…`
    FromRoot(Steps),
    /// `@…`: from where the path of the function starts.
    FromNode(Steps),
    /// A literal.
    Literal(Value),
}

/// Which function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Length,
    Min,
    Max,
    Avg,
    Sum,
    Stddev,
    Keys,
    Concat,
    Append,
    First,
    Last,
    Index,
}

/// Every name a function goes by.
const NAMES: &[(&str, Function)] = &[
    ("length", Function::Length),
    ("size", Function::Length),
    ("min", Function::Min),
    ("max", Function::Max),
    ("avg", Function::Avg),
    ("sum", Function::Sum),
    ("stddev", Function::Stddev),
    ("keys", Function::Keys),
    ("concat", Function::Concat),
    ("append", Function::Append),
    ("first", Function::First),
    ("last", Function::Last),
    ("index", Function::Index),
];

const EMPTY: &str = "Aggregation function attempted to calculate value using empty array";

impl Function {
    pub(super) fn named(name: &str) -> Option<Function> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, function)| *function)
    }

    pub(super) fn names() -> String {
        NAMES.iter().map(|(name, _)| format!("{name}()")).collect::<Vec<_>>().join(", ")
    }
}

impl Call {
    /// Applies the function to what the steps before it selected.
    pub(super) fn run(&self, walk: &Walk<'_>, start: &Value, found: Cow<'_, Value>) -> Result<Value, Miss> {
        let mut params = Vec::with_capacity(self.params.len());
        for param in &self.params {
            params.push(match param {
                Param::FromRoot(steps) => walk.select(steps, walk.root())?.into_owned(),
                Param::FromNode(steps) => walk.select(steps, start)?.into_owned(),
                Param::Literal(value) => value.clone(),
            });
        }
        self.function.apply(found.into_owned(), &params).map_err(Miss::Invalid)
    }
}

impl Function {
    fn apply(self, subject: Value, params: &[Value]) -> Result<Value, String> {
        match self {
            Function::Length => Ok(length(params.first().unwrap_or(&subject))),
            Function::Keys => Ok(keys(&subject)),
            Function::Concat => Ok(concat(&subject, params)),
            Function::Append => Ok(append(subject, params)),
            Function::First => at(&subject, 0),
            Function::Last => at(&subject, -1),
            Function::Index => match params.first().and_then(Value::as_i64) {
                Some(index) => at(&subject, index),
                None => Err("index() takes a whole number".to_owned()),
            },
            Function::Min | Function::Max | Function::Avg | Function::Sum | Function::Stddev => {
                self.aggregate(&numbers(&subject, params))
            }
        }
    }

    /// Aggregates are floats, also of integers: `6.0`.
    fn aggregate(self, numbers: &[f64]) -> Result<Value, String> {
        if numbers.is_empty() {
            return Err(EMPTY.to_owned());
        }
        let count = numbers.len() as f64;
        let sum: f64 = numbers.iter().sum();
        let result = match self {
            Function::Min => numbers.iter().copied().fold(f64::INFINITY, f64::min),
            Function::Max => numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Function::Avg => sum / count,
            Function::Stddev => {
                let squares: f64 = numbers.iter().map(|number| number * number).sum();
                (squares / count - sum * sum / count / count).max(0.0).sqrt()
            }
            _ => sum,
        };
        if result.is_finite() {
            Ok(Value::Number(Number::Float(result)))
        } else {
            Err("the result is no number".to_owned())
        }
    }
}

fn length(of: &Value) -> Value {
    let length = match of {
        Value::Array(items) => items.len(),
        Value::Object(members) => members.len(),
        _ => return Value::Null,
    };
    i64::try_from(length).map_or(Value::Null, Value::from)
}

fn keys(of: &Value) -> Value {
    match of {
        Value::Object(members) => Value::array(members.keys().map(|key| Value::String(key.clone()))),
        _ => Value::Null,
    }
}

fn concat(subject: &Value, params: &[Value]) -> Value {
    let mut out = String::new();
    for value in std::iter::once(subject).filter(|value| value.as_array().is_some()).chain(params) {
        match value {
            Value::Array(items) => {
                items.iter().filter(|item| item.as_str().is_some()).for_each(|item| out.push_str(&java::to_text(item)));
            }
            value => out.push_str(&java::to_text(value)),
        }
    }
    Value::from(out)
}

fn append(subject: Value, params: &[Value]) -> Value {
    match &subject {
        Value::Array(items) => Value::array(items.iter().chain(params).cloned()),
        _ => subject,
    }
}

fn at(subject: &Value, index: i64) -> Result<Value, String> {
    let items = subject.as_array().filter(|items| !items.is_empty()).ok_or(EMPTY)?;
    let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let place = if index < 0 { length.saturating_add(index) } else { index };
    let found = usize::try_from(place).ok().and_then(|place| items.get(place));
    found.cloned().ok_or_else(|| format!("Target index:{index} larger than object count:{length}"))
}

/// The numbers of the subject, when it is an array, and of the arguments.
fn numbers(subject: &Value, params: &[Value]) -> Vec<f64> {
    let mut out = Vec::new();
    for value in std::iter::once(subject).filter(|value| value.as_array().is_some()).chain(params) {
        match value {
            Value::Array(items) => out.extend(items.iter().filter_map(Value::as_number).map(Number::as_f64)),
            value => out.extend(value.as_number().map(Number::as_f64)),
        }
    }
    out
}
