//! The product's half of the differential run against the reference implementation: see `differential/compare.mjs`.
//!
//! Reads the file that `STEPWELL_JSONATA_EXPRESSIONS` names (an object a line: `expr`, `data`, `bindings`) and writes one
//! outcome a line to the file that `STEPWELL_JSONATA_OUTCOMES` names: `value`, `undefined`, or `code` and `message`.
//!
//! On the way it checks that an expression gives the same when only what it reads of its variables is converted.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may talk")]

use std::fmt::Write as _;

use stepwell_query::jsonata::{Jsonata, Limits, evaluate_document};
use stepwell_query::{EvalError, Scope};
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
    let outcome = evaluate_document(text, case.get("data"), &bindings, Timestamp(0), &Limits::DEFAULT);
    if case.get("data").is_none()
        && let Ok(expression) = Jsonata::parse(text)
    {
        let scope = Variables { all: case.get("bindings").unwrap_or(&empty).clone() };
        same_when_pruned(text, &expression.eval(&scope), &outcome);
    }
    match outcome {
        Ok(Some(value)) => Value::object([("value", value)]),
        Ok(None) => Value::object([("undefined", Value::Bool(true))]),
        Err((code, message)) => Value::object([("code", Value::from(code)), ("message", Value::from(message))]),
    }
}

/// Variables and nothing else.
struct Variables {
    all: Value,
}

impl Scope for Variables {
    fn input(&self) -> &Value {
        &Value::Null
    }
    fn context(&self) -> &Value {
        &Value::Null
    }
    fn variable(&self, name: &str) -> Option<&Value> {
        self.all.get(name)
    }
    fn random(&self) -> u64 {
        0
    }
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }
}

#[track_caller]
fn same_when_pruned(
    text: &str,
    pruned: &Result<Option<Value>, EvalError>,
    whole: &Result<Option<Value>, (String, String)>,
) {
    match (pruned, whole) {
        (Ok(pruned), Ok(whole)) => assert_eq!(pruned, whole, "{text}"),
        (Err(EvalError::Jsonata { code, message, .. }), Err((whole_code, whole_message))) if !code.is_empty() => {
            assert_eq!((code, message), (whole_code, whole_message), "{text}");
        }
        (Err(_), Err(_)) => {}
        _ => panic!("{text} gives {pruned:?} when pruned and {whole:?} as a whole"),
    }
}
