//! The virtual clock: time that only ever moves when the simulator says so, and a wall clock that may jump.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use stepwell_engine::Clock;
use stepwell_value::Timestamp;

/// Where the wall clock begins: 2026-11-20T00:00:00Z.
pub const EPOCH: i64 = 1_795_132_800_000;

/// Virtual time. `elapsed` never goes back; the wall clock is that plus an offset which jumps.
#[derive(Debug, Default)]
pub struct VirtualClock {
    elapsed: AtomicU64,
    offset: AtomicI64,
    /// How far ahead of the truth the engine is told the time; a planted bug.
    lie: AtomicI64,
    latest: AtomicI64,
    went_back: AtomicBool,
}

impl VirtualClock {
    /// Milliseconds since the world began.
    pub fn elapsed(&self) -> u64 {
        self.elapsed.load(Ordering::Relaxed)
    }

    /// The wall clock's true time.
    pub fn wall(&self) -> Timestamp {
        let elapsed = i64::try_from(self.elapsed()).unwrap_or(i64::MAX);
        Timestamp(EPOCH + elapsed + self.offset.load(Ordering::Relaxed))
    }

    /// The latest time the wall clock has ever shown.
    pub fn latest_wall(&self) -> Timestamp {
        Timestamp(self.latest.load(Ordering::Relaxed).max(self.wall().0))
    }

    /// When it is that time on the wall, in milliseconds since the world began; the past is now.
    pub fn elapsed_at(&self, wall: Timestamp) -> u64 {
        self.elapsed().saturating_add(wall.millis_since(self.wall()))
    }

    /// Lets time pass.
    pub fn advance(&self, millis: u64) {
        self.elapsed.fetch_add(millis, Ordering::Relaxed);
        self.latest.fetch_max(self.wall().0, Ordering::Relaxed);
    }

    /// Moves the wall clock, forwards or back.
    pub fn jump(&self, millis: i64) {
        self.offset.fetch_add(millis, Ordering::Relaxed);
        self.went_back.fetch_or(millis < 0, Ordering::Relaxed);
        self.latest.fetch_max(self.wall().0, Ordering::Relaxed);
    }

    /// Whether the wall clock has ever gone back.
    pub fn went_back(&self) -> bool {
        self.went_back.load(Ordering::Relaxed)
    }

    /// Makes the engine's clock run ahead of the truth: a planted bug.
    pub fn run_ahead(&self, millis: i64) {
        self.lie.store(millis, Ordering::Relaxed);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.wall().0 + self.lie.load(Ordering::Relaxed))
    }
}
