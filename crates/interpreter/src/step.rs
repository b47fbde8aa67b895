//! The step: a command is applied, then every frame runs until it waits or ends.

use std::cell::{Cell, OnceCell};
use std::collections::VecDeque;
use std::sync::Arc;

use stepwell_asl::{Definition, State, StateId};
use stepwell_value::{Payload, Value};

use crate::command::{Command, Moment};
use crate::effect::{Effect, TimerKind};
use crate::event::{Details, EventId, EventType, HistoryEvent};
use crate::execution::{Execution, Frame, FrameId, Held, Source, Status, Variables, Waiting};
use crate::limits::Limits;
use crate::problem::{Fault, Problem};
use crate::scope::StateScope;
use crate::states::{self, Outcome};
use crate::test_state::probe::{Probe, Stage};
use crate::transition::Transition;
use crate::{Failure, task};

/// Applies a command to an execution and runs it until every frame waits, it ends, or the step's budget is used up.
/// The execution is left as the returned [`Transition`] describes. A stale command changes nothing.
pub fn step(
    definition: &Definition,
    execution: &mut Execution,
    command: &Command,
    moment: Moment<'_>,
    limits: &Limits,
) -> Transition {
    let mut step = Step::new(definition, execution, moment, limits);
    if step.execution.status != Status::Running {
        return step.transition;
    }
    step.apply(command);
    step.run_ready();
    step.finish()
}

/// A step at work.
pub(crate) struct Step<'s> {
    pub definition: &'s Definition,
    pub execution: &'s mut Execution,
    pub moment: Moment<'s>,
    pub limits: &'s Limits,
    pub transition: Transition,
    /// Frames that can go on.
    pub ready: VecDeque<FrameId>,
    /// What TestState gives and wants to know; none in an execution.
    pub probe: Option<&'s Probe>,
    random: Cell<u64>,
    /// State transitions that this step may still make.
    budget: u32,
    /// Whether the history has no room for another event.
    full: bool,
}

impl<'s> Step<'s> {
    /// A step that has done nothing yet.
    pub fn new(
        definition: &'s Definition,
        execution: &'s mut Execution,
        moment: Moment<'s>,
        limits: &'s Limits,
    ) -> Step<'s> {
        Step {
            definition,
            moment,
            limits,
            transition: Transition { expected_next_event: execution.next_event, ..Transition::default() },
            execution,
            ready: VecDeque::new(),
            probe: None,
            random: Cell::new(moment.entropy),
            budget: limits.transitions_per_step,
            full: false,
        }
    }

    fn apply(&mut self, command: &Command) {
        match command {
            Command::Start => self.start(),
            Command::TimerFired { frame, epoch, kind } => self.timer_fired(*frame, *epoch, *kind),
            Command::Task { frame, epoch, progress } => {
                if self.is_current(*frame, *epoch) {
                    task::progress(self, *frame, progress);
                }
            }
            Command::MapRunEnded { frame, epoch, outcome } => {
                if self.is_current(*frame, *epoch) {
                    states::map_run::ended(self, *frame, outcome);
                }
            }
            Command::ExecutionTimedOut => self.close(
                EventType::ExecutionTimedOut,
                0,
                Details::Failure(Failure::named("States.Timeout")),
                Status::TimedOut,
            ),
            Command::Stop { failure } => {
                let details = Details::Failure(failure.clone());
                self.close(EventType::ExecutionAborted, 0, details, Status::Aborted);
            }
            Command::Continue => self.resume_all(),
        }
    }

    fn start(&mut self) {
        let identity = Arc::clone(&self.execution.identity);
        let input = self.execution.input.clone();
        self.record(
            0,
            EventType::ExecutionStarted,
            Details::ExecutionStarted {
                input: input.clone(),
                role_arn: Arc::clone(&identity.role_arn),
                alias_arn: identity.alias_arn.clone(),
                version_arn: identity.version_arn.clone(),
            },
        );
        let block = stepwell_asl::BlockId(0);
        let held = Held { payload: input, source: Source::EventInput(1) };
        let frame = self.open_frame(None, block, self.definition.block(block).start_at, 0, held);
        self.ready.push_back(frame);
        if let Some(seconds) = self.limits.seconds(self.definition, &identity) {
            let at = self.moment.now.plus_seconds(seconds);
            self.transition.effects.push(Effect::SetExecutionTimer { at });
        }
    }

    /// Frames that were cut off by the budget go on; Map states start what they still have to.
    fn resume_all(&mut self) {
        for (id, frame) in &self.execution.frames {
            if matches!(frame.waiting, Waiting::Nothing | Waiting::Iterations { .. }) {
                self.ready.push_back(*id);
            }
        }
    }

    fn timer_fired(&mut self, id: FrameId, epoch: u32, kind: TimerKind) {
        if !self.is_current(id, epoch) {
            return;
        }
        let now = self.moment.now;
        let Some(frame) = self.execution.frames.get(&id) else { return };
        match (kind, &frame.waiting) {
            (TimerKind::Resume, Waiting::Wait { until } | Waiting::Retry { until }) if now < *until => {
                let at = *until;
                self.transition.effects.push(Effect::SetTimer { frame: id, epoch, at, kind });
            }
            (TimerKind::Resume, Waiting::Wait { .. }) => {
                let outcome = states::wait::over(self, id);
                self.settle(id, outcome);
            }
            (TimerKind::Resume, Waiting::Retry { .. }) => {
                self.with_frame(id, |frame| frame.waiting = Waiting::Nothing);
                let outcome = self.run_state(id);
                self.settle(id, outcome);
            }
            (TimerKind::TaskTimeout | TimerKind::Heartbeat, Waiting::Task(_)) => task::timer_fired(self, id, kind),
            _ => {}
        }
    }

    /// Whether the frame exists and still waits for what it waited for in this epoch.
    fn is_current(&self, id: FrameId, epoch: u32) -> bool {
        self.execution.frames.get(&id).is_some_and(|frame| frame.epoch == epoch)
    }

    // ------------------------------------------------------------------ running

    fn run_ready(&mut self) {
        while let Some(id) = self.ready.pop_front() {
            if self.execution.status != Status::Running || self.full {
                return;
            }
            match self.execution.frames.get(&id).map(|frame| &frame.waiting) {
                Some(Waiting::Nothing) => self.enter(id),
                Some(Waiting::Iterations { .. }) => states::map::pump(self, id),
                _ => {}
            }
        }
    }

    /// Enters the state the frame points at and goes on from state to state until it waits.
    fn enter(&mut self, id: FrameId) {
        let Some(state) = self.state_of(id) else { return };
        let Some(frame) = self.execution.frames.get(&id) else { return };
        let details = Details::StateEntered { name: Arc::clone(&state.name), input: frame.input.payload.clone() };
        let input = frame.input.source;
        let event = self.emit(id, entered_event(state), details);
        if let Source::Content(number) = input {
            self.transition.contents_removed.push(number); // a frame made by a redrive; from now on the event carries it
        }
        let now = self.moment.now;
        self.with_frame(id, |frame| {
            frame.entered_event = event;
            frame.entered = now;
            frame.input.source = Source::EventInput(event);
            frame.retries.clear();
        });
        let outcome = self.run_state(id);
        self.settle(id, outcome);
    }

    /// Runs the current state's own part.
    pub fn run_state(&mut self, id: FrameId) -> Result<Outcome, Problem> {
        match self.state_of(id) {
            Some(state) => states::run(self, id, state),
            None => Ok(Outcome::Waits),
        }
    }

    /// Brings a state's outcome to its end: exit, wait, retry, catch or failure.
    pub fn settle(&mut self, id: FrameId, outcome: Result<Outcome, Problem>) {
        let settled = match outcome {
            Ok(Outcome::Waits) => return,
            Ok(Outcome::Fails(failure)) => Err(Problem::ordinary(failure)),
            Ok(Outcome::Exits(exit)) => self.exit(id, exit),
            Err(problem) => Err(problem),
        };
        if let Err(problem) = settled {
            crate::handling::handle(self, id, problem);
        }
    }

    /// Leaves the current state with an output.
    ///
    /// # Errors
    /// When the output is beyond the limits.
    pub fn exit(&mut self, id: FrameId, exit: states::Exit) -> Result<(), Problem> {
        let Some(state) = self.state_of(id) else { return Ok(()) };
        self.check(&exit.output, &state.name).map_err(Problem::ordinary)?;
        self.assign(id, &exit.assigned);
        let details = Details::StateExited {
            name: Arc::clone(&state.name),
            output: exit.output.clone(),
            assigned: exit.assigned,
        };
        let event = match exited_event(state) {
            Some(event_type) => self.emit(id, event_type, details),
            None => return Ok(()), // a Fail state does not exit
        };
        let output = Held { payload: exit.output, source: Source::EventOutput(event) };
        match exit.next {
            states::Target::State(next) => self.proceed(id, next, output),
            states::Target::End => crate::branches::block_ended(self, id, output),
        }
        Ok(())
    }

    /// Points the frame at its next state; it is entered in this step unless the budget is used up.
    fn proceed(&mut self, id: FrameId, next: StateId, input: Held) {
        self.with_frame(id, |frame| {
            frame.state = next;
            frame.input = input;
            frame.epoch += 1;
            frame.waiting = Waiting::Nothing;
        });
        if self.spend() {
            self.ready.push_back(id);
        }
    }

    /// Takes one state transition from the budget; when it is used up the execution asks to be continued.
    pub fn spend(&mut self) -> bool {
        if self.budget > 0 {
            self.budget -= 1;
            return true;
        }
        if !self.transition.effects.contains(&Effect::Continue) {
            self.transition.effects.push(Effect::Continue);
        }
        false
    }

    /// Keeps assigned variables in the frame's scope.
    fn assign(&mut self, id: FrameId, assigned: &[(Arc<str>, Payload)]) {
        if assigned.is_empty() {
            return;
        }
        let Some(frame) = self.execution.frames.get(&id) else { return };
        let before = frame.variables.clone();
        let mut values = match before.as_ref().map(|variables| variables.values.payload.value()) {
            Some(Value::Object(map)) => (**map).clone(),
            _ => Default::default(),
        };
        for (name, value) in assigned {
            values.insert(Arc::clone(name), value.value().clone());
        }
        if let Some(Source::Content(old)) = before.map(|variables| variables.values.source) {
            self.transition.contents_removed.push(old);
        }
        let values = self.put_content(Payload::from_value(Value::Object(Arc::new(values))));
        self.with_frame(id, |frame| frame.variables = Some(Variables { values }));
    }

    // ------------------------------------------------------------------ what states use

    /// The state a frame stands at.
    pub fn state_of(&self, id: FrameId) -> Option<&'s State> {
        let frame = self.execution.frames.get(&id)?;
        self.definition.states.get(frame.state.0 as usize)
    }

    /// The scope of a field of the state a frame stands at; `$` is `input`.
    pub fn scope<'a>(&'a self, frame: &'a Frame, state: &'a State, input: &'a Payload) -> StateScope<'a> {
        StateScope {
            execution: self.execution,
            frame,
            input,
            result: None,
            error_output: None,
            state_name: &state.name,
            with_retry_count: match state.kind {
                stepwell_asl::StateKind::Task(_) => true,
                // recorded for TestState only: test_base_map_state_inspect
                stepwell_asl::StateKind::Map(_) | stepwell_asl::StateKind::Parallel(_) => self.probe.is_some(),
                _ => false,
            },
            given_context: self.probe.and_then(|probe| probe.context.as_ref()),
            item: None,
            item_source: None,
            token: None,
            moment: self.moment,
            random: &self.random,
            context: OnceCell::new(),
        }
    }

    /// A number from 0 (inclusive) to 1 (exclusive).
    pub fn random_fraction(&self) -> f64 {
        (crate::scope::next_random(&self.random) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A random UUID of version 4.
    pub fn random_uuid(&self) -> Arc<str> {
        let (high, low) = (crate::scope::next_random(&self.random), crate::scope::next_random(&self.random));
        Arc::from(stepwell_value::uuid_v4(high, low))
    }

    /// Whether a payload is within the limits; `who` is the state's name or the called resource.
    ///
    /// # Errors
    /// `States.DataLimitExceeded` when it is larger than the limit, or nested so deep that it could not be read again.
    pub fn check(&self, payload: &Payload, who: &str) -> Result<(), Failure> {
        if self.limits.payload_bytes.is_some_and(|limit| payload.size_bytes() > limit) {
            return Err(Fault::too_large(who));
        }
        if payload.is_too_deep() { Err(Fault::too_deep(who)) } else { Ok(()) }
    }

    /// Tells TestState the data after a stage of the data flow.
    pub fn report(&self, stage: Stage, data: &Payload) {
        if let Some(probe) = self.probe {
            probe.report(stage, data);
        }
    }

    /// A fault, told of the state a frame stands at.
    pub fn problem(&self, id: FrameId, fault: Fault) -> Problem {
        if self.probe.is_some() {
            return fault.plain(); // recorded: test_state_map_context_object
        }
        let entered = self.execution.frames.get(&id).map_or(0, |frame| frame.entered_event);
        let name = self.state_of(id).map_or("", |state| &state.name);
        fault.in_state(name, entered)
    }

    /// Changes a frame and marks it changed.
    pub fn with_frame(&mut self, id: FrameId, change: impl FnOnce(&mut Frame)) {
        if let Some(frame) = self.execution.frames.get_mut(&id) {
            change(frame);
            self.transition.frames_put.insert(id);
        }
    }

    /// Lets a frame wait; gives the epoch that answers have to carry.
    pub fn wait(&mut self, id: FrameId, waiting: Waiting) -> u32 {
        let mut epoch = 0;
        self.with_frame(id, |frame| {
            frame.epoch += 1;
            frame.waiting = waiting;
            epoch = frame.epoch;
        });
        epoch
    }

    /// Makes a frame that is about to enter a state.
    pub fn open_frame(
        &mut self,
        parent: Option<(FrameId, u32)>,
        block: stepwell_asl::BlockId,
        state: StateId,
        last_event: EventId,
        input: Held,
    ) -> FrameId {
        let id = FrameId(self.execution.next_frame);
        self.execution.next_frame += 1;
        let frame = Frame {
            id,
            epoch: 0,
            parent,
            block,
            state,
            last_event,
            entered_event: 0,
            entered: self.moment.now,
            input,
            retries: Vec::new(),
            variables: None,
            waiting: Waiting::Nothing,
        };
        self.execution.frames.insert(id, frame);
        self.transition.frames_put.insert(id);
        id
    }

    /// Removes a frame with everything that hangs on it alone: its task, its contents.
    pub fn close_frame(&mut self, id: FrameId) {
        let Some(frame) = self.execution.frames.remove(&id) else { return };
        self.transition.frames_put.remove(&id);
        self.transition.frames_removed.insert(id);
        self.release(&frame.waiting, id, frame.epoch);
        if let Some(Source::Content(number)) = frame.variables.map(|variables| variables.values.source) {
            self.transition.contents_removed.push(number);
        }
        if let Source::Content(number) = frame.input.source {
            self.transition.contents_removed.push(number);
        }
    }

    /// Gives up what a frame waited for: cancels its task, drops its items.
    pub fn release(&mut self, waiting: &Waiting, frame: FrameId, epoch: u32) {
        if matches!(waiting, Waiting::Task(_) | Waiting::MapRun(_)) {
            self.transition.effects.push(Effect::CancelTask { frame, epoch });
        }
        self.release_content(waiting);
    }

    /// Drops the items that a Map keeps while it waits.
    pub fn release_content(&mut self, waiting: &Waiting) {
        let held = match waiting {
            Waiting::Iterations { items, .. } => items,
            Waiting::MapRun(wait) => &wait.inputs,
            _ => return,
        };
        if let Source::Content(number) = held.source {
            self.transition.contents_removed.push(number);
        }
    }

    /// Keeps a payload beside the frames.
    pub fn put_content(&mut self, payload: Payload) -> Held {
        let number = self.execution.next_content;
        self.execution.next_content += 1;
        self.transition.contents_put.push((number, payload.clone()));
        Held { payload, source: Source::Content(number) }
    }

    /// Writes an event of a frame's branch: it follows the branch's last event and becomes it.
    pub fn emit(&mut self, id: FrameId, event_type: EventType, details: Details) -> EventId {
        let previous = self.execution.frames.get(&id).map_or(0, |frame| frame.last_event);
        let event = self.record(previous, event_type, details);
        self.with_frame(id, |frame| frame.last_event = event);
        event
    }

    /// Writes an event that follows `previous`; no branch's last event changes.
    pub fn record(&mut self, previous: EventId, event_type: EventType, details: Details) -> EventId {
        let id = self.execution.next_event;
        if self.limits.history_events.is_some_and(|limit| id >= limit) {
            self.full = true; // the last place belongs to ExecutionFailed
            return id;
        }
        self.execution.next_event += 1;
        self.transition.events.push(HistoryEvent { id, previous, at: self.moment.now, event_type, details });
        id
    }

    /// Ends the execution with this event, unless its history has become full before: then [`Step::finish`] ends it.
    pub fn close(&mut self, event_type: EventType, previous: EventId, details: Details, status: Status) {
        if !self.full {
            self.end(event_type, previous, details, status);
        }
    }

    fn end(&mut self, event_type: EventType, previous: EventId, details: Details, status: Status) {
        if self.execution.status != Status::Running {
            return;
        }
        let id = self.execution.next_event;
        self.execution.next_event += 1;
        self.transition.events.push(HistoryEvent { id, previous, at: self.moment.now, event_type, details });
        let open: Vec<FrameId> = self.execution.frames.keys().copied().collect();
        for frame in open {
            self.close_frame(frame);
        }
        self.execution.status = status;
        self.transition.closed = Some((status, self.moment.now));
        self.transition.effects.retain(|effect| matches!(effect, Effect::CancelTask { .. }));
        self.transition.effects.push(Effect::Finish);
    }

    /// Tidies the transition: what was made and dropped within the step was never there.
    pub fn finish(mut self) -> Transition {
        if self.full && self.execution.status == Status::Running {
            self.end_for_history_size();
        }
        let removed = std::mem::take(&mut self.transition.contents_removed);
        let (never_stored, removed): (Vec<u32>, Vec<u32>) =
            removed.into_iter().partition(|number| self.transition.contents_put.iter().any(|(put, _)| put == number));
        self.transition.contents_put.retain(|(number, _)| !never_stored.contains(number));
        self.transition.contents_removed = removed;
        self.transition
    }

    /// Event 25,000 ends the execution, with AWS's words.
    fn end_for_history_size(&mut self) {
        let limit = self.limits.history_events.unwrap_or(0);
        let previous = self.execution.next_event.saturating_sub(1);
        let cause = format!("The execution reached the maximum number of history events ({limit}).");
        let details = Details::Failure(Failure::new("States.Runtime", cause));
        self.end(EventType::ExecutionFailed, previous, details, Status::Failed);
    }
}

/// The …StateEntered event of a state.
fn entered_event(state: &State) -> EventType {
    use stepwell_asl::StateKind;
    match &state.kind {
        StateKind::Pass(_) => EventType::PassStateEntered,
        StateKind::Task(_) => EventType::TaskStateEntered,
        StateKind::Choice(_) => EventType::ChoiceStateEntered,
        StateKind::Wait(_) => EventType::WaitStateEntered,
        StateKind::Succeed => EventType::SucceedStateEntered,
        StateKind::Fail(_) => EventType::FailStateEntered,
        StateKind::Parallel(_) => EventType::ParallelStateEntered,
        StateKind::Map(_) => EventType::MapStateEntered,
    }
}

/// The …StateExited event of a state; a Fail state has none.
fn exited_event(state: &State) -> Option<EventType> {
    use stepwell_asl::StateKind;
    Some(match &state.kind {
        StateKind::Pass(_) => EventType::PassStateExited,
        StateKind::Task(_) => EventType::TaskStateExited,
        StateKind::Choice(_) => EventType::ChoiceStateExited,
        StateKind::Wait(_) => EventType::WaitStateExited,
        StateKind::Succeed => EventType::SucceedStateExited,
        StateKind::Fail(_) => return None,
        StateKind::Parallel(_) => EventType::ParallelStateExited,
        StateKind::Map(_) => EventType::MapStateExited,
    })
}
