//! Paths, intrinsic functions and JSONata.

use stepwell_query::jsonata::Limits;
use stepwell_query::{EvalError, Intrinsic, JsonPath, Jsonata, ReferencePath};
use stepwell_value::Value;

use crate::scope::{DOCUMENT, FixedScope};

/// The expression in the first line, and the document behind it, or the fixed one.
fn split(bytes: &[u8]) -> Option<(&str, Value)> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (expression, document) = text.split_once('\n').unwrap_or((text, ""));
    let fixed = || Value::parse(DOCUMENT).expect("the fixed document is JSON");
    Some((expression, Value::parse(document).unwrap_or_else(|_| fixed())))
}

/// Parses a path and selects.
pub fn path(bytes: &[u8]) {
    let Some((text, document)) = split(bytes) else { return };
    match JsonPath::parse(text) {
        Ok(path) => {
            let scope = FixedScope::new(document);
            let selected = path.select(&scope);
            assert_eq!(selected, path.select(&scope), "the same twice");
            assert_eq!(&**path.text(), text);
            if let Ok(value) = selected {
                assert!(path.is_definite() || value.as_array().is_some(), "an indefinite path gives an array");
            }
        }
        Err(error) => assert!(text.is_char_boundary(error.offset), "{error:?}"),
    }
}

/// Parses a reference path, writes there, and reads it again.
pub fn reference(bytes: &[u8]) {
    let Some((text, document)) = split(bytes) else { return };
    let Ok(reference) = ReferencePath::parse(text) else { return };
    let new = Value::from("new");
    let Ok(changed) = reference.set(&document, new.clone()) else { return };
    let path = JsonPath::parse(text).expect("a reference path is a path");
    assert_eq!(path.select(&FixedScope::new(changed)), Ok(new), "what was written is read");
}

/// Parses a call of an intrinsic function and calls it.
pub fn intrinsic(bytes: &[u8]) {
    let Some((text, document)) = split(bytes) else { return };
    match Intrinsic::parse(text) {
        Ok(call) => {
            call.for_each_path(&mut |path| assert!(text.contains(&**path.text())));
            let first = call.call(&FixedScope::new(document.clone()));
            assert_eq!(first, call.call(&FixedScope::new(document)), "the same at the same moment");
            if let Ok(value) = first {
                Value::parse(&value.to_json()).expect("a result is JSON");
            }
        }
        Err(error) => assert!(text.is_char_boundary(error.offset), "{error:?}"),
    }
}

/// Tighter than the product's in time and length, so that a run tries many expressions; as deep as the product goes.
const LIMITS: Limits =
    Limits { timeout_millis: 200, sequence_length_max: 10_000, result_bytes_max: 1 << 20, ..Limits::DEFAULT };

/// Parses an expression and evaluates it.
pub fn jsonata(bytes: &[u8]) {
    let Some((text, document)) = split(bytes) else { return };
    match Jsonata::parse(text) {
        Ok(expression) => {
            let mut names = expression.free_variables().to_vec();
            names.dedup();
            assert_eq!(names, expression.free_variables(), "sorted, each once");
            expression.states_members();
            match expression.eval_within(&FixedScope::new(document), &LIMITS) {
                Ok(Some(value)) => drop(Value::parse(&value.to_json()).expect("a result is JSON")),
                Ok(None) | Err(EvalError::UnsupportedResult { .. } | EvalError::Jsonata { .. }) => {}
                Err(other) => panic!("no error of JSONata: {other:?}"),
            }
        }
        Err(error) => assert!(error.offset <= text.len(), "{error:?}"),
    }
}

/// Panics of the JSONata engine are caught by the product, which makes an error of them: they are shown (`FUZZ_ENGINE_PANICS=1`),
/// but are no findings. Any other panic is one.
pub fn let_the_engine_panic() {
    let abort = std::panic::take_hook();
    let is_shown = std::env::var_os("FUZZ_ENGINE_PANICS").is_some();
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        // An overflow in a function of the standard library has its place there; who called it is in
        // the backtrace.
        let is_theirs = place.contains("jsonata-core") || {
            let trace = std::backtrace::Backtrace::force_capture().to_string();
            let first = trace.find("jsonata-core").unwrap_or(usize::MAX);
            place.contains("library/core/") && first < trace.find("crates/").unwrap_or(usize::MAX)
        };
        match is_theirs {
            true if is_shown => eprintln!("engine panic at {place}"),
            true => {}
            false => abort(panic),
        }
    }));
}
