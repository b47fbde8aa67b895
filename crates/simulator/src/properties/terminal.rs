//! An execution ends once, its last event says how, and nothing comes after but a redrive, which counts.

use stepwell_interpreter::{Details, EventType, HistoryEvent, Status};
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
    let mut redrives = 0;
    for event in events {
        let Details::ExecutionRedriven { redrive_count, .. } = &event.details else { continue };
        redrives += 1;
        let ended = events.get(usize::try_from(event.id).unwrap_or(0).wrapping_sub(2)).and_then(ending);
        if *redrive_count != redrives || ended.is_none_or(|status| status == Status::Succeeded) {
            return Err(format!("redrive {redrive_count} at event {} comes after {ended:?}", event.id));
        }
    }
    if u64::from(record.redrive_count) != redrives {
        return Err(format!("its row counts {} redrives, but there are {redrives}", record.redrive_count));
    }
    let is_redriven = |id: u64| {
        let next = events.get(usize::try_from(id).unwrap_or(0));
        next.is_some_and(|next| next.event_type == EventType::ExecutionRedriven)
    };
    let endings = events.iter().filter_map(|event| Some((event.id, ending(event)?)));
    let endings: Vec<(u64, Status)> = endings.filter(|(id, _)| !is_redriven(*id)).collect();
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
