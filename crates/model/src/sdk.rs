//! Requests and answers as an SDK has them: `aws-sdk:sfn:…` speaks of `StartDate`, and gives dates as texts.

use stepwell_value::{Timestamp, Value};

use crate::Operation;
use crate::facts::{Kind, Shape, ShapeId, shape_of};

impl Operation {
    /// A request as the wire has it, of parameters whose members begin with a capital. What is no text where one is due is
    /// sent as its JSON text (recorded for S3: `s3_put_object[dict]`).
    pub fn request_of_sdk(&self, parameters: &Value) -> Value {
        to_wire(self.input.and_then(shape_of), parameters)
    }

    /// An answer as an SDK gives it: members begin with a capital, dates are texts in ISO 8601 (recorded:
    /// test_sfn_start_execution).
    pub fn answer_of_sdk(&self, answer: &Value) -> Value {
        from_wire(self.output.and_then(shape_of), answer)
    }
}

fn to_wire(shape: Option<&Shape>, value: &Value) -> Value {
    match (shape.map(|shape| &shape.kind), value) {
        (Some(Kind::Text(..)), Value::Null | Value::String(_)) => value.clone(),
        (Some(Kind::Text(..)), other) => Value::from(other.to_json()),
        (Some(Kind::Map(inner)), Value::Object(map)) => {
            Value::object(map.iter().map(|(key, value)| (key.clone(), to_wire(shape_of(*inner), value))))
        }
        (_, Value::Object(map)) => {
            let name = |key: &str| change_first(key, char::to_ascii_lowercase);
            Value::object(map.iter().map(|(key, member)| {
                let key = name(key);
                let member = to_wire(member_of(shape, &key), member);
                (key, member)
            }))
        }
        (_, Value::Array(items)) => Value::array(items.iter().map(|item| to_wire(item_of(shape), item))),
        _ => value.clone(),
    }
}

fn from_wire(shape: Option<&Shape>, value: &Value) -> Value {
    match (shape.map(|shape| &shape.kind), value) {
        (Some(Kind::Timestamp), Value::Number(seconds)) => {
            Value::from(Timestamp((seconds.as_f64() * 1000.0).round() as i64).to_rfc3339().as_str())
        }
        (Some(Kind::Map(inner)), Value::Object(map)) => {
            Value::object(map.iter().map(|(key, value)| (key.clone(), from_wire(shape_of(*inner), value))))
        }
        (_, Value::Object(map)) => Value::object(map.iter().map(|(key, member)| {
            (change_first(key, char::to_ascii_uppercase), from_wire(member_of(shape, key), member))
        })),
        (_, Value::Array(items)) => Value::array(items.iter().map(|item| from_wire(item_of(shape), item))),
        _ => value.clone(),
    }
}

fn member_of(shape: Option<&Shape>, name: &str) -> Option<&'static Shape> {
    let Some(Kind::Structure(members)) = shape.map(|shape| &shape.kind) else { return None };
    members.iter().find(|member| &*member.name == name).and_then(|member| shape_of(member.shape))
}

fn item_of(shape: Option<&Shape>) -> Option<&'static Shape> {
    let item: Option<ShapeId> = match shape.map(|shape| &shape.kind) {
        Some(Kind::List(item)) => Some(*item),
        _ => None,
    };
    item.and_then(shape_of)
}

fn change_first(key: &str, change: impl Fn(&char) -> char) -> String {
    let mut letters = key.chars();
    match letters.next() {
        Some(first) => std::iter::once(change(&first)).chain(letters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use stepwell_value::Value;

    use crate::Operation;

    #[track_caller]
    fn converted(operation: &str, text: &str, convert: impl Fn(&Operation, &Value) -> Value) -> String {
        let value = Value::parse(text).unwrap();
        convert(Operation::find(operation).unwrap(), &value).to_json()
    }

    #[test]
    fn requests() {
        let request = |operation, text| converted(operation, text, |operation, value| operation.request_of_sdk(value));
        let start = r#"{"StateMachineArn": "arn", "Input": {"a": [1, true]}, "Name": null, "Other": {"X": 1}}"#;
        let sent = r#"{"stateMachineArn":"arn","input":"{\"a\":[1,true]}","name":null,"other":{"x":1}}"#;
        assert_eq!(request("StartExecution", start), sent);
        let list = r#"{"MaxResults": 5, "Tags": [{"Key": "K", "Value": 7}]}"#;
        assert_eq!(request("CreateActivity", list), r#"{"maxResults":5,"tags":[{"key":"K","value":"7"}]}"#);
    }

    #[test]
    fn answers() {
        let answer = |operation, text| converted(operation, text, |operation, value| operation.answer_of_sdk(value));
        let started = r#"{"executionArn": "arn", "startDate": 1795811598.628}"#;
        let given = r#"{"ExecutionArn":"arn","StartDate":"2026-11-27T20:33:18.628Z"}"#;
        assert_eq!(answer("StartExecution", started), given);
        let history = r#"{"events": [{"timestamp": 0, "id": 1}], "nextToken": "x"}"#;
        let given = r#"{"Events":[{"Timestamp":"1970-01-01T00:00:00.000Z","Id":1}],"NextToken":"x"}"#;
        assert_eq!(answer("GetExecutionHistory", history), given);
    }
}
