//! A processor that is kept awake while one client asks one thing after the other.
//!
//! A processor without work is put to sleep, and a virtual one takes longer to wake up than a small request takes
//! (`docs/performance.md`). So while requests come one by one in quick succession, a thread of the lowest priority keeps one
//! processor busy until the next is due: what Linux calls guest halt polling, without asking for the right to set it. It
//! gives way to whatever else wants to run, stops a moment after the last request, and does not exist before it is needed.

use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, OnceLock};
use std::thread::{self, Thread};
use std::time::Instant;

/// A request this soon after the last answer to its connection comes from a client that waits for each: nanoseconds.
const SOON_NANOS: u64 = 200_000;
/// So many requests after each other come from one client; of many clients, two may by chance.
const IN_A_ROW: u64 = 4;
/// How long the processor stays awake for the next request, or for the answer: nanoseconds.
const STAY_NANOS: u64 = 100_000;
/// Turns between two looks at the clock, about a microsecond.
const TURNS: u32 = 64;

/// Keeps a processor awake while it pays.
pub(crate) struct Awake {
    shared: Arc<Shared>,
    thread: OnceLock<Option<Thread>>,
    /// The last connection that was given a number.
    connections: AtomicU64,
    /// The connection that was answered last.
    answered: AtomicU64,
    /// How many times in a row.
    in_a_row: AtomicU64,
    /// When it was.
    answered_at: AtomicU64,
}

struct Shared {
    /// Times are nanoseconds since this moment.
    begun: Instant,
    /// Until when to stay awake.
    until: AtomicU64,
    /// Whether the thread has to be woken up.
    asleep: AtomicBool,
    ended: AtomicBool,
}

/// The number of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Connection(u64);

/// A request that is worked on, until it is dropped.
pub(crate) struct Working<'a> {
    awake: &'a Awake,
    connection: Connection,
    quick: bool,
}

impl Awake {
    /// Nothing is kept awake when there is one processor: nothing of it would be left for the others.
    pub fn new() -> Awake {
        let thread = OnceLock::new();
        if !cfg!(target_os = "linux") || thread::available_parallelism().map_or(1, usize::from) < 2 {
            let _ = thread.set(None); // it was empty
        }
        let shared = Arc::new(Shared {
            begun: Instant::now(),
            until: AtomicU64::new(0),
            asleep: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        });
        let [connections, answered, in_a_row, answered_at] = [0; 4].map(AtomicU64::new);
        Awake { shared, thread, connections, answered, in_a_row, answered_at }
    }

    /// A new connection.
    pub fn connection(&self) -> Connection {
        Connection(self.connections.fetch_add(1, Relaxed) + 1)
    }

    /// A connection has a request.
    pub fn working(&self, connection: Connection) -> Working<'_> {
        let now = self.shared.now();
        let quick = self.is_quick(connection, now);
        if quick {
            self.stay(now);
        }
        Working { awake: self, connection, quick }
    }

    /// Whether the last answers were this connection's, and the last one has only just been made.
    fn is_quick(&self, connection: Connection, now: u64) -> bool {
        let again = self.answered.load(Relaxed) == connection.0 && self.in_a_row.load(Relaxed) >= IN_A_ROW;
        again && now.saturating_sub(self.answered_at.load(Relaxed)) < SOON_NANOS
    }

    fn has_answered(&self, connection: Connection, now: u64) {
        if self.answered.swap(connection.0, Relaxed) == connection.0 {
            self.in_a_row.fetch_add(1, Relaxed);
        } else {
            self.in_a_row.store(1, Relaxed);
        }
        self.answered_at.store(now, Relaxed);
    }

    fn stay(&self, now: u64) {
        let Some(thread) = self.thread.get_or_init(|| start(&self.shared)) else { return };
        self.shared.until.store(now + STAY_NANOS, SeqCst);
        if self.shared.asleep.swap(false, SeqCst) {
            thread.unpark();
        }
    }
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        let now = self.awake.shared.now();
        self.awake.has_answered(self.connection, now);
        if self.quick {
            self.awake.stay(now);
        }
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        self.shared.ended.store(true, SeqCst);
        if let Some(Some(thread)) = self.thread.get() {
            thread.unpark();
        }
    }
}

/// The thread; none when it cannot be made, or not be given the lowest priority.
fn start(shared: &Arc<Shared>) -> Option<Thread> {
    let shared = Arc::clone(shared);
    let builder = thread::Builder::new().name("awake".to_owned());
    builder.spawn(move || stay_awake(&shared)).ok().map(|handle| handle.thread().clone())
}

fn stay_awake(shared: &Shared) {
    if !lowest_priority() {
        return;
    }
    while !shared.ended.load(SeqCst) {
        if shared.now() < shared.until.load(SeqCst) {
            (0..TURNS).for_each(|_| std::hint::spin_loop());
            continue;
        }
        shared.asleep.store(true, SeqCst);
        // Who has prolonged it since has not seen that it sleeps.
        if shared.now() >= shared.until.load(SeqCst) && !shared.ended.load(SeqCst) {
            thread::park();
        }
        shared.asleep.store(false, SeqCst);
    }
}

/// On Linux a priority is the thread's own; elsewhere there is no such thread.
fn lowest_priority() -> bool {
    #[cfg(target_os = "linux")]
    return rustix::process::nice(19).is_ok();
    #[cfg(not(target_os = "linux"))]
    return false;
}

impl Shared {
    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_one_client_that_waits_for_each_answer_is_quick() {
        let awake = Awake::new();
        let (one, other) = (awake.connection(), awake.connection());
        assert!(!awake.is_quick(one, 5), "nothing has been answered");
        for _ in 0..IN_A_ROW {
            assert!(!awake.is_quick(one, 1_000));
            awake.has_answered(one, 1_000);
        }
        assert!(awake.is_quick(one, 1_000 + SOON_NANOS - 1));
        assert!(!awake.is_quick(one, 1_000 + SOON_NANOS));
        assert!(!awake.is_quick(other, 1_001));
        awake.has_answered(other, 1_002);
        awake.has_answered(one, 1_003);
        assert!(!awake.is_quick(one, 1_004));
    }

    /// Waits for what the thread is to do, however slow the machine is.
    #[cfg(target_os = "linux")]
    fn comes_true(what: impl Fn() -> bool) -> bool {
        (0..10_000).any(|_| {
            what() || {
                thread::sleep(Duration::from_millis(1));
                false
            }
        })
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_thread_sleeps_when_nothing_more_comes_and_ends_with_the_server() {
        let mut awake = Awake::new();
        awake.thread = OnceLock::new(); // as with several processors
        let shared = Arc::downgrade(&awake.shared);
        for _ in 0..3 {
            awake.stay(awake.shared.now());
            assert!(comes_true(|| awake.shared.asleep.load(SeqCst)));
        }
        drop(awake);
        assert!(comes_true(|| shared.upgrade().is_none()));
    }
}
