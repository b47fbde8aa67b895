//! States.StringToJson, States.JsonToString and States.JsonMerge.

use std::sync::Arc;

use stepwell_value::{Map, Number, Value};

use super::Arguments;

/// States.StringToJson(text). A text without content is `null`, and `-0` is `0` (recorded: test_string_to_json).
pub(super) fn parse(arguments: &Arguments<'_>) -> Result<Value, String> {
    let text = arguments.text(0)?;
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    match Value::parse(text).map_err(|error| format!("the text is not JSON: {error}"))? {
        Value::Number(Number::Literal(literal)) if &*literal == "-0" => Ok(Value::from(0)),
        value => Ok(value),
    }
}

/// States.JsonToString(value): JSON without blanks. Recorded: test_json_to_string.
pub(super) fn print(arguments: &Arguments<'_>) -> Result<Value, String> {
    Ok(Value::from(arguments.get(0).to_json()))
}

/// States.JsonMerge(first, second, false): the members of both; of equal names the second object's. Recorded:
/// test_json_merge.
pub(super) fn merge(arguments: &Arguments<'_>) -> Result<Value, String> {
    let object = |place| arguments.get(place).as_object().ok_or_else(|| arguments.wrong(place, "an object"));
    let (first, second) = (object(0)?, object(1)?);
    match arguments.get(2) {
        Value::Bool(false) => {}
        Value::Bool(true) => return Err("argument 3 must be false: only shallow merging is supported".to_owned()),
        _ => return Err(arguments.wrong(2, "false")),
    }
    let mut members = Map::clone(first);
    members.extend(second.iter().map(|(key, value)| (Arc::clone(key), value.clone())));
    Ok(Value::Object(Arc::new(members)))
}
