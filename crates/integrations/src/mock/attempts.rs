//! Which attempt of its state a task is: how often the state was scheduled before in this execution, be it for a retry, for
//! a loop or for another item of a Map.
//!
//! A Standard execution's attempts are counted in its history, so that they survive a restart. An Express execution has
//! none; its attempts are counted as they are asked for.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use stepwell_engine::Handle;
use stepwell_interpreter::{Details, EventId, EventType, HistoryEvent};
use stepwell_store::{Error, ExecutionKey};

/// Histories that are kept counted; one that is dropped is counted again.
const COUNTED_MAX: usize = 256;
/// Express executions whose counters are kept; they last five minutes at most.
const EXPRESS_MAX: usize = 10_000;
/// Events read at a time.
const PAGE: usize = 1_000;

/// The counters.
#[derive(Debug, Default)]
pub struct Attempts {
    counted: Mutex<BTreeMap<ExecutionKey, Counted>>,
    express: Mutex<BTreeMap<ExecutionKey, HashMap<Arc<str>, u32>>>,
}

/// A history, counted up to an event.
#[derive(Debug, Default)]
struct Counted {
    last: EventId,
    /// The state whose …StateEntered each event goes back to.
    state_of: HashMap<EventId, Arc<str>>,
    scheduled: HashMap<Arc<str>, u32>,
    attempt_of: HashMap<EventId, u32>,
}

impl Attempts {
    /// Counts an attempt of a state of an Express execution: 0 for the first.
    pub fn next_express(&self, key: ExecutionKey, state: &Arc<str>) -> u32 {
        let mut all = self.express.lock().unwrap_or_else(PoisonError::into_inner);
        let next = all.entry(key).or_default().entry(Arc::clone(state)).or_default();
        let attempt = *next;
        *next += 1;
        drop_oldest(&mut all, EXPRESS_MAX);
        attempt
    }

    /// The attempt that a …Scheduled event of a Standard execution began: 0 for the state's first; none when the history
    /// has no such event.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn of_event(&self, engine: &Handle, key: ExecutionKey, event: EventId) -> Result<Option<u32>, Error> {
        let mut all = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = all.entry(key).or_default();
        while counted.last < event {
            let page = engine.history(key, counted.last + 1, false, PAGE)?;
            if page.is_empty() {
                break;
            }
            page.iter().for_each(|event| counted.take(event));
        }
        let attempt = counted.attempt_of.get(&event).copied();
        drop_oldest(&mut all, COUNTED_MAX);
        Ok(attempt)
    }
}

fn drop_oldest<T>(all: &mut BTreeMap<ExecutionKey, T>, most: usize) {
    while all.len() > most {
        all.pop_first();
    }
}

impl Counted {
    fn take(&mut self, event: &HistoryEvent) {
        self.last = event.id;
        let state = match &event.details {
            Details::StateEntered { name, .. } => Some(Arc::clone(name)),
            _ => self.state_of.get(&event.previous).cloned(),
        };
        let Some(state) = state else { return };
        if is_scheduled(event.event_type) {
            let next = self.scheduled.entry(Arc::clone(&state)).or_default();
            self.attempt_of.insert(event.id, *next);
            *next += 1;
        }
        self.state_of.insert(event.id, state);
    }
}

fn is_scheduled(event_type: EventType) -> bool {
    matches!(event_type, EventType::TaskScheduled | EventType::LambdaFunctionScheduled | EventType::ActivityScheduled)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stepwell_interpreter::{Details, EventType, HistoryEvent};
    use stepwell_store::ExecutionKey;
    use stepwell_value::{Payload, Timestamp};

    use super::{Attempts, Counted};

    fn event(id: u64, previous: u64, event_type: EventType, name: &str) -> HistoryEvent {
        let details = match event_type {
            EventType::TaskStateEntered => Details::StateEntered { name: name.into(), input: Payload::default() },
            _ => Details::None,
        };
        HistoryEvent { id, previous, at: Timestamp(0), event_type, details }
    }

    #[test]
    fn retries_loops_and_items_count_alike() {
        use EventType::{TaskFailed, TaskScheduled, TaskStateEntered};
        let mut counted = Counted::default();
        let events = [
            event(1, 0, EventType::ExecutionStarted, ""),
            event(2, 1, TaskStateEntered, "A"),
            event(3, 2, TaskScheduled, ""), // 0
            event(4, 2, TaskStateEntered, "B"),
            event(5, 3, TaskFailed, ""),
            event(6, 4, TaskScheduled, ""), // B 0
            event(7, 5, TaskScheduled, ""), // 1: a retry
            event(8, 7, TaskStateEntered, "A"),
            event(9, 8, TaskScheduled, ""), // 2: a loop
        ];
        events.iter().for_each(|event| counted.take(event));
        let attempt = |id: u64| counted.attempt_of.get(&id).copied();
        assert_eq!([3, 6, 7, 9].map(attempt), [Some(0), Some(0), Some(1), Some(2)]);
        assert_eq!(attempt(5), None);
    }

    #[test]
    fn express_executions_are_counted_each_by_itself() {
        let attempts = Attempts::default();
        let (one, two) = (ExecutionKey(1), ExecutionKey(2));
        let (a, b): (Arc<str>, Arc<str>) = ("A".into(), "B".into());
        let next = |key, state| attempts.next_express(key, state);
        assert_eq!([next(one, &a), next(one, &a), next(one, &b), next(two, &a)], [0, 1, 0, 0]);
    }
}
