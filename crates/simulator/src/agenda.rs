//! What will happen and when: the only place where the world keeps its future.

use std::collections::BTreeMap;
use std::sync::Arc;

use stepwell_engine::{Answer, Reporter};
use stepwell_interpreter::Progress;
use stepwell_store::ExecutionKey;
use tokio::sync::oneshot;

/// Something that will happen.
pub enum Event {
    /// A service answers a call.
    Answer(oneshot::Sender<Answer>, Answer),
    /// A service reports on a call before its answer.
    Report(Reporter, Progress),
    /// Somebody sends news of a task by its token.
    Callback(Arc<str>, Progress),
    /// A caller starts an execution.
    Start(StartCall),
    /// A caller stops an execution.
    Stop(ExecutionKey),
    /// An operator redrives an execution, with this client token.
    Redrive(ExecutionKey, Option<Arc<str>>),
    /// A caller waits for the end of an execution.
    Await(ExecutionKey),
    /// An operator makes the machine with this index.
    MakeMachine(usize),
    /// A worker asks for a task.
    Poll(usize),
    /// A worker hangs up.
    HangUp(usize),
    /// Nothing but a look at the clock: something inside the engine is due.
    Tick,
}

/// A call of StartExecution.
#[derive(Clone, Debug)]
pub struct StartCall {
    /// The machine's index.
    pub machine: usize,
    /// The name, when the caller chooses one.
    pub name: Option<String>,
    /// The input.
    pub input: String,
}

/// The future, by time.
#[derive(Default)]
pub struct Agenda {
    events: BTreeMap<(u64, u64), Event>,
    sequence: u64,
}

impl Agenda {
    /// Enters an event for this moment, in milliseconds since the world began. Events of one moment happen in the order
    /// they were entered.
    pub fn push(&mut self, at: u64, event: Event) {
        self.sequence += 1;
        self.events.insert((at, self.sequence), event);
    }

    /// Takes the next event that is due.
    pub fn pop_due(&mut self, now: u64) -> Option<Event> {
        let first = self.events.first_entry().filter(|first| first.key().0 <= now)?;
        Some(first.remove())
    }

    /// When the next event is due.
    pub fn next(&self) -> Option<u64> {
        self.events.first_key_value().map(|((at, _), _)| *at)
    }

    /// Whether nothing is to come but workers asking for tasks.
    pub fn only_polls(&self) -> bool {
        self.events.values().all(|event| matches!(event, Event::Poll(_) | Event::Tick | Event::HangUp(_)))
    }

    /// Whether callers still have executions to start.
    pub fn has_starts(&self) -> bool {
        self.events.values().any(|event| matches!(event, Event::Start(_)))
    }
}
