//! Events are numbered 1, 2, 3 … without a gap, and each follows an earlier one.

use stepwell_interpreter::{EventType, HistoryEvent};

use super::Property;
use crate::seen::{Seen, View};

/// See the module.
pub struct Numbering;

impl Property for Numbering {
    fn name(&self) -> &'static str {
        "numbering"
    }

    fn see(&mut self, seen: &Seen<'_>, view: &View<'_>) -> Result<(), String> {
        match seen {
            Seen::Finished => view.judge_histories(|_, _, events| events.iter().zip(1..).try_for_each(judge)),
            _ => Ok(()),
        }
    }
}

fn judge((event, number): (&HistoryEvent, u64)) -> Result<(), String> {
    if event.id != number {
        return Err(format!("event {number} has the number {}", event.id));
    }
    // The first event, the first state, what ends an execution from outside, and an expression of the first state that
    // fails follow nothing.
    let may_be_first = match event.event_type {
        EventType::ExecutionAborted | EventType::ExecutionTimedOut => true,
        EventType::EvaluationFailed => number == 3,
        _ => number <= 2,
    };
    if event.previous >= number || (event.previous == 0 && !may_be_first) {
        return Err(format!("event {number} follows event {}", event.previous));
    }
    Ok(())
}
