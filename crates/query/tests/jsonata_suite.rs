//! Runs the official JSONata test suite, when `STEPWELL_JSONATA_SUITE` names a folder that holds it.
//!
//! The folder holds `cases.jsonl`: one object a line with `id`, `expr`, `bindings`, `data` (absent: no input), and what is
//! expected: `result`, `undefinedResult`, `code`, or `error` with a `code`; `unordered`, `timelimit` (milliseconds) and `depth`
//! where a case sets them.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may talk")]

use std::path::Path;

use stepwell_query::jsonata::{Limits, evaluate_document};
use stepwell_value::{Timestamp, Value};

/// Cases that are answered differently by a known limit.
///
/// Two: a lone surrogate half of UTF-16 cannot be kept in a string of ours (`$encodeUrl`, `$encodeUrlComponent`).
const KNOWN_TO_DIFFER: usize = 2;

#[test]
fn official_suite() {
    let Ok(folder) = std::env::var("STEPWELL_JSONATA_SUITE") else {
        println!("STEPWELL_JSONATA_SUITE is not set: the official suite is not run");
        return;
    };
    let text = std::fs::read_to_string(Path::new(&folder).join("cases.jsonl")).expect("cases.jsonl is readable");
    let (mut passed, mut failed) = (0, 0);
    for line in text.lines() {
        let case = Value::parse(line).expect("a case is JSON");
        match run(&case) {
            Ok(()) => passed += 1,
            Err(difference) => {
                failed += 1;
                println!("{}: {}\n    {difference}", string(&case, "id"), string(&case, "expr"));
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    assert!(failed <= KNOWN_TO_DIFFER, "{failed} cases failed");
}

/// The wall clock: one case compares today's date with the date the engine completes a time with.
fn now() -> Timestamp {
    let millis = std::time::UNIX_EPOCH.elapsed().expect("the clock is set").as_millis();
    Timestamp(i64::try_from(millis).expect("the time fits"))
}

fn string<'c>(case: &'c Value, key: &str) -> &'c str {
    case.get(key).and_then(Value::as_str).unwrap_or("")
}

fn limits(case: &Value) -> Limits {
    let mut limits = Limits { depth_max: 30_000, timeout_millis: 10_000, ..Limits::DEFAULT };
    limits.sequence_length_max = 10_000_000;
    limits.result_bytes_max = usize::MAX;
    if let Some(millis) = case.get("timelimit").and_then(Value::as_i64) {
        limits.timeout_millis = u64::try_from(millis).expect("a time limit is positive");
    }
    if let Some(depth) = case.get("depth").and_then(Value::as_i64) {
        limits.depth_max = usize::try_from(depth).expect("a depth is positive");
    }
    limits
}

fn run(case: &Value) -> Result<(), String> {
    let empty = Value::empty_object();
    let bindings = case.get("bindings").unwrap_or(&empty).as_object().cloned().unwrap_or_default();
    let bindings: Vec<(&str, &Value)> = bindings.iter().map(|(name, value)| (&**name, value)).collect();
    let outcome = evaluate_document(string(case, "expr"), case.get("data"), &bindings, now(), &limits(case));
    let code = case.get("code").or_else(|| case.get("error").and_then(|error| error.get("code")));
    match (outcome, code.and_then(Value::as_str)) {
        (Err((code, _)), Some(expected)) if code == expected => Ok(()),
        // The code that the suite's own runner gives what exceeds its limits.
        (Err((code, _)), Some("U1001")) if code == "D1011" || code == "D1012" => Ok(()),
        (Err((code, message)), expected) => {
            Err(format!("{code}: {message}; expected {expected:?} {:?}", case.get("result")))
        }
        (Ok(value), Some(expected)) => Err(format!("gave {value:?}; expected {expected}")),
        (Ok(value), None) => compare(value.as_ref(), case),
    }
}

fn compare(value: Option<&Value>, case: &Value) -> Result<(), String> {
    let expected = case.get("result");
    let unordered = case.get("unordered").and_then(Value::as_bool).unwrap_or(false);
    let equal = if unordered { sorted(value) == sorted(expected) } else { value == expected };
    if equal { Ok(()) } else { Err(format!("gave {value:?}; expected {expected:?}")) }
}

fn sorted(value: Option<&Value>) -> Option<Vec<String>> {
    let mut items: Vec<String> = value?.as_array()?.iter().map(Value::to_json).collect();
    items.sort();
    Some(items)
}
