//! Values across the border: ours are shared between threads, the engine's are not.

use std::rc::Rc;
use std::sync::Arc;

use jsonata_core::value::{JMap, JValue, with_stack};
use stepwell_value::{Number, Value};

use super::limits::Limits;
use super::reads::Reads;

/// The engine's form of the parts of a value that an expression reads.
pub(super) fn to_engine(value: &Value, reads: &Reads) -> JValue {
    if reads.whole {
        return whole_to_engine(value);
    }
    match value {
        Value::Object(map) => {
            let mut members = JMap::default();
            members.reserve(reads.members.len());
            for (name, inner) in &reads.members {
                if let Some(member) = map.get(name) {
                    members.insert(name.to_string(), with_stack(|| to_engine(member, inner)));
                }
            }
            JValue::Object(Rc::new(members))
        }
        // A name applied to an array is applied to each of its items.
        Value::Array(items) => JValue::array(items.iter().map(|item| with_stack(|| to_engine(item, reads))).collect()),
        _ => whole_to_engine(value),
    }
}

fn whole_to_engine(value: &Value) -> JValue {
    match value {
        Value::Null => JValue::Null,
        Value::Bool(truth) => JValue::Bool(*truth),
        Value::Number(number) => JValue::Number(number.as_f64()),
        Value::String(text) => JValue::String(Rc::from(&**text)),
        Value::Array(items) => {
            let flat = !items.iter().any(|item| matches!(item, Value::Array(_)));
            let items = with_stack(|| items.iter().map(whole_to_engine).collect());
            JValue::Array(jsonata_core::value::JArray::new_flat(items, flat))
        }
        Value::Object(map) => with_stack(|| {
            let members = map.iter().map(|(name, member)| (name.to_string(), whole_to_engine(member)));
            JValue::Object(Rc::new(members.collect::<JMap>()))
        }),
    }
}

/// Why a result of the engine is no JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoJson {
    /// It is, or holds, a function or a regular expression.
    Function,
    /// It is larger than the limit on results, or nested deeper than JSON text may be.
    TooLarge,
}

/// Our form of a result. `None` is undefined.
///
/// # Errors
/// When the result is no JSON value, or too large. A result may share its parts many times over, so that a small one in
/// memory is a huge one as text: the limit counts the text.
pub(super) fn from_engine(value: &JValue, limits: &Limits) -> Result<Option<Value>, NoJson> {
    let mut border = Border { bytes_left: limits.result_bytes_max, depth_left: stepwell_value::json::DEPTH_MAX };
    border.value(value)
}

struct Border {
    bytes_left: usize,
    depth_left: usize,
}

impl Border {
    fn spend(&mut self, bytes: usize) -> Result<(), NoJson> {
        self.bytes_left = self.bytes_left.checked_sub(bytes).ok_or(NoJson::TooLarge)?;
        Ok(())
    }

    fn value(&mut self, value: &JValue) -> Result<Option<Value>, NoJson> {
        let made = match value {
            JValue::Undefined => return Ok(None),
            JValue::Null => Value::Null,
            JValue::Bool(truth) => Value::Bool(*truth),
            JValue::Number(float) => number(*float),
            JValue::String(text) => {
                self.spend(text.len())?;
                Value::String(Arc::from(&**text))
            }
            JValue::Array(items) => return self.nested(|border| border.array(items)).map(Some),
            JValue::Object(map) => return self.nested(|border| border.object(map)).map(Some),
            JValue::Lambda(_) | JValue::Builtin { .. } | JValue::Regex { .. } => return Err(NoJson::Function),
        };
        self.spend(1)?;
        Ok(Some(made))
    }

    fn nested(&mut self, make: impl FnOnce(&mut Border) -> Result<Value, NoJson>) -> Result<Value, NoJson> {
        self.depth_left = self.depth_left.checked_sub(1).ok_or(NoJson::TooLarge)?;
        self.spend(2)?;
        let made = with_stack(|| make(self));
        self.depth_left += 1;
        made
    }

    fn array(&mut self, items: &[JValue]) -> Result<Value, NoJson> {
        let mut made = Vec::with_capacity(items.len().min(self.bytes_left));
        for item in items {
            made.push(self.value(item)?.unwrap_or(Value::Null)); // as JSON.stringify writes it
        }
        Ok(Value::Array(Arc::new(made)))
    }

    fn object(&mut self, members: &JMap) -> Result<Value, NoJson> {
        let mut made = stepwell_value::Map::with_capacity(members.len().min(self.bytes_left));
        for (name, member) in members {
            self.spend(name.len() + 3)?;
            if let Some(member) = self.value(member)? {
                made.insert(Arc::from(name.as_str()), member);
            }
        }
        Ok(Value::Object(Arc::new(made)))
    }
}

/// A number as JSON; what JSON cannot spell becomes the text that AWS answers (`1/0` gives `"Infinity"`).
fn number(float: f64) -> Value {
    match Number::from_f64(float) {
        Some(number) => Value::Number(number),
        None if float.is_nan() => Value::from("NaN"),
        None if float > 0.0 => Value::from("Infinity"),
        None => Value::from("-Infinity"),
    }
}
