//! The timers of a shard: derived from the frames, kept in memory only, set up again by recovery.
//!
//! An execution that waits costs its timer and nothing else, so a timer must be small: two entries in ordered sets, and
//! no allocation of its own. The second set finds the timers of one frame among those of thousands.

use std::collections::BTreeSet;

use stepwell_interpreter::{FrameId, TimerKind};
use stepwell_store::ExecutionKey;
use stepwell_value::Timestamp;

/// Which timer of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Which {
    /// One of a frame's, set in this epoch.
    Frame(FrameId, u32, TimerKind),
    /// The machine's `TimeoutSeconds`.
    Execution,
}

/// All timers of a shard, by due time.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    due: BTreeSet<(Timestamp, ExecutionKey, Which)>,
    /// The same, by what they are for.
    by_owner: BTreeSet<(ExecutionKey, Which, Timestamp)>,
}

impl Timers {
    /// Sets a timer.
    pub fn set(&mut self, key: ExecutionKey, at: Timestamp, which: Which) {
        self.due.insert((at, key, which));
        self.by_owner.insert((key, which, at));
    }

    /// Drops the timers of a frame that belong to another epoch than this; `None`: all of the frame's.
    pub fn keep_epoch(&mut self, key: ExecutionKey, frame: FrameId, epoch: Option<u32>) {
        let first = Which::Frame(frame, 0, TimerKind::Resume);
        let last = Which::Frame(frame, u32::MAX, TimerKind::Heartbeat);
        self.drop_if(key, first, last, |which| match which {
            Which::Frame(_, set_in, _) => Some(*set_in) != epoch,
            Which::Execution => false,
        });
    }

    /// Drops all timers of an execution.
    pub fn forget(&mut self, key: ExecutionKey) {
        let first = Which::Frame(FrameId(0), 0, TimerKind::Resume);
        self.drop_if(key, first, Which::Execution, |_| true);
    }

    fn drop_if(&mut self, key: ExecutionKey, first: Which, last: Which, void: impl Fn(&Which) -> bool) {
        let range = (key, first, Timestamp(i64::MIN))..=(key, last, Timestamp(i64::MAX));
        let void: Vec<_> = self.by_owner.range(range).filter(|(_, which, _)| void(which)).copied().collect();
        for (key, which, at) in void {
            self.by_owner.remove(&(key, which, at));
            self.due.remove(&(at, key, which));
        }
    }

    /// When the next timer is due.
    pub fn next(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _, _)| *at)
    }

    /// Takes a timer that is due.
    pub fn take_due(&mut self, now: Timestamp) -> Option<(ExecutionKey, Which)> {
        let (at, key, which) = *self.due.first().filter(|(at, _, _)| *at <= now)?;
        self.due.remove(&(at, key, which));
        self.by_owner.remove(&(key, which, at));
        Some((key, which))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resume(frame: u32, epoch: u32) -> Which {
        Which::Frame(FrameId(frame), epoch, TimerKind::Resume)
    }

    #[test]
    fn timers_come_in_order_and_void_ones_are_dropped() {
        let mut timers = Timers::default();
        let (one, two) = (ExecutionKey(1), ExecutionKey(2));
        timers.set(one, Timestamp(30), resume(0, 1));
        timers.set(one, Timestamp(10), resume(1, 1));
        timers.set(two, Timestamp(20), Which::Execution);
        timers.set(two, Timestamp(5), resume(0, 1));
        timers.keep_epoch(two, FrameId(0), Some(2));
        assert_eq!(timers.next(), Some(Timestamp(10)));
        assert_eq!(timers.take_due(Timestamp(9)), None);
        assert_eq!(timers.take_due(Timestamp(25)), Some((one, resume(1, 1))));
        assert_eq!(timers.take_due(Timestamp(25)), Some((two, Which::Execution)));
        timers.forget(one);
        assert_eq!(timers.next(), None);
        assert!(timers.by_owner.is_empty());
    }
}
