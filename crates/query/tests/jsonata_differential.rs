//! The product's half of the differential run against the reference implementation: see `differential/compare.mjs`.
//!
//! Reads the file that `STEPWELL_JSONATA_EXPRESSIONS` names (an object a line: `expr`, `data`, `bindings`) and writes one
//! outcome a line to the file that `STEPWELL_JSONATA_OUTCOMES` names: `value`, `undefined`, or `code` and `message`.

use std::fmt::Write as _;

use stepwell_query::jsonata::{Limits, evaluate_document};
use stepwell_value::{Timestamp, Value};

#[test]
fn outcomes() {
    let names = ["STEPWELL_JSONATA_EXPRESSIONS", "STEPWELL_JSONATA_OUTCOMES"].map(std::env::var);
    let [Ok(expressions), Ok(outcomes)] = names else { return };
    let mut out = String::new();
    for line in std::fs::read_to_string(expressions).expect("the expressions are readable").lines() {
        let case = Value::parse(line).expect("a case is JSON");
        writeln!(out, "{}", outcome(&case)).expect("writing to a string succeeds");
    }
    std::fs::write(outcomes, out).expect("the outcomes are writable");
}

fn outcome(case: &Value) -> Value {
    let empty = Value::empty_object();
    let bindings = case.get("bindings").unwrap_or(&empty).as_object().cloned().unwrap_or_default();
    let bindings: Vec<(&str, &Value)> = bindings.iter().map(|(name, value)| (&**name, value)).collect();
    let text = case.get("expr").and_then(Value::as_str).expect("a case has an expression");
    match evaluate_document(text, case.get("data"), &bindings, Timestamp(0), &Limits::DEFAULT) {
        Ok(Some(value)) => Value::object([("value", value)]),
        Ok(None) => Value::object([("undefined", Value::Bool(true))]),
        Err((code, message)) => Value::object([("code", Value::from(code)), ("message", Value::from(message))]),
    }
}
