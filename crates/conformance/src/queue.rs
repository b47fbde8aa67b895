//! What is going to happen, in the order of time; of the same moment, in the order it was asked for.

use std::collections::BTreeMap;

use stepwell_interpreter::{Command, FrameId, TimerKind};
use stepwell_value::Timestamp;

/// Commands that are due at some moment.
#[derive(Default)]
pub(crate) struct Queue {
    due: BTreeMap<(Timestamp, u64), Command>,
    next: u64,
}

impl Queue {
    /// Lets a command happen at this moment.
    pub fn add(&mut self, at: Timestamp, command: Command) {
        self.due.insert((at, self.next), command);
        self.next += 1;
    }

    /// The next command and its moment.
    pub fn take(&mut self) -> Option<(Timestamp, Command)> {
        self.due.pop_first().map(|((at, _), command)| (at, command))
    }

    /// The timers of frames that are set.
    pub fn timers(&self) -> impl Iterator<Item = (Timestamp, FrameId, u32, TimerKind)> {
        self.due.iter().filter_map(|((at, _), command)| match command {
            Command::TimerFired { frame, epoch, kind } => Some((*at, *frame, *epoch, *kind)),
            _ => None,
        })
    }

    /// Whether this very command is due at some moment, and the first such moment.
    pub fn moment_of(&self, command: &Command) -> Option<Timestamp> {
        self.due.iter().find(|(_, due)| *due == command).map(|((at, _), _)| *at)
    }
}
