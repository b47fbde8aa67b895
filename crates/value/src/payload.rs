//! JSON text and its value, each made from the other at most once.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::{JsonError, Value, json};

/// The data that flows between states: JSON text, its parsed value, or both.
///
/// AWS passes a text on as it was written until a state changes it (`["Hello", "World"]` keeps its blank; recorded case
/// `test_parallel_state_nested`), so the text is kept; it is parsed only when a state looks inside, and made from the
/// value only when somebody reads it. Cloning copies a pointer.
#[derive(Clone)]
pub struct Payload(Arc<Inner>);

struct Inner {
    text: OnceLock<Arc<str>>,
    value: OnceLock<Value>,
    is_too_deep: OnceLock<bool>,
}

impl Payload {
    fn new(text: OnceLock<Arc<str>>, value: OnceLock<Value>, is_too_deep: OnceLock<bool>) -> Payload {
        Payload(Arc::new(Inner { text, value, is_too_deep }))
    }

    /// Checks a text and keeps its spelling.
    ///
    /// # Errors
    /// When the text is not JSON.
    pub fn from_text(text: impl Into<Arc<str>>) -> Result<Payload, JsonError> {
        let text = text.into();
        let value = Value::parse(&text)?;
        Ok(Payload::new(OnceLock::from(text), OnceLock::from(value), OnceLock::from(false)))
    }

    /// Takes a text that was checked before (out of our own store). It is parsed when first looked into; should it not be
    /// JSON after all, its value is `null`.
    pub fn from_checked_text(text: impl Into<Arc<str>>) -> Payload {
        Payload::new(OnceLock::from(text.into()), OnceLock::new(), OnceLock::new())
    }

    /// Takes a value; its text will be the canonical one.
    pub fn from_value(value: Value) -> Payload {
        Payload::new(OnceLock::new(), OnceLock::from(value), OnceLock::new())
    }

    /// The parsed value.
    pub fn value(&self) -> &Value {
        self.0.value.get_or_init(|| self.0.text.get().and_then(|text| json::parse_own(text).ok()).unwrap_or_default())
    }

    /// The text: the one it came with, or the canonical one.
    pub fn text(&self) -> &Arc<str> {
        self.0.text.get_or_init(|| {
            let value = self.0.value.get();
            Arc::from(value.map(Value::to_json).unwrap_or_else(|| "null".to_owned()))
        })
    }

    /// The size of the text in UTF-8 bytes.
    pub fn size_bytes(&self) -> usize {
        self.text().len()
    }

    /// Whether it is nested deeper than JSON may be ([`json::DEPTH_MAX`]): what templates make may be, and then its text could
    /// not be read again.
    pub fn is_too_deep(&self) -> bool {
        *self.0.is_too_deep.get_or_init(|| match (self.0.text.get(), self.0.value.get()) {
            (Some(text), _) => json::is_deeper(text, json::DEPTH_MAX),
            (None, value) => value.is_some_and(|value| value.is_deeper(json::DEPTH_MAX)),
        })
    }

    /// Whether both are one and the same copy.
    pub fn is_same(&self, other: &Payload) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl From<Value> for Payload {
    fn from(value: Value) -> Payload {
        Payload::from_value(value)
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.text())
    }
}

impl PartialEq for Payload {
    /// Payloads are equal when their texts are.
    fn eq(&self, other: &Payload) -> bool {
        self.is_same(other) || self.text() == other.text()
    }
}

impl Default for Payload {
    /// The payload `{}`.
    fn default() -> Payload {
        Payload::from_checked_text("{}")
    }
}

#[cfg(test)]
mod tests {
    use super::Payload;

    #[test]
    fn the_spelling_is_kept_and_a_value_prints_canonically() {
        let kept = Payload::from_text("[\"Hello\", 1.0]").map(|payload| payload.text().to_string());
        assert_eq!(kept.as_deref(), Ok("[\"Hello\", 1.0]"));
        let made =
            Payload::from_text("[ 1 ]").map(|payload| Payload::from_value(payload.value().clone()).text().to_string());
        assert_eq!(made.as_deref(), Ok("[1]"));
    }

    #[test]
    fn what_is_nested_too_deep_is_noticed() {
        let nested = |levels: usize| format!("{}\"[[\\\"[[\"{}", "[".repeat(levels), "]".repeat(levels));
        for (levels, is_too_deep) in [(1, false), (1000, false), (1001, true)] {
            let text = Payload::from_checked_text(nested(levels));
            assert_eq!(text.is_too_deep(), is_too_deep, "text, {levels}");
            let value = Payload::from_value(text.value().clone());
            assert_eq!(value.is_too_deep(), is_too_deep, "value, {levels}");
            assert_eq!(value.text(), text.text(), "our own text is read");
            assert_eq!(Payload::from_text(nested(levels)).is_err(), is_too_deep, "the text of others, {levels}");
        }
    }
}
