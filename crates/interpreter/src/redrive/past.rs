//! What a history tells of the frames there were when it ended.
//!
//! An event belongs to the frame that the event before it (`previousEventId`) belongs to, or to one near it: where a state
//! is named, to the frame that stands there; where none is, the type of the event says whether it is the frame's own, that
//! of the frame above, or that of a new one. What a state has begun and not ended is known by its missing …StateExited.
//!
//! What it must not do: evaluate anything. Data that no event carries (a Map's items, the input of a branch that was never
//! entered) is made again by [`super::reopening`].

use std::collections::BTreeMap;
use std::sync::Arc;

use stepwell_asl::{BlockId, Definition, State, StateId, StateKind, StateType};
use stepwell_value::{Map, Payload, Timestamp, Value};

use crate::Failure;
use crate::event::{Details, EventId, EventType, HistoryEvent};
use crate::handling;
use crate::states::{Target, target_of};

/// The frames of an execution as its history tells them.
pub(super) struct Past<'d> {
    pub definition: &'d Definition,
    states: BTreeMap<&'d str, StateId>,
    /// All frames there ever were; the first is the top level's.
    places: Vec<Place>,
    /// The frame each event belongs to; event 1 first.
    owners: Vec<PlaceId>,
    /// At least as many frames were made: ids from here on were never used.
    pub next_frame: u32,
}

/// Index of a [`Place`].
pub(super) type PlaceId = usize;

/// The top level's.
pub(super) const TOP: PlaceId = 0;

/// What became of one frame.
#[derive(Clone)]
pub(super) struct Place {
    /// The frame above, and the index of the branch or item.
    pub parent: Option<(PlaceId, u32)>,
    /// The block it runs.
    pub block: BlockId,
    /// The state it stands at, or is about to enter first.
    pub state: StateId,
    /// The last event of its branch.
    pub last_event: EventId,
    /// The entry of that state; none before the first.
    pub entered: Option<Entered>,
    /// The exit from that state; none as long as it was not left.
    pub exited: Option<Exited>,
    /// What it takes as input where it enters a state next; none: what the history says. Only of a fork.
    pub entry: Option<Payload>,
    /// The first event of what begins anew. Only of a fork.
    pub anew_from: Option<EventId>,
    /// The variables assigned in it.
    variables: Map,
    /// The branches or iterations of that state's last attempt.
    pub children: Vec<PlaceId>,
    /// The …StateStarted event of that attempt, and the items of a Map.
    pub started: Option<(EventId, u64)>,
    /// The Map Run of that attempt, and how often it was redriven.
    map_run: Option<(Arc<str>, u64)>,
    /// What the last attempt failed with; none when the history does not say.
    failure: Option<Failure>,
    /// Whether …StateFailed is in the history since the last entry or redrive.
    failed: bool,
}

/// How a state was entered.
#[derive(Clone)]
pub(super) struct Entered {
    /// The event.
    pub event: EventId,
    /// The event before it in its branch.
    pub previous: EventId,
    /// When.
    pub at: Timestamp,
    /// The raw input.
    pub input: Payload,
}

/// How a state was left.
#[derive(Clone)]
pub(super) struct Exited {
    /// The event.
    pub event: EventId,
    /// The output.
    pub output: Payload,
    /// The failure that was caught.
    caught: Option<Failure>,
    /// The variables before; only of a Choice, whose rules may have to be evaluated once more.
    variables_before: Map,
}

/// Where a frame goes on.
pub(super) enum Stand<'p> {
    /// Nowhere: its block has ended.
    Ended(&'p Exited),
    /// At the first state of its block, which was never entered.
    First,
    /// At this state, which was not entered yet.
    Next(StateId, &'p Exited),
    /// At the state that its Choice leads to, which was not entered yet.
    Choice(&'p Exited),
    /// At its state, which is entered once more: a Fail state.
    Enter,
    /// At its state, which is run once more.
    Again,
    /// In the branches of its Parallel, begun with this event.
    Branches(EventId),
    /// In the iterations of its Map, begun with this event.
    Iterations(EventId),
    /// In the children of this Map Run, which was redriven so often.
    MapRun(&'p Arc<str>, u64),
}

impl<'d> Past<'d> {
    /// Reads a history from its first event on.
    pub fn read(definition: &'d Definition, events: &[HistoryEvent]) -> Past<'d> {
        let states = definition.states.iter().map(|state| (&*state.name, state.id)).collect();
        let places = vec![Place::new(None, BlockId(0), first_state(definition, BlockId(0)), 0)];
        let mut past = Past { definition, states, places, owners: Vec::new(), next_frame: 1 };
        for event in events {
            let near = past.owner_of(event.previous);
            let owner = past.take(near, event);
            past.owners.push(owner);
        }
        past
    }

    /// A frame.
    pub fn place(&self, id: PlaceId) -> Option<&Place> {
        self.places.get(id)
    }

    /// A frame, to change it.
    pub fn place_mut(&mut self, id: PlaceId) -> Option<&mut Place> {
        self.places.get_mut(id)
    }

    /// The same frames, of another definition; their blocks and states are not translated yet.
    pub fn of<'n>(self, definition: &'n Definition) -> Past<'n> {
        let states = definition.states.iter().map(|state| (&*state.name, state.id)).collect();
        Past { definition, states, places: self.places, owners: self.owners, next_frame: self.next_frame }
    }

    /// Gives the events that frames know other numbers.
    pub fn renumber(&mut self, number: impl Fn(EventId) -> EventId) {
        for place in &mut self.places {
            place.last_event = number(place.last_event);
            if let Some(entered) = &mut place.entered {
                entered.event = number(entered.event);
            }
            if let Some(exited) = &mut place.exited {
                exited.event = number(exited.event);
            }
            if let Some((started, _)) = &mut place.started {
                *started = number(*started);
            }
        }
    }

    /// The state a frame stands at.
    pub fn state_of(&self, place: &Place) -> Option<&'d State> {
        self.definition.states.get(place.state.0 as usize)
    }

    /// Where a frame goes on.
    pub fn stand(&self, id: PlaceId) -> Stand<'_> {
        let Some(place) = self.place(id) else { return Stand::First };
        let Some(state) = self.state_of(place) else { return Stand::First };
        match (&place.entered, &place.exited) {
            (_, Some(exited)) => self.stand_after(id, state, exited),
            (None, None) => Stand::First,
            (Some(_), None) => self.stand_within(place, state),
        }
    }

    fn stand_after<'p>(&self, id: PlaceId, state: &State, exited: &'p Exited) -> Stand<'p> {
        if let Some(failure) = &exited.caught
            && let Some(next) = handling::catches(state, failure)
        {
            return Stand::Next(next, exited);
        }
        match target_of(state) {
            _ if matches!(state.kind, StateKind::Choice(_)) => Stand::Choice(exited),
            Target::State(next) => Stand::Next(next, exited),
            Target::End if id == TOP => Stand::Again,
            Target::End => Stand::Ended(exited),
        }
    }

    /// A Parallel or Map of which nothing failed below has failed itself, and is run once more as a whole.
    fn stand_within<'p>(&self, place: &'p Place, state: &State) -> Stand<'p> {
        match (&state.kind, &place.started, &place.map_run) {
            (StateKind::Fail(_), _, _) => Stand::Enter,
            (StateKind::Parallel(_), Some((started, _)), _) if self.has_open(place) => Stand::Branches(*started),
            (StateKind::Map(map), _, Some((arn, count))) if map.distributed.is_some() => Stand::MapRun(arn, *count),
            (StateKind::Map(map), Some((started, length)), _) if map.distributed.is_none() => {
                let all_begun = place.children.len() as u64 >= *length;
                if all_begun && !self.has_open(place) { Stand::Again } else { Stand::Iterations(*started) }
            }
            _ => Stand::Again,
        }
    }

    fn has_open(&self, place: &Place) -> bool {
        place.children.iter().any(|child| !matches!(self.stand(*child), Stand::Ended(_)))
    }

    // ------------------------------------------------------------------ finding the frame

    /// The frame an event belongs to.
    pub fn owner_of(&self, event: EventId) -> PlaceId {
        let index = usize::try_from(event).ok().and_then(|event| event.checked_sub(1));
        index.and_then(|index| self.owners.get(index)).copied().unwrap_or(TOP)
    }

    fn parent_of(&self, id: PlaceId) -> Option<PlaceId> {
        self.place(id)?.parent.map(|(parent, _)| parent)
    }

    /// The first of a frame and those above it that fulfils a condition.
    fn upwards(&self, from: PlaceId, fits: impl Fn(&Place) -> bool) -> Option<PlaceId> {
        std::iter::successors(Some(from), |id| self.parent_of(*id)).find(|id| self.place(*id).is_some_and(&fits))
    }

    /// The frame that runs this block: at or above `near`, or a branch of it.
    fn running(&self, near: PlaceId, block: BlockId) -> Option<PlaceId> {
        let of_block = |id: &PlaceId| self.place(*id).is_some_and(|place| place.block == block);
        self.upwards(near, |place| place.block == block)
            .or_else(|| self.place(near)?.children.iter().copied().find(of_block))
    }

    fn stands_at(&self, place: &Place, of_type: StateType) -> bool {
        place.entered.is_some()
            && place.exited.is_none()
            && self.state_of(place).is_some_and(|state| state.state_type() == of_type)
    }

    // ------------------------------------------------------------------ taking events

    /// Takes an event; `near` is the owner of the event it follows. Gives its own owner.
    fn take(&mut self, near: PlaceId, event: &HistoryEvent) -> PlaceId {
        use EventType as T;
        match (&event.details, event.event_type) {
            (Details::StateEntered { name, input }, _) => self.entered(near, event, name, input),
            (Details::StateExited { name, output, assigned }, _) => self.exited(near, event, name, output, assigned),
            (Details::EvaluationFailed { failure, state, .. }, _) => {
                self.evaluation_failed(near, event, state, failure)
            }
            (Details::MapIteration { name, index }, T::MapIterationStarted) => {
                self.iteration_started(near, event, name, *index)
            }
            (Details::MapStateStarted { length }, _) => self.started(near, event, StateType::Map, *length),
            (Details::None, T::ParallelStateStarted) => self.started(near, event, StateType::Parallel, 0),
            (Details::None, T::ParallelStateFailed) => self.state_failed(near, event, StateType::Parallel),
            (Details::None, T::MapStateFailed) => self.state_failed(near, event, StateType::Map),
            (Details::ExecutionRedriven { .. }, _) => self.redriven(event),
            (_, other) if follows_nothing(other) => near,
            _ => self.own(near, event),
        }
    }

    /// An event of a task or a Map Run.
    fn own(&mut self, id: PlaceId, event: &HistoryEvent) -> PlaceId {
        let Some(place) = self.places.get_mut(id) else { return id };
        place.last_event = event.id;
        match &event.details {
            Details::TaskFailure { failure, .. } | Details::Failure(failure) => place.failure = Some(failure.clone()),
            Details::MapRunStarted { map_run_arn } => place.map_run = Some((Arc::clone(map_run_arn), 0)),
            Details::MapRunRedriven { map_run_arn, redrive_count } => {
                place.map_run = Some((Arc::clone(map_run_arn), *redrive_count));
            }
            Details::None if event.event_type == EventType::MapRunSucceeded => place.map_run = None,
            Details::None | Details::ActivityStarted { .. } | Details::TaskStarted { .. } => {}
            _ => place.failure = None,
        }
        id
    }

    fn entered(&mut self, near: PlaceId, event: &HistoryEvent, name: &str, input: &Payload) -> PlaceId {
        let Some(state) = self.states.get(name).and_then(|id| self.definition.states.get(id.0 as usize)) else {
            return near;
        };
        let Some(id) = self.running(near, state.block) else { return near };
        if let Some(place) = self.places.get_mut(id) {
            place.begin_attempt();
            place.state = state.id;
            place.entered =
                Some(Entered { event: event.id, previous: event.previous, at: event.at, input: input.clone() });
            (place.exited, place.failed) = (None, false);
            place.last_event = event.id;
        }
        id
    }

    fn exited(
        &mut self,
        near: PlaceId,
        event: &HistoryEvent,
        name: &str,
        output: &Payload,
        assigned: &[(Arc<str>, Payload)],
    ) -> PlaceId {
        let Some(state) = self.states.get(name).copied() else { return near };
        let Some(id) = self.upwards(near, |place| place.state == state) else { return near };
        let is_choice =
            self.place(id).and_then(|place| self.state_of(place)).is_some_and(|s| s.state_type() == StateType::Choice);
        if let Some(place) = self.places.get_mut(id) {
            let variables_before = if is_choice { place.variables.clone() } else { Map::default() };
            let caught = place.failure.take();
            place.begin_attempt();
            place.exited = Some(Exited { event: event.id, output: output.clone(), caught, variables_before });
            place.last_event = event.id;
            let assigned = assigned.iter().map(|(name, value)| (Arc::clone(name), value.value().clone()));
            place.variables.extend(assigned);
        }
        id
    }

    fn evaluation_failed(&mut self, near: PlaceId, event: &HistoryEvent, name: &str, failure: &Failure) -> PlaceId {
        let block = self.states.get(name).and_then(|id| self.definition.states.get(id.0 as usize));
        let Some(id) = block.and_then(|state| self.running(near, state.block)) else { return near };
        if let Some(place) = self.places.get_mut(id) {
            (place.failure, place.last_event) = (Some(failure.clone()), event.id);
        }
        id
    }

    /// A Parallel or Map begins, for the first time or once more: then the event follows the last one of what failed below.
    fn started(&mut self, near: PlaceId, event: &HistoryEvent, of_type: StateType, length: u64) -> PlaceId {
        let Some(id) = self.upwards(near, |place| self.stands_at(place, of_type) && !place.failed) else { return near };
        let state = self.place(id).and_then(|place| self.state_of(place));
        let branches = match state.map(|state| &state.kind) {
            Some(StateKind::Parallel(parallel)) => parallel.branches.as_slice(),
            _ => &[],
        };
        if let Some(place) = self.places.get_mut(id) {
            place.begin_attempt();
            place.started = Some((event.id, length));
            place.last_event = event.id;
        }
        for (index, block) in (0u32..).zip(branches) {
            self.add(id, index, *block, event.id);
        }
        id
    }

    fn iteration_started(&mut self, near: PlaceId, event: &HistoryEvent, name: &str, index: u64) -> PlaceId {
        let Some(state) = self.states.get(name).copied() else { return near };
        let Some(id) = self.upwards(near, |place| place.state == state) else { return near };
        let kind = self.definition.states.get(state.0 as usize).map(|state| &state.kind);
        let Some(StateKind::Map(map)) = kind else { return near };
        self.add(id, u32::try_from(index).unwrap_or(u32::MAX), map.processor, event.id)
    }

    fn add(&mut self, parent: PlaceId, index: u32, block: BlockId, last_event: EventId) -> PlaceId {
        let id = self.places.len();
        let state = first_state(self.definition, block);
        self.places.push(Place::new(Some((parent, index)), block, state, last_event));
        if let Some(parent) = self.places.get_mut(parent) {
            parent.children.push(id);
        }
        self.next_frame = self.next_frame.saturating_add(1);
        id
    }

    /// …StateFailed: the frame's own when one of its expressions has failed, else that of the frame above what failed.
    fn state_failed(&mut self, near: PlaceId, event: &HistoryEvent, of_type: StateType) -> PlaceId {
        let own = self.place(near).is_some_and(|place| {
            self.stands_at(place, of_type)
                && !place.failed
                && place.failure.is_some()
                && place.last_event == event.previous
        });
        let id = if own { near } else { self.parent_of(near).unwrap_or(near) };
        let failure = self.place(near).and_then(|place| place.failure.clone()).unwrap_or_default();
        if let Some(place) = self.places.get_mut(id) {
            (place.failure, place.failed, place.last_event) = (Some(failure), true, event.id);
        }
        id
    }

    /// All frames that were open were made anew.
    fn redriven(&mut self, event: &HistoryEvent) -> PlaceId {
        let mut open = vec![TOP];
        while let Some(id) = open.pop() {
            self.next_frame = self.next_frame.saturating_add(1);
            if let Some(place) = self.places.get_mut(id) {
                (place.failed, place.failure) = (false, None);
                open.extend(&place.children);
            }
        }
        if let Some(top) = self.places.get_mut(TOP) {
            top.last_event = event.id;
        }
        TOP
    }
}

impl Place {
    fn new(parent: Option<(PlaceId, u32)>, block: BlockId, state: StateId, last_event: EventId) -> Place {
        Place {
            parent,
            block,
            state,
            last_event,
            entered: None,
            exited: None,
            entry: None,
            anew_from: None,
            variables: Map::default(),
            children: Vec::new(),
            started: None,
            map_run: None,
            failure: None,
            failed: false,
        }
    }

    /// Forgets what the last attempt at the state has done.
    pub fn begin_attempt(&mut self) {
        self.children.clear();
        (self.started, self.map_run, self.failure) = (None, None, None);
    }

    /// The variables as an object; none when nothing was assigned.
    pub fn variables(&self) -> Option<Payload> {
        object(&self.variables)
    }
}

impl Exited {
    /// The variables before a Choice was left, as an object; none when there were none.
    pub fn variables_before(&self) -> Option<Payload> {
        object(&self.variables_before)
    }
}

/// An object of these members; none when there are none.
fn object(members: &Map) -> Option<Payload> {
    (!members.is_empty()).then(|| Payload::from_value(Value::Object(Arc::new(members.clone()))))
}

/// The state a block begins with.
pub(super) fn first_state(definition: &Definition, block: BlockId) -> StateId {
    definition.blocks.get(block.0 as usize).map_or(StateId(0), |block| block.start_at)
}

/// Events that are written beside a branch: none of its own follows them.
fn follows_nothing(event_type: EventType) -> bool {
    use EventType as T;
    matches!(
        event_type,
        T::ExecutionStarted
            | T::ExecutionFailed
            | T::ExecutionAborted
            | T::ExecutionTimedOut
            | T::ExecutionSucceeded
            | T::MapIterationSucceeded
            | T::MapIterationFailed
            | T::MapIterationAborted
            | T::ParallelStateSucceeded
            | T::ParallelStateAborted
            | T::MapStateSucceeded
            | T::MapStateAborted
            | T::TaskStateAborted
            | T::WaitStateAborted
    )
}
