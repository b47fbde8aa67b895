//! One way to call the API, over HTTP or in process, so that a command does not care where the server is.

use stepwell_engine::BoxFuture;
use stepwell_value::{Number, Timestamp, Value};

use crate::problem::Problem;

/// Performs operations of the API.
pub trait Caller: Send + Sync {
    /// Performs an operation, such as `StartExecution`.
    ///
    /// The error is a [`Problem`] with the API's code when the API refused the call, one with exit code 4 when no server
    /// answered.
    fn call<'a>(&'a self, operation: &'a str, input: Value) -> BoxFuture<'a, Result<Value, Problem>>;
}

/// Collects a member of all pages of a list, at most `limit` items (0: all).
///
/// # Errors
/// See [`Caller::call`].
pub async fn list(
    caller: &dyn Caller,
    operation: &str,
    input: &[(&str, Value)],
    member: &str,
    limit: usize,
) -> Result<Vec<Value>, Problem> {
    let mut items = Vec::new();
    let mut token: Option<Value> = None;
    loop {
        let page = token.take().map(|token| ("nextToken", token));
        let input = Value::object(input.iter().cloned().chain(page));
        let answer = caller.call(operation, input).await?;
        items.extend(answer.get(member).and_then(Value::as_array).into_iter().flat_map(|items| items.iter().cloned()));
        token = answer.get("nextToken").filter(|token| !token.is_null()).cloned();
        let enough = limit > 0 && items.len() >= limit;
        if enough {
            items.truncate(limit);
        }
        if enough || token.is_none() {
            return Ok(items);
        }
    }
}

/// A text member of an answer; empty when it is missing.
pub fn text<'a>(answer: &'a Value, member: &str) -> &'a str {
    answer.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// A date of an answer (seconds since 1970); none when it is missing.
pub fn date(answer: &Value, member: &str) -> Option<Timestamp> {
    let seconds = answer.get(member).and_then(Value::as_number).map(Number::as_f64)?;
    #[expect(clippy::cast_possible_truncation, reason = "a date in milliseconds fits by far")]
    Some(Timestamp((seconds * 1000.0).round() as i64))
}
