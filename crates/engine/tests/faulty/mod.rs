//! A store whose reads fail when a test says so.

use stepwell_interpreter::HistoryEvent;
use stepwell_store::memory::MemoryStore;
use stepwell_store::record::ExecutionRecord;
use stepwell_store::{
    Committed, Error, ExecutionFilter, ExecutionKey, MachineKey, OpenPage, Place, Record, RecordKind, Store,
    StoredExecution, Write,
};
use stepwell_value::Timestamp;

/// What is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// One of a page of executions that run.
    Open(ExecutionKey),
    Load(ExecutionKey),
    Execution(ExecutionKey),
    History,
    Record,
    Listing,
}

/// See the module.
pub struct Faulty {
    pub store: MemoryStore,
    fault: Box<dyn Fn(Read) -> Option<Error> + Send + Sync>,
}

impl Faulty {
    pub fn new(store: MemoryStore, fault: impl Fn(Read) -> Option<Error> + Send + Sync + 'static) -> Faulty {
        Faulty { store, fault: Box::new(fault) }
    }

    fn reads(&self, read: Read) -> Result<&MemoryStore, Error> {
        (self.fault)(read).map_or(Ok(&self.store), Err)
    }
}

impl Store for Faulty {
    fn commit(&self, group: &[Write], done: Box<dyn FnOnce(Committed) + Send>) {
        self.store.commit(group, done);
    }
    fn load(&self, key: ExecutionKey) -> Result<Option<StoredExecution>, Error> {
        self.reads(Read::Load(key))?.load(key)
    }
    fn open_executions(&self, after: Option<ExecutionKey>, limit: usize) -> Result<OpenPage, Error> {
        let mut page = OpenPage::default();
        for execution in self.store.open_executions(after, limit)?.executions {
            let key = execution.record.key;
            page.push(key, self.reads(Read::Open(key)).map(|_| execution))?;
        }
        Ok(page)
    }
    fn last_key(&self) -> Result<ExecutionKey, Error> {
        self.store.last_key()
    }
    fn execution(&self, key: ExecutionKey) -> Result<Option<ExecutionRecord>, Error> {
        self.reads(Read::Execution(key))?.execution(key)
    }
    fn execution_named(&self, machine: MachineKey, name: &str) -> Result<Option<ExecutionKey>, Error> {
        self.store.execution_named(machine, name)
    }
    fn history(&self, key: ExecutionKey, from: u64, reverse: bool, limit: usize) -> Result<Vec<HistoryEvent>, Error> {
        self.reads(Read::History)?.history(key, from, reverse, limit)
    }
    fn executions(
        &self,
        filter: &ExecutionFilter,
        before: Option<Place>,
        limit: usize,
    ) -> Result<Vec<ExecutionRecord>, Error> {
        self.reads(Read::Listing)?.executions(filter, before, limit)
    }
    fn record(&self, kind: RecordKind, scope: &str, name: &str) -> Result<Option<Record>, Error> {
        self.reads(Read::Record)?.record(kind, scope, name)
    }
    fn records(
        &self,
        kind: RecordKind,
        scope: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Record>, Error> {
        self.reads(Read::Record)?.records(kind, scope, prefix, after, limit)
    }
    fn expire(&self, closed_before: Timestamp, limit: usize) -> Result<usize, Error> {
        self.store.expire(closed_before, limit)
    }
    fn commits(&self) -> u64 {
        self.store.commits()
    }
    fn close(&self) {
        self.store.close();
    }
}
