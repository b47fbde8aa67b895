//! Branches of Parallel and iterations of Map: how they end, how their outputs are collected, how they are aborted.

use std::sync::Arc;

use stepwell_asl::{StateKind, StateType};
use stepwell_value::Payload;

use crate::event::{Details, EventId, EventType};
use crate::execution::{FrameId, Held, Status, Waiting};
use crate::flow;
use crate::problem::Problem;
use crate::states::Outcome;
use crate::step::Step;

/// A block has come to its end with this output.
pub(crate) fn block_ended(step: &mut Step<'_>, id: FrameId, output: Held) {
    let Some(frame) = step.execution.frames.get(&id) else { return };
    let (last_event, parent) = (frame.last_event, frame.parent);
    let Some((parent, index)) = parent else {
        let details = Details::Output { output: output.payload };
        step.close(EventType::ExecutionSucceeded, last_event, details, Status::Succeeded);
        return;
    };
    step.wait(id, Waiting::Siblings { output });
    drop_variables(step, id);
    let outcome = match step.execution.frames.get(&parent).map(|frame| &frame.waiting) {
        Some(Waiting::Branches { .. }) => branch_ended(step, parent, last_event),
        Some(Waiting::Iterations { .. }) => iteration_ended(step, parent, index, last_event),
        _ => return,
    };
    step.settle(parent, outcome);
}

/// A branch that has ended needs its variables no more.
fn drop_variables(step: &mut Step<'_>, id: FrameId) {
    let mut dropped = None;
    step.with_frame(id, |frame| dropped = frame.variables.take());
    if let Some(crate::Source::Content(number)) = dropped.map(|variables| variables.values.source) {
        step.transition.contents_removed.push(number);
    }
}

fn branch_ended(step: &mut Step<'_>, parent: FrameId, last_event: EventId) -> Result<Outcome, Problem> {
    let mut left = 0;
    step.with_frame(parent, |frame| {
        if let Waiting::Branches { open, .. } = &mut frame.waiting {
            *open = open.saturating_sub(1);
            left = *open;
        }
    });
    if left > 0 {
        return Ok(Outcome::Waits);
    }
    step.record(last_event, EventType::ParallelStateSucceeded, Details::None);
    collect(step, parent, last_event)
}

fn iteration_ended(step: &mut Step<'_>, parent: FrameId, index: u32, last_event: EventId) -> Result<Outcome, Problem> {
    let name = step.state_of(parent).map_or_else(|| Arc::from(""), |state| Arc::clone(&state.name));
    let details = Details::MapIteration { name, index: u64::from(index) };
    let succeeded = step.record(last_event, EventType::MapIterationSucceeded, details);
    let mut finished = false;
    step.with_frame(parent, |frame| {
        if let Waiting::Iterations { open, next, items, .. } = &mut frame.waiting {
            *open = open.saturating_sub(1);
            finished = *open == 0 && crate::context::nth(items.payload.value(), *next).is_none();
        }
        // The next iteration follows the last event of the one that made room for it, the end of the Map its
        // MapIterationSucceeded (recorded: test_map_state, MAP_STATE_REFERENCE_IN_MAX_CONCURRENCY_PATH).
        frame.last_event = if finished { succeeded } else { last_event };
    });
    if finished {
        return collect_iterations(step, parent);
    }
    if !step.ready.contains(&parent) {
        step.ready.push_back(parent);
    }
    Ok(Outcome::Waits)
}

/// The end of a Map state.
pub(crate) fn collect_iterations(step: &mut Step<'_>, id: FrameId) -> Result<Outcome, Problem> {
    let last_event = step.execution.frames.get(&id).map_or(0, |frame| frame.last_event);
    step.record(last_event, EventType::MapStateSucceeded, Details::None);
    collect(step, id, last_event)
}

/// Collects the outputs in the order of the branches and leaves the state.
fn collect(step: &mut Step<'_>, id: FrameId, last_event: EventId) -> Result<Outcome, Problem> {
    let ended = ended_children(step, id);
    let result = Payload::from_checked_text(joined_outputs(step, &ended));
    ended.iter().for_each(|child| step.close_frame(*child));
    give_up(step, id);
    step.with_frame(id, |frame| frame.last_event = last_event);
    let Some(state) = step.state_of(id) else { return Ok(Outcome::Waits) };
    flow::leave(step, id, state, result, true).map(Outcome::Exits)
}

/// The branches or iterations of a state of which all have ended, in the order of their indices. The search ends with the
/// last of them: a Parallel inside a wide Map must not look at all the other iterations.
fn ended_children(step: &Step<'_>, id: FrameId) -> Vec<FrameId> {
    let count = match step.execution.frames.get(&id).map(|frame| &frame.waiting) {
        Some(Waiting::Iterations { next, .. }) => usize::try_from(*next).unwrap_or(usize::MAX),
        _ => match step.state_of(id).map(|state| &state.kind) {
            Some(StateKind::Parallel(parallel)) => parallel.branches.len(),
            _ => 0,
        },
    };
    let below = step.execution.frames.range(id..);
    let mine = below.filter_map(|(child, frame)| match frame.parent {
        Some((parent, index)) if parent == id => Some((index, *child)),
        _ => None,
    });
    let mut ended: Vec<(u32, FrameId)> = mine.take(count).collect();
    ended.sort();
    ended.into_iter().map(|(_, child)| child).collect()
}

/// The outputs as one JSON array. Each keeps its spelling (recorded: test_parallel_state_nested).
fn joined_outputs(step: &Step<'_>, ended: &[FrameId]) -> String {
    let output = |child: &FrameId| match step.execution.frames.get(child).map(|frame| &frame.waiting) {
        Some(Waiting::Siblings { output }) => Some(&**output.payload.text()),
        _ => None,
    };
    let texts: Vec<&str> = ended.iter().filter_map(output).collect();
    format!("[{}]", texts.join(","))
}

/// Removes everything a Parallel or Map has started; the state waits for nothing then.
pub(crate) fn close_children(step: &mut Step<'_>, id: FrameId) {
    if has_children(step, id) {
        for frame in descendants(step, id) {
            step.close_frame(frame);
        }
    }
    give_up(step, id);
}

/// Whether the frame stands at a Parallel or Map that has started something. Asked before anything is searched for: most
/// states that fail are Tasks, perhaps among thousands of others.
fn has_children(step: &Step<'_>, id: FrameId) -> bool {
    let waiting = step.execution.frames.get(&id).map(|frame| &frame.waiting);
    matches!(waiting, Some(Waiting::Branches { .. } | Waiting::Iterations { .. }))
}

/// Gives up what a state waits for.
fn give_up(step: &mut Step<'_>, id: FrameId) {
    let Some(frame) = step.execution.frames.get(&id) else { return };
    let (waiting, epoch) = (frame.waiting.clone(), frame.epoch);
    if matches!(waiting, Waiting::Branches { .. } | Waiting::Iterations { .. }) {
        step.release(&waiting, id, epoch);
        step.with_frame(id, |frame| frame.waiting = Waiting::Nothing);
    }
    if matches!(waiting, Waiting::Task(_)) {
        step.with_frame(id, |frame| {
            frame.waiting = Waiting::Nothing;
            frame.epoch += 1;
        });
    }
}

/// All frames below a frame, parents before their children.
fn descendants(step: &Step<'_>, id: FrameId) -> Vec<FrameId> {
    let mut found = vec![id];
    // Children are made after their parents, so one pass in the order of the ids finds all of them.
    for (child, frame) in step.execution.frames.range(id..) {
        if let Some((parent, _)) = frame.parent
            && found.binary_search(&parent).is_ok()
        {
            found.push(*child);
        }
    }
    found.remove(0);
    found
}

/// Writes what becomes of the branches of a Parallel or Map of which one has failed. All these events follow the last one
/// of the failed branch (recorded: test_service_lambda_map_timeout, test_parallel_catch_error).
pub(crate) fn abort_siblings(step: &mut Step<'_>, parent: FrameId, failed: FrameId) {
    let Some(frame) = step.execution.frames.get(&failed) else { return };
    let last_event = frame.last_event;
    let index = frame.parent.map(|(_, index)| index);
    let siblings = siblings(step, parent, failed);
    siblings.iter().for_each(|sibling| crate::task::time_out_if_due(step, *sibling));
    let iterations = step.state_of(parent).filter(|state| matches!(state.kind, StateKind::Map(_)));
    if let (Some(state), Some(index)) = (iterations, index) {
        let details = Details::MapIteration { name: Arc::clone(&state.name), index: u64::from(index) };
        step.record(last_event, EventType::MapIterationFailed, details);
    }
    if step.state_of(failed).is_some_and(|state| state.state_type() == StateType::Task) {
        step.record(last_event, EventType::TaskStateAborted, Details::None);
    }
    for sibling in siblings {
        abort(step, sibling, last_event);
    }
}

/// The open branches besides the failed one, by index.
fn siblings(step: &Step<'_>, parent: FrameId, failed: FrameId) -> Vec<FrameId> {
    let open = step.execution.frames.range(parent..).filter(|(id, frame)| {
        let mine = frame.parent.is_some_and(|(above, _)| above == parent);
        mine && **id != failed && !matches!(frame.waiting, Waiting::Siblings { .. })
    });
    let mut open: Vec<(u32, FrameId)> =
        open.filter_map(|(id, frame)| frame.parent.map(|(_, index)| (index, *id))).collect();
    open.sort();
    open.into_iter().map(|(_, id)| id).collect()
}

/// Writes the events of an aborted branch, its own branches first.
fn abort(step: &mut Step<'_>, id: FrameId, last_event: EventId) {
    if has_children(step, id) {
        for child in siblings(step, id, id) {
            abort(step, child, last_event);
        }
    }
    let Some(frame) = step.execution.frames.get(&id) else { return };
    let above = frame.parent.and_then(|(parent, index)| step.state_of(parent).map(|state| (state, index)));
    if let Some((state, index)) = above.filter(|(state, _)| matches!(state.kind, StateKind::Map(_))) {
        let details = Details::MapIteration { name: Arc::clone(&state.name), index: u64::from(index) };
        step.record(last_event, EventType::MapIterationAborted, details);
    }
    if step.execution.frames.get(&id).is_none_or(|frame| frame.entered_event == 0) {
        return; // it was about to enter its first state
    }
    let aborted = match step.state_of(id).map(|state| state.state_type()) {
        Some(StateType::Task) => EventType::TaskStateAborted,
        Some(StateType::Wait) => EventType::WaitStateAborted,
        Some(StateType::Parallel) => EventType::ParallelStateAborted,
        Some(StateType::Map) => EventType::MapStateAborted,
        _ => return,
    };
    step.record(last_event, aborted, Details::None);
}
