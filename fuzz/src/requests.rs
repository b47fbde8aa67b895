//! Requests against the constraints of the model.

use stepwell_model::{Operation, Request, validate};
use stepwell_value::Value;

/// The first line names the operation, the rest is the body. What is accepted has the members the model requires, of
/// the types it gives them.
pub fn body(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (target, body) = text.split_once('\n').unwrap_or(("StartExecution", text));
    let operation = match Operation::find(target).or_else(|| Operation::of_target(target)) {
        Some(operation) => operation,
        None => Operation::all().nth(target.len() % 37).expect("there are 37 operations"),
    };
    let Ok(body) = Value::parse(body) else { return };
    match validate(operation, &body) {
        Ok(()) => read(operation, &body),
        Err(error) => assert!(matches!(error.code, "ValidationException" | "SerializationException"), "{error:?}"),
    }
}

fn read(operation: &Operation, body: &Value) {
    let request = Request::new(body);
    for name in operation.input_members() {
        let kinds = [
            request.opt_str(name).is_some(),
            request.opt_f64(name).is_some(),
            request.opt_bool(name).is_some(),
            request.opt_structure(name).is_some(),
            request.get(name).is_some_and(|value| value.as_array().is_some()),
        ];
        let found = kinds.iter().filter(|is_it| **is_it).count();
        assert_eq!(found, usize::from(request.has(name)), "{name}");
        request.opt_i64(name);
        request.flag(name);
        request.list(name);
    }
    request.page_size(100);
}
