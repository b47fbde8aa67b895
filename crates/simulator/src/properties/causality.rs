//! Nothing is visible before its cause is durable: no reply, no call of a service, no task for a worker.

use stepwell_engine::token::TaskRef;
use stepwell_interpreter::{Details, EventType, Frame, Waiting};
use stepwell_store::{ExecutionKey, Store};
use stepwell_value::Timestamp;

use super::Property;
use crate::seen::{Seen, View};

/// How long a client token of RedriveExecution is remembered.
const TOKEN_MILLIS: u64 = 15 * 60 * 1000;

/// See the module.
pub struct Causality;

impl Property for Causality {
    fn name(&self) -> &'static str {
        "causality"
    }

    fn see(&mut self, seen: &Seen<'_>, view: &View<'_>) -> Result<(), String> {
        let about = match seen {
            Seen::Started { key, .. } | Seen::Stopped { key, .. } | Seen::Redriven { key, .. } | Seen::Ended(key) => {
                *key
            }
            Seen::Called(task) | Seen::Taken(task) | Seen::Answered { task, .. } => task.key,
            _ => return Ok(()),
        };
        if view.expired.contains(&about) {
            return Ok(()); // what was told is gone by now
        }
        match seen {
            Seen::Started { key, input, .. } => started(view, *key, input),
            Seen::Stopped { key, stopped } => {
                let ends = ends(view, *key)?;
                let holds = if *stopped { ends.contains(&EventType::ExecutionAborted) } else { !ends.is_empty() };
                ensure(holds, || format!("a stop of execution {} said {stopped}, but its ends are {ends:?}", key.0))
            }
            Seen::Redriven { key, token, at } => redriven(view, *key, *token, *at),
            Seen::Ended(key) => {
                let ends = ends(view, *key)?;
                ensure(!ends.is_empty(), || format!("execution {} is said to have ended, but runs", key.0))
            }
            Seen::Called(task) => {
                let frame = frame(view, *task)?;
                let waits = |frame: &Frame| frame.epoch == task.epoch && matches!(frame.waiting, Waiting::Task(_));
                ensure(frame.as_ref().is_some_and(waits), || {
                    format!("a service is called for {task:?}, but durable is {frame:?}")
                })
            }
            Seen::Taken(task) => {
                let frame = frame(view, *task)?;
                let started = |frame: &Frame| match &frame.waiting {
                    Waiting::Task(wait) if frame.epoch == task.epoch => wait.started,
                    _ => frame.epoch > task.epoch,
                };
                ensure(frame.as_ref().is_none_or(started), || {
                    format!("a worker has {task:?}, but durable is {frame:?}")
                })
            }
            Seen::Answered { task, ends, accepted } if *ends || !accepted => {
                let frame = frame(view, *task)?;
                ensure(frame.as_ref().is_none_or(|frame| frame.epoch > task.epoch), || {
                    format!("{task:?} is said to have ended (accepted: {accepted}), but durable is {frame:?}")
                })
            }
            _ => Ok(()),
        }
    }
}

fn started(view: &View<'_>, key: ExecutionKey, input: &str) -> Result<(), String> {
    view.execution(key).map_err(|what| format!("a start is acknowledged, but {what}"))?;
    let events = view.history(key)?;
    match events.first().map(|event| &event.details) {
        Some(Details::ExecutionStarted { input: stored, .. }) => {
            ensure(**stored.text() == *input, || format!("started with {input}, but stored is {}", stored.text()))
        }
        other => Err(format!("a start is acknowledged, but its first event is {other:?}")),
    }
}

/// The ends that an execution has come to; a redrive may have followed each.
fn ends(view: &View<'_>, key: ExecutionKey) -> Result<Vec<EventType>, String> {
    let is_end = |kind: &EventType| {
        use EventType::{ExecutionAborted, ExecutionFailed, ExecutionSucceeded, ExecutionTimedOut};
        matches!(kind, ExecutionAborted | ExecutionFailed | ExecutionSucceeded | ExecutionTimedOut)
    };
    Ok(view.history(key)?.iter().map(|event| event.event_type).filter(is_end).collect())
}

/// A redrive that was acknowledged is in the history, and once while its client token is remembered.
fn redriven(view: &View<'_>, key: ExecutionKey, token: Option<&str>, at: Timestamp) -> Result<(), String> {
    let history = view.history(key)?;
    let tokens = history.iter().filter_map(|event| match &event.details {
        Details::ExecutionRedriven { client_token, .. } => Some((client_token.as_deref(), event.at)),
        _ => None,
    });
    let of_token: Vec<_> = tokens.filter(|(sent, _)| *sent == token).map(|(_, at)| at).collect();
    let apart = |pair: &[Timestamp]| matches!(pair, [one, two] if two.millis_since(*one) >= TOKEN_MILLIS);
    // A clock that was set back makes fifteen minutes longer or shorter.
    let once = token.is_none() || view.clock.went_back() || of_token.windows(2).all(apart);
    ensure(of_token.contains(&at) && once, || {
        format!("a redrive of execution {} with {token:?} at {at:?} is acknowledged; stored are {of_token:?}", key.0)
    })
}

/// The durable frame of a task; `None` when it has gone, or its execution has ended.
fn frame(view: &View<'_>, task: TaskRef) -> Result<Option<Frame>, String> {
    view.execution(task.key).map_err(|what| format!("there is a task, but {what}"))?;
    let stored = view.store.load(task.key).map_err(|error| error.to_string())?;
    Ok(stored.and_then(|stored| stored.frames.get(&task.frame).cloned()))
}

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}
