//! Parallel: every branch gets the same input; the outputs are collected in the order of the branches.

use stepwell_asl::State;
use stepwell_asl::definition::ParallelState;

use crate::event::{Details, EventType};
use crate::execution::{FrameId, Held, Waiting};
use crate::flow;
use crate::problem::Problem;
use crate::states::Outcome;
use crate::step::Step;

pub(crate) fn run(
    step: &mut Step<'_>,
    id: FrameId,
    state: &State,
    parallel: &ParallelState,
) -> Result<Outcome, Problem> {
    let effective = flow::effective_input(step, id, state)?;
    let input = flow::parameters(step, id, state, &effective, None)?;
    flow::not_too_deep(step, id, state, &input)?;
    let started_event = step.emit(id, EventType::ParallelStateStarted, Details::None);
    let open = u32::try_from(parallel.branches.len()).unwrap_or(u32::MAX);
    step.wait(id, Waiting::Branches { started_event, open });
    for (index, block) in (0u32..).zip(&parallel.branches) {
        let held = branch_input(step, id, &input);
        let start = step.definition.block(*block).start_at;
        let branch = step.open_frame(Some((id, index)), *block, start, started_event, held);
        step.ready.push_back(branch);
    }
    Ok(Outcome::Waits)
}

/// The input of a branch. Every branch enters its first state in this step, so an event will carry it.
fn branch_input(step: &Step<'_>, id: FrameId, input: &stepwell_value::Payload) -> Held {
    let source = step.execution.frames.get(&id).map_or(crate::Source::EventInput(0), |frame| frame.input.source);
    Held { payload: input.clone(), source }
}
