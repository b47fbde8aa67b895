//! What an SDK adds to the answer of a call, and how it words errors; shared by all integrations.

use stepwell_value::{Number, Value};

/// `SdkHttpMetadata` and `SdkResponseMetadata` of an answer with these headers, in order.
pub(crate) fn metadata(status: u16, request_id: &str, headers: &[(String, String)]) -> [(&'static str, Value); 2] {
    let all = headers.iter().map(|(name, value)| (name.as_str(), Value::array([Value::from(value.as_str())])));
    let mut sorted: Vec<&(String, String)> = headers.iter().collect();
    sorted.sort_by_key(|(name, _)| name.to_lowercase());
    let single = sorted.iter().map(|(name, value)| (name.as_str(), Value::from(value.as_str())));
    let http = Value::object([
        ("AllHttpHeaders", Value::object(all)),
        ("HttpHeaders", Value::object(single)),
        ("HttpStatusCode", Value::Number(Number::Int(i64::from(status)))),
    ]);
    [("SdkHttpMetadata", http), ("SdkResponseMetadata", Value::object([("RequestId", Value::from(request_id))]))]
}

/// `camelCase` → `PascalCase`, for the members of an answer, at any depth of objects and arrays.
pub(crate) fn pascal_members(value: &Value) -> Value {
    convert(value, &|key| change_first(key, char::to_ascii_uppercase))
}

/// `PascalCase` → `camelCase`, for the parameters of a call.
pub(crate) fn camel_members(value: &Value) -> Value {
    convert(value, &|key| change_first(key, char::to_ascii_lowercase))
}

fn change_first(key: &str, change: impl Fn(&char) -> char) -> String {
    let mut letters = key.chars();
    match letters.next() {
        Some(first) => std::iter::once(change(&first)).chain(letters).collect(),
        None => String::new(),
    }
}

fn convert(value: &Value, name: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::Object(map) => Value::object(map.iter().map(|(key, member)| (name(key), convert(member, name)))),
        Value::Array(items) => Value::array(items.iter().map(|item| convert(item, name))),
        other => other.clone(),
    }
}
