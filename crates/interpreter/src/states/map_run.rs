//! Map in mode DISTRIBUTED: the items are handed to a Map Run, whose child executions run outside of this one.

use std::sync::Arc;

use stepwell_asl::State;
use stepwell_asl::definition::{Amount, Distributed, MapState};
use stepwell_value::{Number, Payload, Value};

use crate::Failure;
use crate::context::nth;
use crate::effect::{Effect, MapRunRedrive, MapRunRequest};
use crate::event::{Details, EventType};
use crate::execution::{FrameId, MapRunWait, Waiting};
use crate::flow;
use crate::problem::{Fault, Problem};
use crate::states::{Outcome, map};
use crate::step::Step;
use crate::test_state::probe::Stage;

/// How a Map Run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum MapRunOutcome {
    /// It succeeded; the outputs of its children, in the order of the items.
    Succeeded(Payload),
    /// Too many children failed, or the run could not be made.
    Failed(Failure),
}

pub(crate) fn run(
    step: &mut Step<'_>,
    id: FrameId,
    state: &State,
    map: &MapState,
    distributed: &Distributed,
) -> Result<Outcome, Problem> {
    if let Some(what) = missing(distributed).filter(|_| step.probe.is_none()) {
        let cause = format!("{what} of a Map in mode DISTRIBUTED is not available in this version of Stepwell");
        return Err(Problem::ordinary(Failure::new("States.ItemReaderFailed", cause)));
    }
    let effective = flow::effective_input(step, id, state)?;
    let items = match step.probe {
        Some(probe) if distributed.reader.is_some() => probe.read_items(distributed)?,
        _ => map::items(step, id, state, map, &effective)?,
    };
    let length = map::length_of(&items);
    let max_concurrency = match &map.max_concurrency {
        None => 0,
        Some(amount) => flow::amount(step, id, state, amount, "MaxConcurrency", &effective)?,
    };
    step.emit(id, EventType::MapStateStarted, Details::MapStateStarted { length: u64::from(length) });
    let tolerated_count = tolerated_count(step, id, state, distributed, &effective)?;
    let tolerated_percentage = tolerated_percentage(step, id, state, distributed, &effective)?;
    if let Some(probe) = step.probe {
        probe.report_max_concurrency(max_concurrency);
        probe.report_tolerated(tolerated_count, tolerated_percentage);
    }
    let inputs = child_inputs(step, id, state, map, &items, &effective)?;
    if step.probe.is_some() && map.item_selector.is_some() {
        step.report(Stage::ItemSelector, &Payload::from_value(Value::array(inputs.iter().cloned())));
    }
    let map_run_arn = map_run_arn(step, distributed);
    step.emit(id, EventType::MapRunStarted, Details::MapRunStarted { map_run_arn: Arc::clone(&map_run_arn) });
    let inputs = step.put_content(Payload::from_value(Value::Array(Arc::new(inputs))));
    let wait = MapRunWait { map_run_arn, inputs, max_concurrency, tolerated_count, tolerated_percentage };
    let epoch = step.wait(id, Waiting::MapRun(wait.clone()));
    let request = request(id, epoch, distributed, &wait, None);
    step.transition.effects.push(Effect::StartMapRun(Box::new(request)));
    Ok(Outcome::Waits)
}

/// What a Map Run was begun with, for going on with it: all of it follows from the state's input.
///
/// # Errors
/// When an expression fails.
pub(crate) fn again(
    step: &mut Step<'_>,
    id: FrameId,
    state: &State,
    map: &MapState,
    distributed: &Distributed,
    map_run_arn: &Arc<str>,
) -> Result<MapRunWait, Problem> {
    let effective = flow::effective_input(step, id, state)?;
    let items = map::items(step, id, state, map, &effective)?;
    let max_concurrency = match &map.max_concurrency {
        None => 0,
        Some(amount) => flow::amount(step, id, state, amount, "MaxConcurrency", &effective)?,
    };
    let inputs = child_inputs(step, id, state, map, &items, &effective)?;
    let tolerated_count = tolerated_count(step, id, state, distributed, &effective)?;
    let tolerated_percentage = tolerated_percentage(step, id, state, distributed, &effective)?;
    let inputs = step.put_content(Payload::from_value(Value::Array(Arc::new(inputs))));
    let map_run_arn = Arc::clone(map_run_arn);
    Ok(MapRunWait { map_run_arn, inputs, max_concurrency, tolerated_count, tolerated_percentage })
}

/// The request for a Map Run; `redriven` is the redrive in which it goes on.
pub(crate) fn request(
    frame: FrameId,
    epoch: u32,
    distributed: &Distributed,
    wait: &MapRunWait,
    redriven: Option<MapRunRedrive>,
) -> MapRunRequest {
    MapRunRequest {
        frame,
        epoch,
        map_run_arn: Arc::clone(&wait.map_run_arn),
        child_definition: Arc::clone(&distributed.child_definition),
        express_children: distributed.express_children,
        redriven,
        inputs: wait.inputs.payload.clone(),
        max_concurrency: wait.max_concurrency,
        tolerated_count: wait.tolerated_count,
        tolerated_percentage: wait.tolerated_percentage,
    }
}

/// The Map Run has ended.
pub(crate) fn ended(step: &mut Step<'_>, id: FrameId, outcome: &MapRunOutcome) {
    let Some(frame) = step.execution.frames.get(&id) else { return };
    let (waiting, epoch) = (frame.waiting.clone(), frame.epoch);
    if !matches!(waiting, Waiting::MapRun(_)) {
        return;
    }
    step.release_content(&waiting);
    step.with_frame(id, |frame| {
        frame.waiting = Waiting::Nothing;
        frame.epoch = epoch + 1;
    });
    match outcome {
        MapRunOutcome::Succeeded(outputs) => {
            let event = step.emit(id, EventType::MapRunSucceeded, Details::None);
            step.record(event, EventType::MapStateSucceeded, Details::None);
            let Some(state) = step.state_of(id) else { return };
            let left = flow::leave(step, id, state, outputs.clone(), true).map(Outcome::Exits);
            step.settle(id, left);
        }
        MapRunOutcome::Failed(failure) => {
            step.emit(id, EventType::MapRunFailed, Details::Failure(failure.clone()));
            let problem = Problem { of_branch: true, ..Problem::ordinary(failure.clone()) };
            crate::handling::handle(step, id, problem);
        }
    }
}

/// What this version cannot do.
fn missing(distributed: &Distributed) -> Option<&'static str> {
    if distributed.item_reader.is_some() {
        Some("ItemReader")
    } else if distributed.item_batcher.is_some() {
        Some("ItemBatcher")
    } else if distributed.result_writer.is_some() {
        Some("ResultWriter")
    } else {
        None
    }
}

/// The inputs of the children: the items, or what `ItemSelector` makes of each.
fn child_inputs(
    step: &Step<'_>,
    id: FrameId,
    state: &State,
    map: &MapState,
    items: &Value,
    effective: &Payload,
) -> Result<Vec<Value>, Problem> {
    let Some(frame) = step.execution.frames.get(&id) else { return Ok(Vec::new()) };
    let is_state_data = map.distributed.as_ref().is_some_and(|distributed| distributed.reader.is_none());
    let source = is_state_data.then_some("STATE_DATA");
    let mut inputs = Vec::new();
    for index in 0..map::length_of(items) {
        let Some((item, key)) = nth(items, index) else { break };
        let input = match &map.item_selector {
            None => map::plain_input(item, key),
            Some(selector) => {
                let mut scope = step.scope(frame, state, effective);
                scope.item = Some((index, item, key));
                scope.item_source = source;
                let input =
                    selector.eval(&scope).map_err(|error| step.problem(id, Fault::of_eval(error, effective)))?;
                flow::not_too_deep(step, id, state, &Payload::from_value(input.clone()))?;
                input
            }
        };
        inputs.push(input);
    }
    Ok(inputs)
}

/// `ToleratedFailureCount`; texts as recorded (test_map_state_tolerated_failure_count_path).
fn tolerated_count(
    step: &Step<'_>,
    id: FrameId,
    state: &State,
    distributed: &Distributed,
    effective: &Payload,
) -> Result<Option<u64>, Problem> {
    let amount = distributed.tolerated_failure_count.as_ref();
    amount.map(|amount| flow::amount(step, id, state, amount, "ToleratedFailureCount", effective)).transpose()
}

/// `ToleratedFailurePercentage`, 0 to 100; texts as recorded (test_map_state_tolerated_failure_percentage_path).
fn tolerated_percentage(
    step: &Step<'_>,
    id: FrameId,
    state: &State,
    distributed: &Distributed,
    effective: &Payload,
) -> Result<Option<f64>, Problem> {
    const FIELD: &str = "ToleratedFailurePercentage";
    let Some(amount) = &distributed.tolerated_failure_percentage else { return Ok(None) };
    let (percentage, fault) = match amount {
        Amount::Fixed(percentage) => return Ok(Some(*percentage as f64)),
        Amount::Path(path) => {
            let Some(frame) = step.execution.frames.get(&id) else { return Ok(None) };
            let found = path.select(&step.scope(frame, state, effective));
            let value = found.map_err(|missing| step.problem(id, Fault::of_path(&missing)))?;
            let written = value.as_str().and_then(|text| text.parse().ok());
            let (shown, path) = (flow::quoted(&value), path.text());
            let text = format!("The {FIELD}Path field refers to value {shown} which is not a valid float: {path}");
            (value.as_number().map(Number::as_f64).or(written), Fault::Runtime(text))
        }
        Amount::Jsonata(expression) => {
            let value = flow::jsonata(step, id, state, expression, FIELD, None, None)?;
            let fault = flow::unexpected_type(FIELD, expression.text(), "number", &value);
            (value.as_number().map(Number::as_f64), fault)
        }
    };
    match percentage {
        None => Err(step.problem(id, fault)),
        Some(percentage) if (0.0..=100.0).contains(&percentage) => Ok(Some(percentage)),
        Some(_) => {
            let text = format!("{FIELD} must be between 0 and 100.");
            Err(step.problem(id, flow::of_field(amount, FIELD, text)))
        }
    }
}

/// `arn:…:mapRun:MACHINE/LABEL:UUID`; a state without `Label` gets a random one.
fn map_run_arn(step: &Step<'_>, distributed: &Distributed) -> Arc<str> {
    let label = distributed.label.clone().unwrap_or_else(|| step.random_uuid());
    let base = step.execution.identity.state_machine_arn.replacen(":stateMachine:", ":mapRun:", 1);
    Arc::from(format!("{base}/{label}:{}", step.random_uuid()))
}
