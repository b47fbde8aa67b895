//! Values while an expression is evaluated: parts of the state's data are borrowed, not copied.

use std::rc::Rc;
use std::sync::Arc;

use stepwell_value::{Number, Value};

/// The evaluation gave up: the engine has to do it.
#[derive(Clone, Copy, Debug)]
pub(super) struct GaveUp;

/// A value, or none.
#[derive(Clone, Debug)]
pub(super) enum Got<'s> {
    /// JSONata's undefined.
    Undefined,
    /// A part of what came from outside.
    Part(&'s Value),
    /// A value that was made.
    Made(Value),
    /// A finite number that was made.
    Number(f64),
    /// A truth value that was made.
    Bool(bool),
    /// An array that was made.
    List(Rc<Vec<Got<'s>>>),
}

impl<'s> Got<'s> {
    /// A part, when there is one.
    pub(super) fn part(value: Option<&'s Value>) -> Got<'s> {
        value.map_or(Got::Undefined, Got::Part)
    }

    /// An array.
    pub(super) fn list(items: Vec<Got<'s>>) -> Got<'s> {
        Got::List(Rc::new(items))
    }

    /// A sequence: none of its items is undefined, one of them its item, more of them an array.
    pub(super) fn sequence(mut items: Vec<Got<'s>>) -> Got<'s> {
        match items.len() {
            0 => Got::Undefined,
            1 => items.pop().unwrap_or(Got::Undefined),
            _ => Got::list(items),
        }
    }

    /// A text.
    pub(super) fn text(text: impl Into<Arc<str>>) -> Got<'s> {
        Got::Made(Value::String(text.into()))
    }

    /// A number; gives up when it is not finite.
    pub(super) fn number(number: f64) -> Result<Got<'s>, GaveUp> {
        if number.is_finite() { Ok(Got::Number(number)) } else { Err(GaveUp) }
    }

    /// The value, when it is one that is kept as such.
    fn value(&self) -> Option<&Value> {
        match self {
            Got::Part(value) => Some(value),
            Got::Made(value) => Some(value),
            Got::Undefined | Got::Number(_) | Got::Bool(_) | Got::List(_) => None,
        }
    }

    pub(super) fn is_undefined(&self) -> bool {
        matches!(self, Got::Undefined)
    }

    /// The number, when it is one.
    pub(super) fn as_number(&self) -> Option<f64> {
        match self {
            Got::Number(number) => Some(*number),
            _ => self.value().and_then(Value::as_number).map(Number::as_f64).filter(|number| number.is_finite()),
        }
    }

    /// The text, when it is one.
    pub(super) fn as_text(&self) -> Option<&Arc<str>> {
        match self.value() {
            Some(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// The truth value, when it is one.
    pub(super) fn as_bool(&self) -> Option<bool> {
        match self {
            Got::Bool(truth) => Some(*truth),
            _ => self.value().and_then(Value::as_bool),
        }
    }

    pub(super) fn is_null(&self) -> bool {
        self.value().is_some_and(Value::is_null)
    }

    /// How many items the array has, when it is one.
    pub(super) fn len(&self) -> Option<usize> {
        match self {
            Got::List(items) => Some(items.len()),
            _ => self.value().and_then(Value::as_array).map(|items| items.len()),
        }
    }

    pub(super) fn is_array(&self) -> bool {
        self.len().is_some()
    }

    /// An item of an array; undefined when there is none.
    pub(super) fn item(&self, index: usize) -> Got<'s> {
        match self {
            Got::List(items) => items.get(index).cloned().unwrap_or(Got::Undefined),
            Got::Part(Value::Array(items)) => Got::part(items.get(index)),
            Got::Made(Value::Array(items)) => items.get(index).cloned().map_or(Got::Undefined, Got::Made),
            _ => Got::Undefined,
        }
    }

    /// The items of an array; any other value is one item, undefined none.
    pub(super) fn items(&self) -> Vec<Got<'s>> {
        match (self.len(), self) {
            (Some(length), _) => (0..length).map(|index| self.item(index)).collect(),
            (None, Got::Undefined) => Vec::new(),
            (None, one) => vec![one.clone()],
        }
    }

    /// The member of an object; undefined for any other value.
    pub(super) fn member(&self, name: &str) -> Got<'s> {
        match self {
            Got::Part(value) => Got::part(value.get(name)),
            Got::Made(value) => value.get(name).cloned().map_or(Got::Undefined, Got::Made),
            _ => Got::Undefined,
        }
    }

    /// The object's members, when it is one.
    pub(super) fn as_object(&self) -> Option<&stepwell_value::Map> {
        self.value().and_then(Value::as_object).map(|map| &**map)
    }

    /// What JSONata takes a value for where it needs a truth value.
    pub(super) fn truth(&self) -> bool {
        match self {
            Got::Undefined => false,
            Got::Bool(truth) => *truth,
            Got::Number(number) => *number != 0.0,
            Got::List(items) => items.iter().any(Got::truth),
            Got::Part(value) => truth(value),
            Got::Made(value) => truth(value),
        }
    }

    /// The value as ours; `None` is undefined.
    pub(super) fn into_value(self) -> Option<Value> {
        match self {
            Got::Undefined => None,
            Got::Part(value) => Some(value.clone()),
            Got::Made(value) => Some(value),
            Got::Number(number) => Number::from_f64(number).map(Value::Number),
            Got::Bool(truth) => Some(Value::Bool(truth)),
            Got::List(items) => {
                let value = |item: &Got<'s>| item.clone().into_value().unwrap_or(Value::Null);
                Some(Value::Array(Arc::new(items.iter().map(value).collect())))
            }
        }
    }
}

fn truth(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(truth) => *truth,
        Value::Number(number) => number.as_f64() != 0.0,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => items.iter().any(truth),
        Value::Object(members) => !members.is_empty(),
    }
}
