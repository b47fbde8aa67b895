//! Map, inline: one iteration an item, so many at a time; the outputs are collected in the order of the items.

use std::sync::Arc;

use stepwell_asl::State;
use stepwell_asl::definition::{Items, MapState};
use stepwell_asl::{QueryLanguage, StateKind};
use stepwell_value::{Payload, Value};

use crate::context::nth;
use crate::event::{Details, EventId, EventType};
use crate::execution::{FrameId, Held, Source, Waiting};
use crate::flow;
use crate::problem::{Fault, Problem};
use crate::states::{Outcome, map_run};
use crate::step::Step;

/// How many iterations are started before the first of them runs; bounds what one step may do beyond its budget.
const STARTED_AHEAD: u32 = 64;

pub(crate) fn run(step: &mut Step<'_>, id: FrameId, state: &State, map: &MapState) -> Result<Outcome, Problem> {
    if let Some(distributed) = &map.distributed {
        return map_run::run(step, id, state, map, distributed);
    }
    let (items, max_concurrency) = begin(step, id, state, map)?;
    let length = length_of(&items);
    let started_event =
        step.emit(id, EventType::MapStateStarted, Details::MapStateStarted { length: u64::from(length) });
    let items = step.put_content(Payload::from_value(items));
    step.wait(id, Waiting::Iterations { started_event, items, next: 0, open: 0, max_concurrency });
    if length == 0 && step.probe.is_none() {
        return crate::branches::collect_iterations(step, id);
    }
    step.ready.push_back(id);
    Ok(Outcome::Waits)
}

/// The items, and how many of them may run at a time.
///
/// # Errors
/// When an expression fails, or there are no items to be had.
pub(crate) fn begin(step: &Step<'_>, id: FrameId, state: &State, map: &MapState) -> Result<(Value, u32), Problem> {
    let effective = flow::effective_input(step, id, state)?;
    let items = items(step, id, state, map, &effective)?;
    Ok((items, max_concurrency(step, id, state, map, &effective)?))
}

/// Starts as many iterations as may run.
pub(crate) fn pump(step: &mut Step<'_>, id: FrameId) {
    let last_event = step.execution.frames.get(&id).map_or(0, |frame| frame.last_event);
    let mut started = Vec::new();
    let mut failed = None;
    for _ in 0..STARTED_AHEAD {
        let Some(index) = take_next(step, id) else { break };
        match start(step, id, index, last_event) {
            Ok(frame) => started.push(frame),
            Err(problem) => {
                failed = Some(problem);
                break;
            }
        }
    }
    step.ready.extend(started.iter().copied());
    if let Some(problem) = failed {
        crate::handling::handle(step, id, problem);
        return;
    }
    let more = may_start(step, id).is_some();
    if !started.is_empty() && more && step.spend() {
        step.ready.push_back(id);
    }
}

/// The index of the next item, when one may be started.
fn may_start(step: &Step<'_>, id: FrameId) -> Option<u32> {
    let frame = step.execution.frames.get(&id)?;
    let Waiting::Iterations { items, next, open, max_concurrency, .. } = &frame.waiting else { return None };
    let free = *max_concurrency == 0 || open < max_concurrency;
    (free && *next < length_of(items.payload.value())).then_some(*next)
}

fn take_next(step: &mut Step<'_>, id: FrameId) -> Option<u32> {
    let index = may_start(step, id)?;
    step.with_frame(id, |frame| {
        if let Waiting::Iterations { next, open, .. } = &mut frame.waiting {
            *next += 1;
            *open += 1;
        }
    });
    Some(index)
}

fn start(step: &mut Step<'_>, id: FrameId, index: u32, last_event: EventId) -> Result<FrameId, Problem> {
    let Some(state) = step.state_of(id) else { return Ok(id) };
    let StateKind::Map(map) = &state.kind else { return Ok(id) };
    let details = Details::MapIteration { name: Arc::clone(&state.name), index: u64::from(index) };
    let event = step.record(last_event, EventType::MapIterationStarted, details);
    let input = iteration_input(step, id, state, map, index)?;
    let block = step.definition.block(map.processor);
    // The iteration enters its first state in this step; then that event carries the input.
    let held = Held { payload: input, source: Source::EventInput(0) };
    Ok(step.open_frame(Some((id, index)), map.processor, block.start_at, event, held))
}

/// The input an item makes without `ItemSelector`.
pub(super) fn plain_input(item: &Value, key: Option<&Arc<str>>) -> Value {
    match key {
        None => item.clone(),
        Some(key) => Value::object([("Key", Value::String(Arc::clone(key))), ("Value", item.clone())]),
    }
}

/// The inputs of all iterations of a Map that waits for them, as an array.
///
/// # Errors
/// When `ItemSelector` fails.
pub(crate) fn iteration_inputs(
    step: &Step<'_>,
    id: FrameId,
    state: &State,
    map: &MapState,
) -> Result<Payload, Problem> {
    let length = match step.execution.frames.get(&id).map(|frame| &frame.waiting) {
        Some(Waiting::Iterations { items, .. }) => length_of(items.payload.value()),
        _ => 0,
    };
    let inputs =
        (0..length).map(|index| iteration_input(step, id, state, map, index).map(|input| input.value().clone()));
    Ok(Payload::from_value(Value::Array(Arc::new(inputs.collect::<Result<Vec<_>, _>>()?))))
}

/// The input of an iteration: the item, or what `ItemSelector` makes of it.
///
/// # Errors
/// When `ItemSelector` fails.
pub(crate) fn iteration_input(
    step: &Step<'_>,
    id: FrameId,
    state: &State,
    map: &MapState,
    index: u32,
) -> Result<Payload, Problem> {
    let Some(frame) = step.execution.frames.get(&id) else { return Ok(Payload::default()) };
    let Waiting::Iterations { items, .. } = &frame.waiting else { return Ok(Payload::default()) };
    let Some((item, key)) = nth(items.payload.value(), index) else { return Ok(Payload::default()) };
    let Some(selector) = &map.item_selector else {
        return Ok(Payload::from_value(plain_input(item, key)));
    };
    let effective = flow::effective_input(step, id, state)?;
    let mut scope = step.scope(frame, state, &effective);
    scope.item = Some((index, item, key));
    let selected = selector.eval(&scope).map_err(|error| step.problem(id, Fault::of_eval(error, &effective)))?;
    let selected = Payload::from_value(selected);
    flow::not_too_deep(step, id, state, &selected)?;
    Ok(selected)
}

pub(super) fn items(
    step: &Step<'_>,
    id: FrameId,
    state: &State,
    map: &MapState,
    effective: &Payload,
) -> Result<Value, Problem> {
    let Some(frame) = step.execution.frames.get(&id) else { return Ok(Value::Null) };
    let scope = step.scope(frame, state, effective);
    let value = match &map.items {
        Items::Input => effective.value().clone(),
        Items::Path(path) => path.select(&scope).map_err(|missing| step.problem(id, Fault::of_path(&missing)))?,
        Items::Template(template) => {
            let items = template.eval(&scope).map_err(|error| step.problem(id, Fault::of_eval(error, effective)))?;
            flow::not_too_deep(step, id, state, &Payload::from_value(items.clone()))?;
            items
        }
    };
    let fits = matches!(value, Value::Array(_));
    if fits {
        if let Some(probe) = step.probe {
            probe.report_items(&value, effective);
        }
        return Ok(value);
    }
    Err(step.problem(id, not_items(state, map, &value)))
}

/// The items are no array; texts as recorded (test_map_state_items_eval_jsonata_fail, test_map_state_items_input_types).
fn not_items(state: &State, map: &MapState, value: &Value) -> Fault {
    match &map.items {
        Items::Template(stepwell_query::Template::Jsonata { expression, .. }) => {
            flow::unexpected_type("Items", expression.text(), "array", value)
        }
        _ if state.query_language == QueryLanguage::Jsonata => {
            Fault::Evaluation("".into(), format!("Map state input must be an array but was: {value}"))
        }
        Items::Path(path) => {
            let text = path.text();
            // In the context object as if it were the input (recorded: test_state_map_context_object).
            let text = text.strip_prefix('$').filter(|inner| inner.starts_with('$')).unwrap_or(text);
            Fault::Runtime(format!("Reference path \"{text}\" must point to array."))
        }
        _ => Fault::Runtime("Reference path \"$\" must point to array.".to_owned()),
    }
}

fn max_concurrency(
    step: &Step<'_>,
    id: FrameId,
    state: &State,
    map: &MapState,
    effective: &Payload,
) -> Result<u32, Problem> {
    let asked = match &map.max_concurrency {
        None => 0,
        Some(amount) => flow::amount(step, id, state, amount, "MaxConcurrency", effective)?,
    };
    if let Some(probe) = step.probe {
        probe.report_max_concurrency(asked);
    }
    let asked = u32::try_from(asked).unwrap_or(u32::MAX);
    Ok(match step.limits.inline_map_concurrency {
        Some(ceiling) if asked == 0 || asked > ceiling => ceiling,
        _ => asked,
    })
}

pub(super) fn length_of(items: &Value) -> u32 {
    let length = match items {
        Value::Array(items) => items.len(),
        Value::Object(map) => map.len(),
        _ => 0,
    };
    u32::try_from(length).unwrap_or(u32::MAX)
}
