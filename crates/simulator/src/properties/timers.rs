//! Timers are never early, by the clock that wrote the events: waits, retries, timeouts, heartbeats.

use std::collections::BTreeMap;

use stepwell_interpreter::{Details, EventId, EventType, HistoryEvent};
use stepwell_store::ExecutionRecord;

use super::Property;
use crate::plan::{Plan, StatePlan};
use crate::seen::{Seen, View};

/// See the module.
pub struct Timers;

impl Property for Timers {
    fn name(&self) -> &'static str {
        "timers"
    }

    fn see(&mut self, seen: &Seen<'_>, view: &View<'_>) -> Result<(), String> {
        match seen {
            Seen::Committed(dated) => {
                let latest = view.clock.latest_wall();
                match dated.events.iter().find(|(_, at)| *at > latest) {
                    Some((id, at)) => Err(format!(
                        "event {id} of execution {} is dated {} ms ahead of the clock",
                        dated.key.0,
                        at.millis_since(latest)
                    )),
                    None => Ok(()),
                }
            }
            Seen::Finished => {
                let went_back = view.clock.went_back();
                view.judge_histories(|record, plan, events| judge(record, plan, events, went_back))
            }
            _ => Ok(()),
        }
    }
}

/// What is known of the state a branch stands at, by the branch's last event.
#[derive(Clone, Copy)]
struct At<'e> {
    name: &'e str,
    entered: &'e HistoryEvent,
    /// Since when it waits: since it was entered, or since the redrive that came later.
    begun: &'e HistoryEvent,
    scheduled: Option<&'e HistoryEvent>,
}

fn judge(record: &ExecutionRecord, plan: &Plan, events: &[HistoryEvent], went_back: bool) -> Result<(), String> {
    let mut places: BTreeMap<EventId, At<'_>> = BTreeMap::new();
    let mut redriven = None;
    for event in events {
        if event.event_type == EventType::ExecutionRedriven {
            redriven = Some(event);
        }
        if let Details::StateEntered { name, .. } = &event.details {
            places.insert(event.id, At { name, entered: event, begun: event, scheduled: None });
            continue;
        }
        let previous = events.get(usize::try_from(event.previous).unwrap_or(0).wrapping_sub(1));
        if event.event_type == EventType::ExecutionTimedOut {
            let begun = redriven.or(events.first());
            let from = begun.map_or(event.at, |begun| begun.at);
            let from = if redriven.is_some() { from } else { record.identity.started.min(from) };
            not_before(event, from.plus_seconds(plan.timeout_seconds.unwrap_or(0)), "the machine's timeout")?;
        }
        let Some(at) = places.get(&event.previous).copied() else { continue };
        let Some(state) = plan.state(at.name) else { continue };
        // What is done again after a redrive is done at once.
        let previous = previous.filter(|previous| redriven.is_none_or(|redriven| redriven.id < previous.id));
        let begun = redriven.filter(|redriven| redriven.id > at.entered.id).unwrap_or(at.entered);
        let scheduled = judge_event(event, previous, At { begun, ..at }, state, went_back)?;
        places.insert(event.id, At { scheduled: scheduled.or(at.scheduled), ..at });
    }
    Ok(())
}

fn judge_event<'e>(
    event: &'e HistoryEvent,
    previous: Option<&HistoryEvent>,
    at: At<'e>,
    state: &StatePlan,
    went_back: bool,
) -> Result<Option<&'e HistoryEvent>, String> {
    let name = event.event_type.name();
    if name.ends_with("Scheduled") {
        if let Some(failed) = previous.filter(|previous| previous.id != at.entered.id) {
            not_before(event, failed.at.plus_millis(state.delay_min_millis), "the next attempt")?;
        }
        return Ok(Some(event));
    }
    if name.ends_with("TimedOut")
        && timed_out_by_us(event)
        // A heartbeat is in no history; it may have come after the clock went back.
        && !(went_back && state.heartbeat_seconds.is_some())
        && let Some(scheduled) = at.scheduled
    {
        let limits = [state.timeout_seconds, state.heartbeat_seconds];
        let seconds = limits.into_iter().flatten().min().unwrap_or(u64::MAX);
        not_before(event, scheduled.at.plus_seconds(seconds), "the task's timeout")?;
    }
    if event.event_type == EventType::WaitStateExited {
        let seconds = if state.seconds_from_input { wait_of(at.entered) } else { state.seconds };
        not_before(event, at.begun.at.plus_seconds(seconds.unwrap_or(0)), "the wait")?;
    }
    Ok(None)
}

/// Whether the timeout is the engine's, not one that a worker reported.
fn timed_out_by_us(event: &HistoryEvent) -> bool {
    match &event.details {
        Details::Failure(failure) | Details::TaskFailure { failure, .. } => failure.cause.is_none(),
        _ => false,
    }
}

fn wait_of(entered: &HistoryEvent) -> Option<u64> {
    match &entered.details {
        Details::StateEntered { input, .. } => input.value().get("wait")?.as_number()?.as_i64()?.try_into().ok(),
        _ => None,
    }
}

fn not_before(event: &HistoryEvent, due: stepwell_value::Timestamp, what: &str) -> Result<(), String> {
    if event.at >= due {
        return Ok(());
    }
    Err(format!("event {} comes {} ms before {what} is due", event.id, due.millis_since(event.at)))
}
