//! Reads that fail for a moment, as a store's do that is far away or busy. Only the engine's: callers, services and properties
//! look at the disk itself.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stepwell_interpreter::HistoryEvent;
use stepwell_store::{
    Committed, Error, ExecutionFilter, ExecutionKey, ExecutionRecord, MachineKey, OpenPage, Place, Record, RecordKind,
    Store, StoredExecution, Write,
};
use stepwell_value::Timestamp;

use crate::clock::VirtualClock;
use crate::disk::Disk;
use crate::rng::Rng;

/// How long the store cannot be read at most, in milliseconds. Often it is but a single read that fails.
const UNREADABLE_MAX: u64 = 3_000;

/// When reads fail; outlives a crash.
pub struct Reads {
    rng: Mutex<Rng>,
    clock: Arc<VirtualClock>,
    /// The probability that it begins, per read.
    rate: f64,
    calm: AtomicBool,
    until: AtomicU64,
    /// The moments that have begun: how long each lasts.
    begun: Mutex<Vec<u64>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Reads {
    /// The reads of a world.
    pub fn new(rate: f64, rng: Rng, clock: &Arc<VirtualClock>) -> Reads {
        Reads {
            rng: Mutex::new(rng),
            clock: Arc::clone(clock),
            rate,
            calm: AtomicBool::new(true),
            until: AtomicU64::new(0),
            begun: Mutex::default(),
        }
    }

    /// Ends or begins the faults.
    pub fn set_calm(&self, calm: bool) {
        self.calm.store(calm, Ordering::Relaxed);
    }

    /// How long each of the moments lasts that have begun since the last call.
    pub fn take_begun(&self) -> Vec<u64> {
        std::mem::take(&mut lock(&self.begun))
    }

    /// A read; whether it works.
    fn pass(&self) -> Result<(), Error> {
        if self.calm.load(Ordering::Relaxed) {
            return Ok(());
        }
        let fails = || Err(Error::Backend("the disk does not answer".to_owned()));
        let now = self.clock.elapsed();
        if now < self.until.load(Ordering::Relaxed) {
            return fails();
        }
        let mut rng = lock(&self.rng);
        if !rng.chance(self.rate) {
            return Ok(());
        }
        let millis = rng.below(2) * rng.below(UNREADABLE_MAX);
        self.until.store(now + millis, Ordering::Relaxed);
        lock(&self.begun).push(millis);
        fails()
    }
}

/// A disk as the engine reads it.
pub struct Reader(pub Arc<Disk>);

impl Reader {
    fn reads(&self) -> Result<&Disk, Error> {
        self.0.reads().pass().map(|()| &*self.0)
    }
}

impl Store for Reader {
    fn commit(&self, group: &[Write], done: Box<dyn FnOnce(Committed) + Send>) {
        self.0.commit(group, done);
    }

    fn load(&self, key: ExecutionKey) -> Result<Option<StoredExecution>, Error> {
        self.reads()?.load(key)
    }

    fn open_executions(&self, after: Option<ExecutionKey>, limit: usize) -> Result<OpenPage, Error> {
        self.reads()?.open_executions(after, limit)
    }

    fn last_key(&self) -> Result<ExecutionKey, Error> {
        self.reads()?.last_key()
    }

    fn execution(&self, key: ExecutionKey) -> Result<Option<ExecutionRecord>, Error> {
        self.reads()?.execution(key)
    }

    fn execution_named(&self, machine: MachineKey, name: &str) -> Result<Option<ExecutionKey>, Error> {
        self.reads()?.execution_named(machine, name)
    }

    fn history(&self, key: ExecutionKey, from: u64, reverse: bool, limit: usize) -> Result<Vec<HistoryEvent>, Error> {
        self.reads()?.history(key, from, reverse, limit)
    }

    fn executions(
        &self,
        filter: &ExecutionFilter,
        before: Option<Place>,
        limit: usize,
    ) -> Result<Vec<ExecutionRecord>, Error> {
        self.reads()?.executions(filter, before, limit)
    }

    fn record(&self, kind: RecordKind, scope: &str, name: &str) -> Result<Option<Record>, Error> {
        self.reads()?.record(kind, scope, name)
    }

    fn records(
        &self,
        kind: RecordKind,
        scope: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Record>, Error> {
        self.reads()?.records(kind, scope, prefix, after, limit)
    }

    fn expire(&self, closed_before: Timestamp, limit: usize) -> Result<usize, Error> {
        self.0.expire(closed_before, limit)
    }

    fn commits(&self) -> u64 {
        self.0.commits()
    }

    fn close(&self) {
        self.0.close();
    }
}
