//! Reading and printing: JSON, and the body of a request.

use serde_json::json;
use stepwell_model::{Limits, Operation, validate_within};
use stepwell_value::Payload;

use crate::Outcome;
use crate::executions::ORDER;

/// A document of 4 KiB is read, and printed again.
pub fn json() -> Outcome<crate::Repeated> {
    let order = |number: u32| {
        json!({"id": number, "name": format!("order \"{number}\""), "price": f64::from(number) * 1.25, "tags": ["a", "é"],
            "open": number.is_multiple_of(2), "note": null})
    };
    let text = json!({"orders": (0..60).map(order).collect::<Vec<_>>()}).to_string();
    Ok(Box::new(move || {
        let read = Payload::from_text(text.as_str()).map_err(|error| error.to_string())?;
        let printed = Payload::from_value(read.value().clone());
        if printed.text().len() > 4_000 { Ok(()) } else { Err("less was printed than read".to_owned()) }
    }))
}

/// The body of a StartExecution: read, checked against the model, its input read.
pub fn request() -> Outcome<crate::Repeated> {
    let machine = "arn:aws:states:us-east-1:123456789012:stateMachine:five";
    let body = json!({"stateMachineArn": machine, "name": "run-4711", "input": ORDER}).to_string();
    let limits = Limits::default();
    Ok(Box::new(move || {
        let operation = Operation::of_target("AWSStepFunctions.StartExecution").ok_or("no StartExecution")?;
        let body = Payload::from_text(body.as_str()).map_err(|error| error.to_string())?;
        validate_within(operation, body.value(), &limits).map_err(|error| format!("{error:?}"))?;
        let input = body.value().get("input").and_then(|input| input.as_str()).ok_or("no input")?;
        Payload::from_text(input).map(drop).map_err(|error| error.to_string())
    }))
}
