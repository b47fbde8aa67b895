//! JSONata as Step Functions applies it: what is refused, what is read, what comes out, what an error says.

use std::sync::Arc;

use stepwell_query::jsonata::{Jsonata, Limits, thrown};
use stepwell_query::{EvalError, Scope};
use stepwell_value::{Timestamp, Value};

struct World {
    input: Value,
    context: Value,
    result: Option<Value>,
    error_output: Option<Value>,
    variables: Value,
}

impl Scope for World {
    fn input(&self) -> &Value {
        &self.input
    }
    fn context(&self) -> &Value {
        &self.context
    }
    fn variable(&self, name: &str) -> Option<&Value> {
        self.variables.get(name)
    }
    fn result(&self) -> Option<&Value> {
        self.result.as_ref()
    }
    fn error_output(&self) -> Option<&Value> {
        self.error_output.as_ref()
    }
    fn random(&self) -> u64 {
        7
    }
    fn now(&self) -> Timestamp {
        Timestamp(1_795_214_786_123)
    }
}

fn value(json: &str) -> Value {
    Value::parse(json).expect("test data is JSON")
}

fn world() -> World {
    World {
        input: value(
            r#"{"n": 5, "one": [1], "none": [], "money": 1.50, "big": 9007199254740993, "null": null, "s": "abc",
                "items": [{"sku": "a", "price": 2.5, "qty": 4}, {"sku": "b", "price": 1, "qty": 1}],
                "nested": {"list": [{"x": 1}, {"x": [2, 3]}, {"y": 0}]}}"#,
        ),
        context: value(r#"{"Execution": {"Name": "e1"}}"#),
        result: None,
        error_output: None,
        variables: value(r#"{"name": "Ada", "list": [3, 1, 2], "count": 41, "obj": {"k": [1]}, "nil": null}"#),
    }
}

/// What an evaluation gives, in words: JSON, `undefined`, `unsupported`, or `CODE: message`.
fn outcome(text: &str) -> String {
    match Jsonata::parse(text).map(|expression| expression.eval(&world())) {
        Err(error) => format!("refused {}: {}", error.code, error.message),
        Ok(Ok(Some(value))) => value.to_json(),
        Ok(Ok(None)) => "undefined".to_owned(),
        Ok(Err(EvalError::UnsupportedResult { .. })) => "unsupported".to_owned(),
        Ok(Err(EvalError::Jsonata { code, message, .. })) => thrown(&code, &message),
        Ok(Err(other)) => format!("{other:?}"),
    }
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(outcome(text), expected, "{text}");
}

#[test]
fn probe() {
    let Ok(path) = std::env::var("PROBE") else { return };
    for line in std::fs::read_to_string(path).unwrap().lines() {
        println!("{line}\n      {}", outcome(line));
    }
    let _ = (Arc::<str>::from(""), Limits::DEFAULT);
    check("1", "1");
}
