//! Making the frames of a redriven execution: those that were done wait for the others, those that were not go on.

use std::sync::Arc;

use stepwell_asl::definition::MapState;
use stepwell_asl::{StateId, StateKind};
use stepwell_value::Payload;

use super::past::{Exited, Past, Place, PlaceId, Stand, TOP};
use crate::effect::{Effect, MapRunRedrive, TimerKind};
use crate::event::{Details, EventId, EventType};
use crate::execution::{FrameId, Held, Source, Variables, Waiting};
use crate::flow;
use crate::problem::Problem;
use crate::states::{self, Outcome, Target};
use crate::step::Step;

/// Makes all frames; the top level's goes on after the event `redriven`, the others after the last one of their branch.
pub(super) fn reopen(step: &mut Step<'_>, past: &Past<'_>, redriven: Option<EventId>) {
    let Some(top) = past.place(TOP) else { return };
    let mut top = top.clone();
    top.last_event = redriven.unwrap_or(top.last_event);
    let input = Held { payload: step.execution.input.clone(), source: Source::EventInput(1) };
    let mut reopening = Reopening { step, past };
    reopening.open(TOP, &top, None, input);
    let goes_on = step
        .execution
        .frames
        .values()
        .any(|frame| matches!(frame.waiting, Waiting::Nothing | Waiting::Iterations { .. }));
    if goes_on {
        step.transition.effects.push(Effect::Continue);
    }
}

struct Reopening<'r, 's, 'd> {
    step: &'r mut Step<'s>,
    past: &'r Past<'d>,
}

impl Reopening<'_, '_, '_> {
    /// Makes a frame and those below it; `first_input` is for one that was never entered.
    fn open(&mut self, id: PlaceId, place: &Place, parent: Option<(FrameId, u32)>, first_input: Held) -> FrameId {
        let entered = place.entered.as_ref();
        let input = match (entered, &place.entry) {
            (Some(entered), _) => Held { payload: entered.input.clone(), source: Source::EventInput(entered.event) },
            (None, Some(entry)) => self.step.put_content(entry.clone()),
            (None, None) => first_input,
        };
        let frame = self.step.open_frame(parent, place.block, place.state, place.last_event, input);
        self.step.with_frame(frame, |frame| {
            if let Some(entered) = entered {
                (frame.entered_event, frame.entered) = (entered.event, entered.at);
            }
        });
        let past = self.past;
        let stand = past.stand(id);
        match &stand {
            Stand::Ended(_) => {} // its variables are needed no more
            Stand::Choice(exited) => self.keep_variables(frame, exited.variables_before()),
            _ => self.keep_variables(frame, place.variables()),
        }
        match stand {
            Stand::Ended(exited) => {
                let output = output_of(exited);
                self.step.with_frame(frame, |frame| frame.waiting = Waiting::Siblings { output });
            }
            Stand::Next(next, exited) => self.point_at(frame, place, next, exited),
            Stand::Choice(exited) => self.choose(frame, place, exited),
            Stand::Again => self.again(frame),
            Stand::Branches(started) => self.branches(frame, place, started),
            Stand::Iterations(started) => self.iterations(frame, place, started),
            Stand::MapRun(arn, count) => self.map_run(frame, arn, count),
            Stand::First | Stand::Enter => {}
        }
        frame
    }

    fn keep_variables(&mut self, frame: FrameId, variables: Option<Payload>) {
        let Some(variables) = variables else { return };
        let values = self.step.put_content(variables);
        let mut before = None;
        self.step.with_frame(frame, |frame| before = frame.variables.replace(Variables { values }));
        if let Some(Source::Content(number)) = before.map(|variables| variables.values.source) {
            self.step.transition.contents_removed.push(number);
        }
    }

    /// The state is run once more. It is a retry that is due at once: so it is stored, and so it goes on after a restart.
    fn again(&mut self, frame: FrameId) {
        let until = self.step.moment.now;
        let epoch = self.step.wait(frame, Waiting::Retry { until });
        self.step.transition.effects.push(Effect::SetTimer { frame, epoch, at: until, kind: TimerKind::Resume });
    }

    /// The frame is about to enter this state with what the state before has put out, unless a fork says otherwise.
    fn point_at(&mut self, frame: FrameId, place: &Place, next: StateId, exited: &Exited) {
        let input = match &place.entry {
            Some(entry) => self.step.put_content(entry.clone()),
            None => output_of(exited),
        };
        self.step.with_frame(frame, |frame| (frame.state, frame.input) = (next, input));
    }

    /// Evaluates the rules of a Choice once more, since the history does not say where they led, as they were evaluated:
    /// without the variables that the rule itself has assigned. What cannot be evaluated any more is run once more.
    fn choose(&mut self, frame: FrameId, place: &Place, exited: &Exited) {
        let Some(state) = self.step.state_of(frame) else { return };
        match states::run(self.step, frame, state).map(next_of) {
            Ok(Some(next)) => {
                self.point_at(frame, place, next, exited);
                self.keep_variables(frame, place.variables());
            }
            _ => self.again(frame),
        }
    }

    // ------------------------------------------------------------------ frames below

    fn branches(&mut self, frame: FrameId, place: &Place, started_event: EventId) {
        let Some(state) = self.step.state_of(frame) else { return };
        let input = flow::effective_input(self.step, frame, state)
            .and_then(|effective| flow::parameters(self.step, frame, state, &effective, None));
        let Ok(input) = input else { return self.again(frame) };
        self.step.wait(frame, Waiting::Branches { started_event, open: 0 });
        let count = self.children(frame, place, |_, _| Ok(input.clone()));
        self.now_open(frame, count);
    }

    fn iterations(&mut self, frame: FrameId, place: &Place, started_event: EventId) {
        let Some(state) = self.step.state_of(frame) else { return };
        let StateKind::Map(map) = &state.kind else { return };
        let Ok((items, max_concurrency)) = states::map::begin(self.step, frame, state, map) else {
            return self.again(frame);
        };
        let items = self.step.put_content(Payload::from_value(items));
        let next = u32::try_from(place.children.len()).unwrap_or(u32::MAX);
        self.step.wait(frame, Waiting::Iterations { started_event, items, next, open: 0, max_concurrency });
        let input = |step: &Step<'_>, index| states::map::iteration_input(step, frame, state, map, index);
        let count = self.children(frame, place, input);
        self.now_open(frame, count);
    }

    /// Notes how many of the frames below are not done; when one could not be made the whole state is run once more.
    fn now_open(&mut self, frame: FrameId, count: Result<u32, Problem>) {
        let Ok(count) = count else {
            crate::branches::close_children(self.step, frame);
            return self.again(frame);
        };
        self.step.with_frame(frame, |frame| {
            if let Waiting::Branches { open, .. } | Waiting::Iterations { open, .. } = &mut frame.waiting {
                *open = count;
            }
        });
    }

    /// Makes the frames below; tells how many of them are not done.
    ///
    /// # Errors
    /// When the input of one that was never entered cannot be made.
    fn children(
        &mut self,
        frame: FrameId,
        place: &Place,
        first_input: impl Fn(&Step<'_>, u32) -> Result<Payload, Problem>,
    ) -> Result<u32, Problem> {
        let mut open = 0;
        for id in &place.children {
            let Some(child) = self.past.place(*id) else { continue };
            let index = child.parent.map_or(0, |(_, index)| index);
            let mut input = Held { payload: Payload::default(), source: Source::EventInput(1) };
            if child.entered.is_none() && child.entry.is_none() {
                let payload = first_input(self.step, index)?;
                input = self.step.put_content(payload);
            }
            self.open(*id, child, Some((frame, index)), input);
            open += u32::from(!matches!(self.past.stand(*id), Stand::Ended(_)));
        }
        Ok(open)
    }

    // ------------------------------------------------------------------ Map Runs

    fn map_run(&mut self, frame: FrameId, map_run_arn: &Arc<str>, count: u64) {
        let Some(state) = self.step.state_of(frame) else { return };
        let StateKind::Map(map @ MapState { distributed: Some(distributed), .. }) = &state.kind else { return };
        let Ok(wait) = states::map_run::again(self.step, frame, state, map, distributed, map_run_arn) else {
            return self.again(frame);
        };
        let details = Details::MapRunRedriven { map_run_arn: map_run_arn.clone(), redrive_count: count + 1 };
        self.step.emit(frame, EventType::MapRunRedriven, details);
        let epoch = self.step.wait(frame, Waiting::MapRun(wait.clone()));
        let redriven = self.step.execution.redriven.map(|at| MapRunRedrive { count: count + 1, at });
        let request = states::map_run::request(frame, epoch, distributed, &wait, redriven);
        self.step.transition.effects.push(Effect::StartMapRun(Box::new(request)));
    }
}

fn output_of(exited: &Exited) -> Held {
    Held { payload: exited.output.clone(), source: Source::EventOutput(exited.event) }
}

fn next_of(outcome: Outcome) -> Option<StateId> {
    match outcome {
        Outcome::Exits(states::Exit { next: Target::State(next), .. }) => Some(next),
        _ => None,
    }
}
