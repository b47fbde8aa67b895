//! Building answers.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use stepwell_model::ApiError;
use stepwell_value::{Map, Number, Timestamp, Value};

thread_local! {
    /// Names of members by where they stand in the program: each is made into a shared text once a thread.
    static NAMES: RefCell<BTreeMap<(usize, usize), Arc<str>>> = const { RefCell::new(BTreeMap::new()) };
}

/// The name of a member. Hundreds of structures of an answer share it.
fn name_of(name: &'static str) -> Arc<str> {
    let place = (name.as_ptr().addr(), name.len());
    NAMES.with_borrow_mut(|names| Arc::clone(names.entry(place).or_insert_with(|| Arc::from(name))))
}

/// The members of a structure, in the order they are put.
pub(crate) struct Shape(Map);

impl Shape {
    /// Members most structures have room for.
    const USUAL: usize = 8;

    /// A structure without members.
    pub fn new() -> Shape {
        Shape(Map::with_capacity(Shape::USUAL))
    }

    /// Adds a member.
    pub fn put(&mut self, name: &'static str, value: impl Into<Value>) -> &mut Shape {
        self.0.insert(name_of(name), value.into());
        self
    }

    /// Adds a member where there is a value for it; AWS leaves out what is null.
    pub fn put_some(&mut self, name: &'static str, value: Option<impl Into<Value>>) -> &mut Shape {
        if let Some(value) = value {
            self.put(name, value);
        }
        self
    }

    /// Adds a member with its value.
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Shape {
        self.put(name, value);
        self
    }

    /// Adds a member where there is a value for it.
    pub fn with_some(mut self, name: &'static str, value: Option<impl Into<Value>>) -> Shape {
        self.put_some(name, value);
        self
    }

    /// The structure.
    pub fn build(self) -> Value {
        Value::Object(Arc::new(self.0))
    }
}

impl From<Shape> for Value {
    fn from(shape: Shape) -> Value {
        shape.build()
    }
}

/// A timestamp on the wire: seconds since 1970 with milliseconds as a fraction.
pub(crate) fn date(at: Timestamp) -> Value {
    Number::from_f64(at.0 as f64 / 1000.0).map_or(Value::Null, Value::Number)
}

/// A count on the wire.
pub(crate) fn count(number: u64) -> Value {
    Value::from(i64::try_from(number).unwrap_or(i64::MAX))
}

/// A structure with one truth value: `{"truncated": false}`.
pub(crate) fn flag(name: &'static str, truth: bool) -> Value {
    Value::object([(name, Value::from(truth))])
}

/// A text that is shared.
pub(crate) fn text(text: &Arc<str>) -> Value {
    Value::String(Arc::clone(text))
}

/// A failure of the store as the API answers it; the operator's log has it too. What is damaged is no failure of the server:
/// it is named, and may be restored.
pub(crate) fn store_failure(error: stepwell_store::Error) -> ApiError {
    if let stepwell_store::Error::Damaged { .. } = &error {
        tracing::warn!(%error, "something that is damaged was asked for");
        return ApiError::service_unavailable(format!("{error}; stepwell doctor --verify names all that is damaged"));
    }
    tracing::error!(%error, "the store failed");
    ApiError::internal_failure(format!("the store failed: {error}"))
}

#[cfg(test)]
mod tests {
    use super::date;
    use stepwell_value::Timestamp;

    #[test]
    fn dates() {
        assert_eq!(date(Timestamp(1_795_214_786_123)).to_json(), "1795214786.123");
        assert_eq!(date(Timestamp(1_795_214_786_000)).to_json(), "1795214786");
        assert_eq!(date(Timestamp(1_795_214_786_100)).to_json(), "1795214786.1");
    }
}
