//! Redrive: a closed execution that did not succeed goes on where it failed, with the same definition and input.
//!
//! Frames are gone when an execution has closed, so they are read back from its history ([`past`]), and those that were
//! not done are made anew ([`reopening`]): outputs and variables of what was done stay, what was begun is run once more, and
//! its attempts count from zero. What is done once more is not entered once more: no second …StateEntered, except for a
//! Fail state (Developer guide, "Redrive behavior of individual states").
//!
//! Every frame gets a number that none had before, so that an answer to a task of the time before the redrive is stale.

pub mod fork;
#[cfg(test)]
mod fork_tests;
mod past;
mod reopening;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use stepwell_asl::Definition;

use crate::command::Moment;
use crate::effect::Effect;
use crate::event::{Details, EventType, HistoryEvent};
use crate::execution::{Execution, Identity, Status};
use crate::limits::Limits;
use crate::step::Step;
use crate::transition::Transition;
use past::Past;

/// A redrive that is asked for.
#[derive(Clone, Debug)]
pub struct Redrive<'a> {
    /// Who the execution is.
    pub identity: Arc<Identity>,
    /// Its whole history, which ends with ExecutionFailed, ExecutionAborted or ExecutionTimedOut.
    pub history: &'a [HistoryEvent],
    /// How often it will have been redriven then: one more than before.
    pub redrive_count: u32,
    /// The `clientToken` of the call, kept in the history.
    pub client_token: Option<Arc<str>>,
}

/// Opens a closed execution again. The Transition only opens it: it writes ExecutionRedriven (and MapRunRedriven), makes
/// the frames, and asks for what lets them go on; none of them runs in it.
///
/// `None` when the history is not that of an execution that has failed, was aborted or has timed out.
pub fn redrive(
    definition: &Definition,
    request: &Redrive<'_>,
    moment: Moment<'_>,
    limits: &Limits,
) -> Option<(Execution, Transition)> {
    use EventType::{ExecutionAborted, ExecutionFailed, ExecutionTimedOut};
    let (first, last) = (request.history.first()?, request.history.last()?);
    let Details::ExecutionStarted { input, .. } = &first.details else { return None };
    if !matches!(last.event_type, ExecutionFailed | ExecutionAborted | ExecutionTimedOut) {
        return None;
    }
    let past = Past::read(definition, request.history);
    let mut execution = Execution {
        identity: Arc::clone(&request.identity),
        input: input.clone(),
        status: Status::Running,
        redrive_count: request.redrive_count,
        redriven: Some(moment.now),
        next_event: last.id + 1,
        next_frame: past.next_frame,
        next_content: 0, // contents are gone with the frames
        frames: BTreeMap::new(),
    };
    let mut step = Step::new(definition, &mut execution, moment, limits);
    let details = Details::ExecutionRedriven {
        redrive_count: u64::from(request.redrive_count),
        client_token: request.client_token.clone(),
    };
    let redriven = step.record(last.id, EventType::ExecutionRedriven, details);
    if let Some(seconds) = definition.timeout_seconds {
        let at = moment.now.plus_seconds(seconds);
        step.transition.effects.push(Effect::SetExecutionTimer { at });
    }
    reopening::reopen(&mut step, &past, Some(redriven));
    let transition = step.finish();
    Some((execution, transition))
}
