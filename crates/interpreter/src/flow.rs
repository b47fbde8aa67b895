//! How data flows through a state: InputPath → Parameters/Arguments → … → ResultSelector → ResultPath → OutputPath, or
//! Output; and Assign. Done once here, for all state types.

use std::sync::Arc;

use stepwell_asl::definition::{Amount, Assign, Filter, ResultPath, Text};
use stepwell_asl::{QueryLanguage, State};
use stepwell_query::{EvalError, Expression, Jsonata, Scope, Template};
use stepwell_value::{Payload, Value};

use crate::execution::{Frame, FrameId};
use crate::problem::{Fault, Problem};
use crate::states::{Exit, target_of};
use crate::step::Step;
use crate::test_state::probe::Stage;

/// The state's input after `InputPath`.
///
/// # Errors
/// `States.Runtime` when the path leads nowhere.
pub(crate) fn effective_input(step: &Step<'_>, id: FrameId, state: &State) -> Result<Payload, Problem> {
    let Some(frame) = step.execution.frames.get(&id) else { return Ok(Payload::default()) };
    let effective = filter(step, id, state, &state.flow.input_path, &frame.input.payload)?;
    step.report(Stage::InputPath, &effective);
    Ok(effective)
}

/// What `InputPath` or `OutputPath` lets through.
fn filter(step: &Step<'_>, id: FrameId, state: &State, filter: &Filter, data: &Payload) -> Result<Payload, Problem> {
    match filter {
        Filter::Whole => Ok(data.clone()),
        Filter::Discard => Ok(Payload::default()),
        Filter::Path(path) => {
            let Some(frame) = step.execution.frames.get(&id) else { return Ok(data.clone()) };
            let found = path.select(&step.scope(frame, state, data));
            found.map(Payload::from_value).map_err(|missing| step.problem(id, Fault::of_path(&missing)))
        }
    }
}

/// The effective parameters: what `Parameters` or `Arguments` make of the effective input; without them the input itself.
///
/// # Errors
/// When an expression fails.
pub(crate) fn parameters(
    step: &Step<'_>,
    id: FrameId,
    state: &State,
    effective: &Payload,
    token: Option<Arc<str>>,
) -> Result<Payload, Problem> {
    let parameters = match (&state.flow.parameters, step.execution.frames.get(&id)) {
        (Some(template), Some(frame)) => {
            let mut scope = step.scope(frame, state, effective);
            scope.token = token;
            evaluate(step, id, template, &scope, effective)?
        }
        _ => effective.clone(),
    };
    step.report(Stage::Parameters, &parameters);
    Ok(parameters)
}

fn evaluate(
    step: &Step<'_>,
    id: FrameId,
    template: &Template,
    scope: &dyn Scope,
    input: &Payload,
) -> Result<Payload, Problem> {
    let value = template.eval(scope).map_err(|error| step.problem(id, Fault::of_eval(error, input)))?;
    Ok(Payload::from_value(value))
}

/// The exit of a state with this result: ResultSelector, ResultPath, OutputPath or Output, and Assign.
/// `has_result` tells whether `result` is one (Task, Parallel, Map) or only the input going through.
///
/// # Errors
/// When an expression fails, or ResultPath cannot be applied.
pub(crate) fn leave(
    step: &Step<'_>,
    id: FrameId,
    state: &State,
    result: Payload,
    has_result: bool,
) -> Result<Exit, Problem> {
    let next = target_of(state);
    if has_result {
        step.report(Stage::Result, &result);
    }
    match state.query_language {
        QueryLanguage::JsonPath => {
            let result = select_result(step, id, state, result)?;
            step.report(Stage::ResultSelector, &result);
            let assigned = assign(step, id, state, &state.flow.assign, &result, None, None)?;
            let placed = place_result(step, id, &state.flow.result_path, result)?;
            step.report(Stage::ResultPath, &placed);
            let output = filter(step, id, state, &state.flow.output_path, &placed)?;
            Ok(Exit { output, assigned, next })
        }
        QueryLanguage::Jsonata => {
            let result_value = has_result.then(|| result.value().clone());
            let template = state.flow.output.as_ref();
            let input = raw_input(step, id);
            let output = output(step, id, state, template, &input, result_value.as_ref(), None)?.unwrap_or(result);
            let assigned = assign(step, id, state, &state.flow.assign, &input, result_value.as_ref(), None)?;
            Ok(Exit { output, assigned, next })
        }
    }
}

/// The raw input of the state a frame stands at.
pub(crate) fn raw_input(step: &Step<'_>, id: FrameId) -> Payload {
    step.execution.frames.get(&id).map(|frame| frame.input.payload.clone()).unwrap_or_default()
}

fn select_result(step: &Step<'_>, id: FrameId, state: &State, result: Payload) -> Result<Payload, Problem> {
    let Some(template) = &state.flow.result_selector else { return Ok(result) };
    let Some(frame) = step.execution.frames.get(&id) else { return Ok(result) };
    evaluate(step, id, template, &step.scope(frame, state, &result), &result)
}

/// Puts a result where `ResultPath` says, into the raw input.
///
/// # Errors
/// `States.ResultPathMatchFailure` when the input has no room for it there.
pub(crate) fn place_result(
    step: &Step<'_>,
    id: FrameId,
    result_path: &ResultPath,
    result: Payload,
) -> Result<Payload, Problem> {
    match result_path {
        ResultPath::Replace => Ok(result),
        ResultPath::Discard => Ok(raw_input(step, id)),
        ResultPath::At(path) => {
            let input = raw_input(step, id);
            path.set(input.value(), result.value().clone()).map(Payload::from_value).map_err(|_| {
                let text = format!("Unable to apply ReferencePath {} to input {}", path.text(), input.text());
                step.problem(id, Fault::Named("States.ResultPathMatchFailure", text))
            })
        }
    }
}

/// What an `Output` template makes; `None` when there is none.
///
/// # Errors
/// When an expression fails.
pub(crate) fn output(
    step: &Step<'_>,
    id: FrameId,
    state: &State,
    template: Option<&Template>,
    input: &Payload,
    result: Option<&Value>,
    error_output: Option<&Value>,
) -> Result<Option<Payload>, Problem> {
    let Some(template) = template else { return Ok(None) };
    let Some(frame) = step.execution.frames.get(&id) else { return Ok(None) };
    let mut scope = step.scope(frame, state, input);
    scope.result = result;
    scope.error_output = error_output;
    evaluate(step, id, template, &scope, input).map(Some)
}

/// The values of an `Assign`, in alphabetical order of the names, as the history shows them.
///
/// # Errors
/// When an expression fails.
pub(crate) fn assign(
    step: &Step<'_>,
    id: FrameId,
    state: &State,
    assign: &Assign,
    input: &Payload,
    result: Option<&Value>,
    error_output: Option<&Value>,
) -> Result<Vec<(Arc<str>, Payload)>, Problem> {
    let Some(frame) = step.execution.frames.get(&id).filter(|_| !assign.is_empty()) else { return Ok(Vec::new()) };
    let mut scope = step.scope(frame, state, input);
    scope.result = result;
    scope.error_output = error_output;
    let values = assign
        .iter()
        .map(|(name, template)| evaluate(step, id, template, &scope, input).map(|value| (Arc::clone(name), value)));
    let mut values = values.collect::<Result<Vec<_>, _>>()?;
    values.sort_by(|one, two| one.0.cmp(&two.0));
    values.iter().try_for_each(|(_, value)| not_too_deep(step, id, state, value))?;
    let bytes: usize = values.iter().map(|(_, value)| value.size_bytes()).sum();
    let exceeds_all = || step.limits.variables_bytes.is_some_and(|limit| exceeds(step, frame, &values, bytes, limit));
    if step.limits.assign_bytes.is_some_and(|limit| bytes > limit) || exceeds_all() {
        return Err(step.problem(id, Fault::Bare(Fault::assigned_too_much(&state.name))));
    }
    Ok(values)
}

/// Data that goes on without leaving the state: into variables, branches, iterations, children.
///
/// # Errors
/// `States.DataLimitExceeded` when it is nested so deep that it could not be read again.
pub(crate) fn not_too_deep(step: &Step<'_>, id: FrameId, state: &State, data: &Payload) -> Result<(), Problem> {
    if data.is_too_deep() { Err(step.problem(id, Fault::Bare(Fault::too_deep(&state.name)))) } else { Ok(()) }
}

/// Whether all variables of the execution are larger than a limit once a frame has assigned these, of so many bytes.
fn exceeds(step: &Step<'_>, frame: &Frame, assigned: &[(Arc<str>, Payload)], bytes: usize, limit: usize) -> bool {
    let kept = step.execution.frames.values().filter_map(|frame| frame.variables.as_ref());
    let kept: usize = kept.map(|variables| variables.values.payload.size_bytes()).sum();
    if kept + bytes <= limit {
        return false;
    }
    let replaced = assigned.iter().filter_map(|(name, _)| frame.variable(name)).map(|value| value.to_json().len());
    (kept + bytes).saturating_sub(replaced.sum()) > limit
}

/// Evaluates one JSONata field that must give a value.
///
/// # Errors
/// When it throws, or gives nothing.
pub(crate) fn jsonata(
    step: &Step<'_>,
    id: FrameId,
    state: &State,
    expression: &Jsonata,
    field: &str,
    result: Option<&Value>,
    error_output: Option<&Value>,
) -> Result<Value, Problem> {
    let input = raw_input(step, id);
    let Some(frame) = step.execution.frames.get(&id) else { return Ok(Value::Null) };
    let mut scope = step.scope(frame, state, &input);
    scope.result = result;
    scope.error_output = error_output;
    let field: Arc<str> = Arc::from(field);
    let undefined = || EvalError::Undefined { field: Arc::clone(&field), expression: Arc::clone(expression.text()) };
    let found = expression.eval(&scope).map_err(|error| with_field(error, &field));
    let value = found.and_then(|value| value.ok_or_else(undefined));
    value.map_err(|error| step.problem(id, Fault::of_eval(error, &input)))
}

/// Names the field in an error that does not know it.
fn with_field(error: EvalError, name: &Arc<str>) -> EvalError {
    let name = Arc::clone(name);
    match error {
        EvalError::Path { missing, .. } => EvalError::Path { field: name, missing },
        EvalError::Intrinsic { call, reason, .. } => EvalError::Intrinsic { field: name, call, reason },
        EvalError::Jsonata { expression, code, message, .. } => {
            EvalError::Jsonata { field: name, expression, code, message }
        }
        EvalError::Undefined { expression, .. } => EvalError::Undefined { field: name, expression },
        EvalError::UnsupportedResult { expression, .. } => EvalError::UnsupportedResult { field: name, expression },
    }
}

/// A JSONata result of the wrong kind, in AWS's words (test_map_state_items_eval_jsonata_fail).
pub(crate) fn unexpected_type(field: &str, expression: &str, expected: &str, value: &Value) -> Fault {
    Fault::Evaluation(
        field.into(),
        format!(
            "The JSONata expression '{expression}' specified for the field '{field}' returned an unexpected result type. Expected '{expected}', but was '{}' for value: {value}",
            value.kind()
        ),
    )
}

/// A value that a path leads to, in quotes whatever it is (recorded: tolerated_failure_percentage_path[…value0]).
pub(crate) fn quoted(value: &Value) -> String {
    if value.as_str().is_some() { value.to_json() } else { format!("\"{value}\"") }
}

/// A value that a field may not have: of a JSONata field that is a failed evaluation, as for a Wait state's Timestamp
/// (recorded: test_wait_timestamp_jsonata).
pub(crate) fn of_field(amount: &Amount, field: &str, text: String) -> Fault {
    match amount {
        Amount::Jsonata(_) => Fault::Evaluation(field.into(), text),
        Amount::Fixed(_) | Amount::Path(_) => Fault::Runtime(text),
    }
}

/// A whole number that is not negative: `MaxConcurrency`, `TimeoutSeconds`, ….
///
/// # Errors
/// When the path leads nowhere, the expression fails, or the value is no such number.
pub(crate) fn amount(
    step: &Step<'_>,
    id: FrameId,
    state: &State,
    amount: &Amount,
    field: &str,
    input: &Payload,
) -> Result<u64, Problem> {
    let (value, fault): (Value, Fault) = match amount {
        Amount::Fixed(number) => return Ok(*number),
        Amount::Path(path) => {
            let Some(frame) = step.execution.frames.get(&id) else { return Ok(0) };
            let found = path.select(&step.scope(frame, state, input));
            let value = found.map_err(|missing| step.problem(id, Fault::of_path(&missing)))?;
            let (shown, path) = (quoted(&value), path.text());
            let text = format!("The {field}Path field refers to value {shown} which is not a valid integer: {path}");
            (value, Fault::Runtime(text))
        }
        Amount::Jsonata(expression) => {
            let value = jsonata(step, id, state, expression, field, None, None)?;
            let fault = unexpected_type(field, expression.text(), "number", &value);
            (value, fault)
        }
    };
    // A path may also lead to a number written as a string (recorded: MAP_STATE_REFERENCE_IN_MAX_CONCURRENCY_PATH).
    let written = value.as_str().filter(|_| matches!(amount, Amount::Path(_))).and_then(|text| text.parse().ok());
    match value.as_i64().or(written) {
        Some(number) if number >= 0 => Ok(number.unsigned_abs()),
        Some(_) => Err(step.problem(id, of_field(amount, field, format!("{field} cannot be negative.")))),
        None => Err(step.problem(id, fault)),
    }
}

/// A string that may be computed.
///
/// # Errors
/// When the path leads nowhere or the expression fails.
pub(crate) fn text(
    step: &Step<'_>,
    id: FrameId,
    state: &State,
    text: &Text,
    field: &str,
    path_field: &str,
) -> Result<Value, Problem> {
    match text {
        Text::Fixed(text) => Ok(Value::String(Arc::clone(text))),
        Text::Expression(expression) => {
            let effective = effective_input(step, id, state)?;
            let Some(frame) = step.execution.frames.get(&id) else { return Ok(Value::Null) };
            let scope = step.scope(frame, state, &effective);
            let value = expression.eval(&Arc::from(path_field), &scope);
            value.map_err(|error| step.problem(id, Fault::of_eval(error, &effective)))
        }
        Text::Jsonata(expression) => jsonata(step, id, state, expression, field, None, None),
    }
}

/// An expression as it is written.
pub(crate) fn expression_text(expression: &Expression) -> &Arc<str> {
    match expression {
        Expression::Path(path) => path.text(),
        Expression::Intrinsic(call) => call.text(),
    }
}
