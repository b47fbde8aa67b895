//! Executions that are not stored (Express) begin where they are asked for, not in a loop.
//!
//! Nothing of their first step has to become durable, and nobody knows them yet. So whoever starts one steps it once, on
//! the caller's own thread: what ends with that needs no loop at all, which spares two changes of threads; everything else
//! goes on in its loop from there. A step is bounded, so that it holds up the thread's other callers no longer than reading
//! a large request does; that is why JSONata, of which one expression may take a second, begins in the loop.

use std::panic::{AssertUnwindSafe, catch_unwind};

use stepwell_asl::Definition;
use stepwell_interpreter::{Command, Effect, Execution, Limits, Moment, Transition};
use stepwell_store::ExecutionKey;

use crate::keyed::mixed;
use crate::quarantine::panicked;
use crate::shared::Shared;
use crate::token::ExecutionOutside;

/// State transitions on the caller's thread.
const TRANSITIONS_MAX: u32 = 64;

/// Whether an execution begins here.
pub(crate) fn is_meant(shared: &Shared, execution: &Execution, definition: &Definition) -> bool {
    !execution.identity.is_kept() && !definition.uses_jsonata && shared.config.sabotage.is_none()
}

/// The first step of an execution.
///
/// # Errors
/// When the step panics; it is in the log.
pub(crate) fn first_step(
    shared: &Shared,
    key: ExecutionKey,
    execution: &mut Execution,
    definition: &Definition,
) -> Result<Transition, String> {
    let outside =
        ExecutionOutside { secret: &shared.config.secret, key, activities: &shared.activities, store: &*shared.store };
    let moment = Moment { now: shared.clock.now(), entropy: entropy(shared.incarnation, key), outside: &outside };
    let limits = Limits { transitions_per_step: TRANSITIONS_MAX, ..shared.config.limits.clone() };
    let step = || stepwell_interpreter::step(definition, execution, &Command::Start, moment, &limits);
    catch_unwind(AssertUnwindSafe(step)).map_err(|panic| {
        let why = panicked(key, &*panic).to_string();
        tracing::error!(execution = key.0, %why, "the first step of an execution failed; it is not begun");
        why
    })
}

/// Whether everything is over with this Transition. One that ends an execution may have asked for timers, which are void
/// then; one that has asked for a task as well has to take it back.
pub(crate) fn is_over(transition: &Transition) -> bool {
    let is_void =
        |effect: &Effect| matches!(effect, Effect::Finish | Effect::SetExecutionTimer { .. } | Effect::SetTimer { .. });
    transition.closed.is_some() && transition.effects.iter().all(is_void)
}

/// 64 random bits for an execution: a hash of a number that is random for each start of the engine, and of its key.
fn entropy(incarnation: u64, key: ExecutionKey) -> u64 {
    mixed(incarnation ^ key.0.wrapping_mul(0x9E37_79B9_7F4A_7C15))
}
