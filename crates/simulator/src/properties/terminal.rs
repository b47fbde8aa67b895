//! An execution ends once, its last event says how, and nothing comes after.

use stepwell_interpreter::{EventType, HistoryEvent, Status};
use stepwell_store::ExecutionRecord;

use super::Property;
use crate::seen::{Seen, View};

/// See the module.
pub struct Terminal;

impl Property for Terminal {
    fn name(&self) -> &'static str {
        "terminal"
    }

    fn see(&mut self, seen: &Seen<'_>, view: &View<'_>) -> Result<(), String> {
        match seen {
            Seen::Finished => view.judge_histories(|record, _, events| judge(record, events)),
            _ => Ok(()),
        }
    }
}

/// The status that an event ends an execution with.
fn ending(event: &HistoryEvent) -> Option<Status> {
    match event.event_type {
        EventType::ExecutionSucceeded => Some(Status::Succeeded),
        EventType::ExecutionFailed => Some(Status::Failed),
        EventType::ExecutionTimedOut => Some(Status::TimedOut),
        EventType::ExecutionAborted => Some(Status::Aborted),
        _ => None,
    }
}

fn judge(record: &ExecutionRecord, events: &[HistoryEvent]) -> Result<(), String> {
    let endings: Vec<(u64, Status)> = events.iter().filter_map(|event| Some((event.id, ending(event)?))).collect();
    let length = events.len() as u64;
    if record.last_event != length {
        return Err(format!("its row says that {} is its last event, but there are {length}", record.last_event));
    }
    let stopped = events.last().map(|event| event.at);
    match endings.as_slice() {
        [] if record.status == Status::Running && record.stopped.is_none() => Ok(()),
        [(last, status)] if *last == length && *status == record.status && record.stopped == stopped => Ok(()),
        _ => Err(format!("it is {}, stopped {:?}, and ends with {endings:?}", record.status.name(), record.stopped)),
    }
}
