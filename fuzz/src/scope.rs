//! Fixed data around an expression.

use std::cell::Cell;

use stepwell_query::Scope;
use stepwell_value::{Timestamp, Value};

/// The document that expressions look at unless the input brings its own.
pub const DOCUMENT: &str = r#"{"n": 5, "f": 2.5, "big": 12345678901234567890, "s": "abc", "t": true, "u": null, "e": "",
    "list": [3, 1, 2], "words": ["b", "a", "ü"], "items": [{"sku": "a", "price": 2.5, "tags": ["x"]}, {"sku": "b", "price": 1}],
    "deep": {"a": {"b": {"c": [[1], [2, [3]]]}}}, "a b": {"'": 1}, "json": "{\"x\":[1]}", "b64": "YWJj"}"#;

/// A scope whose randomness counts from a start, so that an evaluation can be repeated.
pub struct FixedScope {
    /// `$`
    pub input: Value,
    context: Value,
    variables: Value,
    random: Cell<u64>,
}

impl FixedScope {
    /// A scope with this input.
    pub fn new(input: Value) -> FixedScope {
        let json = |text| Value::parse(text).expect("the fixed data is JSON");
        FixedScope {
            input,
            context: json(
                r#"{"Execution": {"Name": "run", "Input": {"n": 1}}, "State": {"Name": "S", "RetryCount": 0}}"#,
            ),
            variables: json(r#"{"v": {"w": [1, 2]}, "x": 7, "name": "text", "list": [1, [2], {"a": 3}]}"#),
            random: Cell::new(1),
        }
    }
}

impl Scope for FixedScope {
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
        Some(&self.variables)
    }
    fn random(&self) -> u64 {
        self.random.set(self.random.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        self.random.get()
    }
    fn now(&self) -> Timestamp {
        Timestamp(1_790_000_000_000)
    }
}
