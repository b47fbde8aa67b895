//! The timers of a shard: derived from the frames, kept in memory only, set up again by recovery.

use std::collections::{BTreeSet, HashMap};

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
    of_execution: HashMap<ExecutionKey, Vec<(Timestamp, Which)>>,
}

impl Timers {
    /// Sets a timer.
    pub fn set(&mut self, key: ExecutionKey, at: Timestamp, which: Which) {
        if self.due.insert((at, key, which)) {
            self.of_execution.entry(key).or_default().push((at, which));
        }
    }

    /// Drops the timers of a frame that belong to another epoch than this; `None`: all of the frame's.
    pub fn keep_epoch(&mut self, key: ExecutionKey, frame: FrameId, epoch: Option<u32>) {
        self.drop_if(key, |which| match which {
            Which::Frame(of, set_in, _) => *of == frame && Some(*set_in) != epoch,
            Which::Execution => false,
        });
    }

    /// Drops all timers of an execution.
    pub fn forget(&mut self, key: ExecutionKey) {
        for (at, which) in self.of_execution.remove(&key).unwrap_or_default() {
            self.due.remove(&(at, key, which));
        }
    }

    fn drop_if(&mut self, key: ExecutionKey, void: impl Fn(&Which) -> bool) {
        let Some(mine) = self.of_execution.get_mut(&key) else { return };
        mine.retain(|(at, which)| {
            let drop = void(which);
            if drop {
                self.due.remove(&(*at, key, *which));
            }
            !drop
        });
        if mine.is_empty() {
            self.of_execution.remove(&key);
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
        if let Some(mine) = self.of_execution.get_mut(&key) {
            mine.retain(|timer| *timer != (at, which));
            if mine.is_empty() {
                self.of_execution.remove(&key);
            }
        }
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
        assert!(timers.of_execution.is_empty());
    }
}
