//! One file a state type: what a state does between its Entered and its Exited event.

pub(crate) mod choice;
pub(crate) mod fail;
pub(crate) mod map;
pub(crate) mod map_run;
pub(crate) mod parallel;
pub(crate) mod pass;
pub(crate) mod succeed;
pub(crate) mod task;
pub(crate) mod wait;

use std::sync::Arc;

use stepwell_asl::definition::Next;
use stepwell_asl::{State, StateId, StateKind};
use stepwell_value::Payload;

use crate::Failure;
use crate::execution::FrameId;
use crate::problem::Problem;
use crate::step::Step;

/// What became of a state.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It is done.
    Exits(Exit),
    /// It waits; the frame says for what.
    Waits,
    /// It is a Fail state.
    Fails(Failure),
}

/// How a state is left.
#[derive(Debug)]
pub(crate) struct Exit {
    /// The state's output.
    pub output: Payload,
    /// The variables it assigns, by name.
    pub assigned: Vec<(Arc<str>, Payload)>,
    /// Where to.
    pub next: Target,
}

/// Where a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// To this state.
    State(StateId),
    /// The block is over.
    End,
}

/// Where a state's `Next` or `End` leads.
pub(crate) fn target_of(state: &State) -> Target {
    match state.next {
        Some(Next::State(next)) => Target::State(next),
        Some(Next::End) | None => Target::End,
    }
}

/// Runs a state that was just entered, or tries it again.
pub(crate) fn run(step: &mut Step<'_>, id: FrameId, state: &State) -> Result<Outcome, Problem> {
    match &state.kind {
        StateKind::Pass(pass) => pass::run(step, id, state, pass),
        StateKind::Task(task) => task::run(step, id, state, task),
        StateKind::Choice(choice) => choice::run(step, id, state, choice),
        StateKind::Wait(wait) => wait::run(step, id, state, wait),
        StateKind::Succeed => succeed::run(step, id, state),
        StateKind::Fail(fail) => fail::run(step, id, state, fail),
        StateKind::Parallel(parallel) => parallel::run(step, id, state, parallel),
        StateKind::Map(map) => map::run(step, id, state, map),
    }
}
