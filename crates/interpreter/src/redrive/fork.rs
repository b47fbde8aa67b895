//! Fork: a new execution goes on from any past event of another one, with other input or another definition.
//!
//! Its history is a history of its own: what was done up to that event is copied, with new numbers and its own
//! ExecutionStarted; what was under way is left out and begins anew. So the history of a fork is one that AWS could have
//! written, and everything that reads histories (a redrive, another fork) reads it too.
//!
//! Of every frame that was open at the event, what is kept ends with its last …StateExited; the state it stood at is
//! entered again. A Parallel or an inline Map with branches that are not done stays open, and its branches go on one by one.

use std::sync::Arc;

use stepwell_asl::{Definition, StateKind};
use stepwell_value::Payload;

use super::past::{Past, PlaceId, Stand, TOP};
use super::reopening;
use crate::command::Moment;
use crate::effect::Effect;
use crate::event::{Details, EventId, EventType, HistoryEvent};
use crate::execution::{Execution, Identity};
use crate::limits::Limits;
use crate::step::Step;
use crate::transition::Transition;

/// A fork that is asked for.
#[derive(Clone, Debug)]
pub struct Fork<'a> {
    /// Who the new execution is.
    pub identity: Arc<Identity>,
    /// The history of the other execution, from its first event on.
    pub history: &'a [HistoryEvent],
    /// The definition that the other execution runs.
    pub source: &'a Definition,
    /// The last event that counts.
    pub event: EventId,
    /// What the state that this event belongs to takes as its input instead, or the state after it when it is done; of
    /// event 1, the input of the execution.
    pub input: Option<Payload>,
}

/// Why an execution cannot be forked there. The text says what to do instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForkRefusal {
    /// The history has no such event.
    NoSuchEvent,
    /// The workflow was done with this event.
    Ended,
    /// A branch was done with this event, so that none of its states takes the input.
    BranchEnded,
    /// The new definition does not have this state where the old one has it.
    StateMissing(Arc<str>),
    /// The branches under way in this state are not the new definition's.
    OtherBranches(Arc<str>),
    /// The history would be full.
    Full,
}

impl std::fmt::Display for ForkRefusal {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ForkRefusal::NoSuchEvent => out.write_str("the execution has no event of this id"),
            ForkRefusal::Ended => out.write_str("the workflow had ended with this event; choose an earlier one"),
            ForkRefusal::BranchEnded => out.write_str(
                "a branch had ended with this event, so that nothing takes the input; choose an earlier event, or leave the input out",
            ),
            ForkRefusal::StateMissing(state) => write!(
                out,
                "the new definition has no state '{state}' at this place, where the execution has to go on; choose an earlier event, or keep the state"
            ),
            ForkRefusal::OtherBranches(state) => write!(
                out,
                "the branches of state '{state}' are under way and differ in the new definition; choose an event before its branches began"
            ),
            ForkRefusal::Full => out.write_str("the history up to this event leaves no room for another one"),
        }
    }
}

/// Makes an execution that goes on from a past event of another one, with `definition`. The Transition only opens it: it
/// writes what is kept of the history, makes the frames, and asks for what lets them go on; none of them runs in it.
///
/// # Errors
/// See [`ForkRefusal`].
pub fn fork(
    definition: &Definition,
    request: &Fork<'_>,
    moment: Moment<'_>,
    limits: &Limits,
) -> Result<(Execution, Transition), ForkRefusal> {
    let history = cut(request)?;
    let Some(Details::ExecutionStarted { input, .. }) = history.first().map(|event| &event.details) else {
        return Err(ForkRefusal::NoSuchEvent);
    };
    let mut past = Past::read(request.source, history);
    let target = target(&past, request, history);
    let mut input = input.clone();
    begin_anew(&mut past, TOP, target.filter(|_| request.input.is_some()));
    if let (Some(edited), Some(target)) = (&request.input, target)
        && !past.takes(target, edited)
    {
        input = edited.clone();
    }
    let mut past = past.translated(definition)?;
    if past.is_done() {
        return Err(ForkRefusal::Ended);
    }
    if request.input.is_some() && target.is_some_and(|id| id != TOP && matches!(past.stand(id), Stand::Ended(_))) {
        return Err(ForkRefusal::BranchEnded);
    }
    let kept = Kept::of(&past, history);
    if limits.history_events.is_some_and(|limit| kept.count() + 1 >= limit) {
        return Err(ForkRefusal::Full);
    }
    past.renumber(|event| kept.number(event));
    let mut execution = Execution::new(Arc::clone(&request.identity), input);
    let mut step = Step::new(definition, &mut execution, moment, limits);
    write_history(&mut step, history, &kept);
    if let Some(seconds) = definition.timeout_seconds {
        let at = moment.now.plus_seconds(seconds);
        step.transition.effects.push(Effect::SetExecutionTimer { at });
    }
    reopening::reopen(&mut step, &past, None);
    let transition = step.finish();
    Ok((execution, transition))
}

/// The part of the history that counts: without the end of the execution, and with the events that were written at once
/// with the last one when branches have joined there.
fn cut<'h>(request: &Fork<'h>) -> Result<&'h [HistoryEvent], ForkRefusal> {
    use EventType as T;
    let mut length = usize::try_from(request.event).unwrap_or(usize::MAX);
    let whole = request.history;
    if length == 0 || length > whole.len() {
        return Err(ForkRefusal::NoSuchEvent);
    }
    while length > 1 && whole.get(length - 1).is_some_and(|event| ends_execution(event.event_type)) {
        length -= 1;
    }
    let joins = |event: &HistoryEvent| {
        matches!(
            event.event_type,
            T::MapIterationSucceeded
                | T::ParallelStateSucceeded
                | T::MapStateSucceeded
                | T::ParallelStateExited
                | T::MapStateExited
        )
    };
    let part = |length: usize| whole.get(..length).unwrap_or(whole);
    let ends_iteration = |event: &HistoryEvent, last: usize| {
        event.event_type == T::MapIterationSucceeded && event.previous == last as EventId
    };
    while let Some(next) = whole.get(length).filter(|event| joins(event))
        && (ends_iteration(next, length) || Past::read(request.source, part(length)).is_joining(TOP))
    {
        length += 1;
    }
    Ok(part(length))
}

/// Whose input may be edited: the frame of the last event; at an end of the execution, the top level's.
fn target(past: &Past<'_>, request: &Fork<'_>, history: &[HistoryEvent]) -> Option<PlaceId> {
    let ended = history.len() < usize::try_from(request.event).unwrap_or(usize::MAX);
    if ended { Some(TOP) } else { past.reachable(past.owner_of(history.len() as EventId)) }
}

/// What is under way begins anew: every open state but a Parallel or Map whose branches can go on.
fn begin_anew(past: &mut Past<'_>, id: PlaceId, edited: Option<PlaceId>) {
    let within = matches!(past.stand(id), Stand::Branches(_) | Stand::Iterations(_)) && edited != Some(id);
    if !within {
        past.begin_anew(id);
        return;
    }
    past.go_on_from_start(id);
    for child in past.children(id) {
        begin_anew(past, child, edited);
    }
}

/// Copies what is kept.
fn write_history(step: &mut Step<'_>, history: &[HistoryEvent], kept: &Kept) {
    for event in history.iter().filter(|event| kept.has(event.id)) {
        let details = match &event.details {
            Details::ExecutionStarted { .. } => {
                let identity = &step.execution.identity;
                Details::ExecutionStarted {
                    input: step.execution.input.clone(),
                    role_arn: Arc::clone(&identity.role_arn),
                    alias_arn: identity.alias_arn.clone(),
                    version_arn: identity.version_arn.clone(),
                }
            }
            other => other.clone(),
        };
        step.record(kept.number(event.previous), event.event_type, details);
    }
}

/// Which events are kept, and the number of each; of one that is not, the number of the last one before it in its branch.
struct Kept {
    /// Of event 1 first: its new number, and whether it is kept itself.
    numbers: Vec<(EventId, bool)>,
}

impl Kept {
    fn of(past: &Past<'_>, history: &[HistoryEvent]) -> Kept {
        let (mut kept, mut next, mut last_of_top) = (Kept { numbers: Vec::new() }, 1, 0);
        for event in history {
            let at_once = matches!(event.event_type, EventType::ExecutionRedriven | EventType::MapRunRedriven);
            let keep = !at_once && !ends_execution(event.event_type) && past.keeps(event);
            let before = match event.event_type {
                EventType::ExecutionRedriven => last_of_top,
                _ => kept.number(event.previous),
            };
            kept.numbers.push((if keep { next } else { before }, keep));
            if keep {
                if past.owner_of(event.id) == TOP && event.id > 1 {
                    last_of_top = next;
                }
                next += 1;
            }
        }
        kept
    }

    fn at(&self, event: EventId) -> Option<(EventId, bool)> {
        self.numbers.get(usize::try_from(event).ok()?.checked_sub(1)?).copied()
    }

    fn has(&self, event: EventId) -> bool {
        self.at(event).is_some_and(|(_, kept)| kept)
    }

    fn number(&self, event: EventId) -> EventId {
        self.at(event).map_or(0, |(number, _)| number)
    }

    fn count(&self) -> EventId {
        self.numbers.iter().filter(|(_, kept)| *kept).count() as EventId
    }
}

fn ends_execution(event_type: EventType) -> bool {
    use EventType as T;
    matches!(event_type, T::ExecutionSucceeded | T::ExecutionFailed | T::ExecutionAborted | T::ExecutionTimedOut)
}

impl<'d> Past<'d> {
    /// Whether all branches of an open Parallel or Map are done, here or below.
    fn is_joining(&self, id: PlaceId) -> bool {
        let (Some(place), Some(state)) = (self.place(id), self.place(id).and_then(|place| self.state_of(place))) else {
            return false;
        };
        let Some((_, length)) = place.started.filter(|_| place.exited.is_none()) else { return false };
        let all_begun = match &state.kind {
            StateKind::Parallel(_) => true,
            _ => place.children.len() as u64 >= length,
        };
        let all_done = || place.children.iter().all(|child| matches!(self.stand(*child), Stand::Ended(_)));
        (all_begun && all_done()) || place.children.iter().any(|child| self.is_joining(*child))
    }

    /// This frame, or the nearest one above it that there was at the end.
    fn reachable(&self, id: PlaceId) -> Option<PlaceId> {
        let mut nearest = id;
        let mut at = id;
        while let Some((parent, _)) = self.place(at)?.parent {
            if !self.place(parent)?.children.contains(&at) {
                nearest = parent;
            }
            at = parent;
        }
        Some(nearest)
    }

    fn children(&self, id: PlaceId) -> Vec<PlaceId> {
        self.place(id).map(|place| place.children.clone()).unwrap_or_default()
    }

    /// Lets an open frame enter its state once more; one that is between two states, or before its first, does anyway.
    fn begin_anew(&mut self, id: PlaceId) {
        let Some(place) = self.place_mut(id).filter(|place| place.exited.is_none()) else { return };
        let Some(entered) = place.entered.take() else { return };
        place.begin_attempt();
        place.entry = Some(entered.input);
        place.anew_from = Some(entered.event);
        place.last_event = entered.previous;
    }

    /// The branches of a Parallel or Map go on: whatever else it has tried is left out.
    fn go_on_from_start(&mut self, id: PlaceId) {
        if let Some(place) = self.place_mut(id)
            && let Some((started, _)) = place.started
        {
            place.last_event = started;
        }
    }

    /// Gives a frame another input for the state it is about to enter; `false`: that is the execution's input.
    fn takes(&mut self, id: PlaceId, input: &Payload) -> bool {
        let Some(place) = self.place_mut(id) else { return true };
        let at_start = id == TOP && place.exited.is_none() && place.entry.is_none();
        if !at_start {
            place.entry = Some(input.clone());
        }
        !at_start
    }

    /// Whether the top level has nothing left to do.
    fn is_done(&self) -> bool {
        let exited = self.place(TOP).is_some_and(|place| place.exited.is_some());
        exited && matches!(self.stand(TOP), Stand::Again)
    }

    /// The same frames in another definition.
    fn translated(self, definition: &Definition) -> Result<Past<'_>, ForkRefusal> {
        let old = self.definition;
        let mut past = self.of(definition);
        let mut open = vec![(TOP, stepwell_asl::BlockId(0))];
        while let Some((id, block)) = open.pop() {
            let state = past.translate(old, id, block)?;
            let children = past.children(id);
            let blocks: Vec<_> = match state.map(|state| &state.kind) {
                Some(StateKind::Parallel(parallel)) if parallel.branches.len() == children.len() => {
                    parallel.branches.clone()
                }
                Some(StateKind::Map(map)) if map.distributed.is_none() => vec![map.processor; children.len()],
                Some(_) => return Err(ForkRefusal::OtherBranches(state.map(|it| it.name.clone()).unwrap_or_default())),
                None => Vec::new(), // none of its branches is under way
            };
            open.extend(children.into_iter().zip(blocks));
        }
        Ok(past)
    }

    /// Finds a frame's state in the new definition; gives it when branches of it are under way.
    fn translate(
        &mut self,
        old: &Definition,
        id: PlaceId,
        block: stepwell_asl::BlockId,
    ) -> Result<Option<&'d stepwell_asl::State>, ForkRefusal> {
        let definition = self.definition;
        let first = super::past::first_state(definition, block);
        let Some(place) = self.place_mut(id) else { return Ok(None) };
        place.block = block;
        if place.entered.is_none() && place.entry.is_none() && place.exited.is_none() {
            place.state = first;
            return Ok(None);
        }
        let Some(name) = old.states.get(place.state.0 as usize).map(|state| Arc::clone(&state.name)) else {
            return Ok(None);
        };
        let found = definition.states.iter().find(|state| state.name == name && state.block == block);
        let state = found.ok_or(ForkRefusal::StateMissing(name))?;
        place.state = state.id;
        Ok(Some(state).filter(|_| !place.children.is_empty()))
    }

    /// Whether an event is of what was done, and not of what begins anew.
    fn keeps(&self, event: &HistoryEvent) -> bool {
        let owner = self.owner_of(event.id);
        let Some(place) = self.place(owner) else { return false };
        if place.anew_from.is_some_and(|from| event.id >= from) {
            return false;
        }
        if let Some(exited) = &place.exited {
            if event.id > exited.event && is_aborted_or_failed(event.event_type) {
                return false;
            }
        } else if let (Some(entered), Some((started, _))) = (&place.entered, place.started) {
            if event.id > entered.event && event.id != started {
                return false;
            }
        } else if event.id != 1 && is_aborted_or_failed(event.event_type) && owner != TOP {
            return false; // of a branch that was not entered yet
        }
        self.is_kept_above(owner, event.id)
    }

    /// Whether the frames above a frame have not begun anew since, and still have it.
    fn is_kept_above(&self, mut id: PlaceId, event: EventId) -> bool {
        while let Some(place) = self.place(id) {
            let Some((parent, _)) = place.parent else { return true };
            let Some(above) = self.place(parent) else { return true };
            if above.anew_from.is_some_and(|from| event >= from) {
                return false;
            }
            let under_way = above.exited.is_none() && above.entered.as_ref().is_some_and(|it| event > it.event);
            if under_way && !above.children.contains(&id) {
                return false;
            }
            id = parent;
        }
        true
    }
}

fn is_aborted_or_failed(event_type: EventType) -> bool {
    use EventType as T;
    matches!(
        event_type,
        T::MapIterationFailed
            | T::MapIterationAborted
            | T::ParallelStateAborted
            | T::MapStateAborted
            | T::TaskStateAborted
            | T::WaitStateAborted
    )
}
