//! Succeed: ends its block with its input, filtered.

use stepwell_asl::State;

use crate::execution::FrameId;
use crate::flow;
use crate::problem::Problem;
use crate::states::Outcome;
use crate::step::Step;

pub(crate) fn run(step: &mut Step<'_>, id: FrameId, state: &State) -> Result<Outcome, Problem> {
    let effective = flow::effective_input(step, id, state)?;
    flow::leave(step, id, state, effective, false).map(Outcome::Exits)
}
