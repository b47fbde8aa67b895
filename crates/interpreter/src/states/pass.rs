//! Pass: hands its input on, or a literal `Result`, or what `Parameters` or `Output` make of it.

use stepwell_asl::State;
use stepwell_asl::definition::PassState;
use stepwell_value::Payload;

use crate::execution::FrameId;
use crate::flow;
use crate::problem::Problem;
use crate::states::Outcome;
use crate::step::Step;
use crate::test_state::probe::Stage;

pub(crate) fn run(step: &mut Step<'_>, id: FrameId, state: &State, pass: &PassState) -> Result<Outcome, Problem> {
    let effective = flow::effective_input(step, id, state)?;
    let selected = flow::parameters(step, id, state, &effective, None)?;
    let result = match &pass.result {
        Some(literal) => {
            let literal = Payload::from_value(literal.clone());
            step.report(Stage::Result, &literal);
            literal
        }
        None => selected,
    };
    flow::leave(step, id, state, result, false).map(Outcome::Exits)
}
