//! What goes wrong with the disk or the engine is never a workflow's failure: it waits, or goes on after a restart.

use stepwell_interpreter::{Details, HistoryEvent};

use super::Property;
use crate::seen::{Seen, View};

/// Texts of failures that no workflow, service or caller of a world makes.
const NOT_THEIRS: &[&str] =
    &["no space left", "the connection was lost", "does not answer", "cannot go on", "does not take writes"];

/// See the module.
pub struct Blame;

impl Property for Blame {
    fn name(&self) -> &'static str {
        "blame"
    }

    fn see(&mut self, seen: &Seen<'_>, view: &View<'_>) -> Result<(), String> {
        match seen {
            Seen::Finished => view.judge_histories(|_, _, events| events.iter().try_for_each(judge)),
            _ => Ok(()),
        }
    }
}

fn judge(event: &HistoryEvent) -> Result<(), String> {
    let (Details::Failure(failure) | Details::TaskFailure { failure, .. }) = &event.details else { return Ok(()) };
    let cause = failure.cause.as_deref().unwrap_or_default();
    match NOT_THEIRS.iter().find(|text| cause.contains(**text)) {
        Some(_) => Err(format!("event {} blames the workflow: {cause}", event.id)),
        None => Ok(()),
    }
}
