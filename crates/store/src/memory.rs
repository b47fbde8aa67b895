//! The in-memory backend: for `stepwell run`, the simulator and tests.
//!
//! A commit is applied at once, and `done` is called on the thread that called [`Store::commit`], without any lock held.
//! So `done` may use the store again; when it commits, that commit runs on the same stack, inside the first one's. A caller that
//! must not be entered again while it commits puts the outcome into its mailbox and returns.
//!
//! A gate ([`MemoryStore::with_gate`]) lets the simulator refuse groups, lose their answers, or hold them back until
//! [`MemoryStore::release`]; [`MemoryStore::reopen`] is what another process would find after a crash.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stepwell_interpreter::{EventId, Frame, FrameId, HistoryEvent, Source, Status};
use stepwell_value::{Payload, Timestamp};

use crate::record::{ExecutionWrite, MapRunRecord, RecordBody};
use crate::{
    Committed, Error, ExecutionFilter, ExecutionKey, ExecutionRecord, MachineKey, OpenPage, Place, Record, RecordKind,
    Store, StoredExecution, Write, WriteError, held,
};

type Done = Box<dyn FnOnce(Committed) + Send>;

/// What to do with a group that is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Apply it and say so.
    Apply,
    /// Do not apply it, and fail with this message.
    Deny(String),
    /// Apply it, and fail with this message all the same: the outcome is unknown to the caller.
    ApplyAndFail(String),
    /// Keep it, and every group after it, until [`MemoryStore::release`].
    Hold,
}

/// Decides what to do with each group. Called with the store locked: it must not use the store.
pub type Gate = Box<dyn Fn(&[Write]) -> Verdict + Send + Sync>;

/// A store in memory. See the module.
#[derive(Default)]
pub struct MemoryStore {
    inner: Mutex<Inner>,
    gate: Option<Gate>,
}

#[derive(Default)]
struct Inner {
    data: Data,
    held: VecDeque<(Vec<Write>, Done)>,
    closed: bool,
}

#[derive(Clone, Default)]
struct Data {
    executions: BTreeMap<ExecutionKey, Entry>,
    names: BTreeMap<(MachineKey, Arc<str>), ExecutionKey>,
    /// Where each execution is listed.
    places: BTreeSet<(MachineKey, Place)>,
    records: BTreeMap<(RecordKind, Arc<str>, Arc<str>), Record>,
    last_key: ExecutionKey,
    commits: u64,
}

#[derive(Clone)]
struct Entry {
    record: ExecutionRecord,
    next_frame: u32,
    next_content: u32,
    /// Stripped: payloads come from the history and the contents, as in a store on disk, so that a wrong
    /// [`Source`] shows here too.
    frames: BTreeMap<FrameId, Frame>,
    contents: BTreeMap<u32, Payload>,
    history: Vec<HistoryEvent>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }

    /// An empty store whose groups pass this gate.
    pub fn with_gate(gate: Gate) -> MemoryStore {
        MemoryStore { inner: Mutex::default(), gate: Some(gate) }
    }

    /// The same store, its groups passing this gate from now on.
    #[must_use]
    pub fn gated(mut self, gate: Gate) -> MemoryStore {
        self.gate = Some(gate);
        self
    }

    /// A new store with what is committed here, without gate and without the groups held back: what another process finds
    /// after this one has crashed.
    pub fn reopen(&self) -> MemoryStore {
        let data = self.lock().data.clone();
        MemoryStore { inner: Mutex::new(Inner { data, ..Inner::default() }), gate: None }
    }

    /// How many groups are held back.
    pub fn held(&self) -> usize {
        self.lock().held.len()
    }

    /// Applies up to so many of the groups held back, in their order, without asking the gate again.
    pub fn release(&self, count: usize) {
        for _ in 0..count {
            let mut inner = self.lock();
            let Some((group, done)) = inner.held.pop_front() else { return };
            let outcome = inner.data.apply(group);
            drop(inner);
            done(outcome);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(&self, key: ExecutionKey, read: impl FnOnce(&Entry) -> T) -> Option<T> {
        self.lock().data.executions.get(&key).map(read)
    }
}

impl Store for MemoryStore {
    fn commit(&self, group: &[Write], done: Done) {
        let mut inner = self.lock();
        if inner.closed {
            drop(inner);
            return done(Err(Error::Backend("the store is closed".to_owned())));
        }
        let verdict = match &self.gate {
            _ if !inner.held.is_empty() => Verdict::Hold,
            Some(gate) => gate(group),
            None => Verdict::Apply,
        };
        let outcome = match verdict {
            Verdict::Apply => inner.data.apply(group.to_vec()),
            Verdict::Deny(message) => Err(Error::Backend(message)),
            Verdict::ApplyAndFail(message) => inner.data.apply(group.to_vec()).and(Err(Error::Backend(message))),
            Verdict::Hold => return inner.held.push_back((group.to_vec(), done)),
        };
        drop(inner);
        done(outcome);
    }

    fn load(&self, key: ExecutionKey) -> Result<Option<StoredExecution>, Error> {
        let inner = self.lock();
        let Some(entry) = inner.data.executions.get(&key).filter(|entry| entry.is_open()) else { return Ok(None) };
        let mut execution = entry.head();
        let mut needed = held::sources(execution.frames.values());
        needed.insert(Source::EventInput(1));
        let payloads = needed.into_iter().filter_map(|source| Some((source, entry.payload(source)?.clone()))).collect();
        held::fill(&mut execution.frames, &payloads).map_err(|error| error.of(&format!("execution {}", key.0)))?;
        execution.input = payloads.get(&Source::EventInput(1)).cloned();
        Ok(Some(execution))
    }

    fn open_executions(&self, after: Option<ExecutionKey>, limit: usize) -> Result<OpenPage, Error> {
        let from = after.map_or(0, |key| key.0.saturating_add(1));
        let inner = self.lock();
        let open = inner.data.executions.range(ExecutionKey(from)..).filter(|(_, entry)| entry.is_open());
        let executions: Vec<_> = open.take(limit).map(|(_, entry)| entry.head()).collect();
        let last = executions.last().map(|execution| execution.record.key);
        Ok(OpenPage { executions, damaged: Vec::new(), last })
    }

    fn last_key(&self) -> Result<ExecutionKey, Error> {
        Ok(self.lock().data.last_key)
    }

    fn execution(&self, key: ExecutionKey) -> Result<Option<ExecutionRecord>, Error> {
        Ok(self.read(key, |entry| entry.record.clone()))
    }

    fn execution_named(&self, machine: MachineKey, name: &str) -> Result<Option<ExecutionKey>, Error> {
        Ok(self.lock().data.names.get(&(machine, Arc::from(name))).copied())
    }

    fn history(
        &self,
        key: ExecutionKey,
        from: EventId,
        reverse: bool,
        limit: usize,
    ) -> Result<Vec<HistoryEvent>, Error> {
        let page = self.read(key, |entry| {
            let index = |id: EventId| usize::try_from(id).unwrap_or(usize::MAX).min(entry.history.len());
            if reverse {
                entry.history.iter().take(index(from)).rev().take(limit).cloned().collect()
            } else {
                entry.history.iter().skip(index(from.saturating_sub(1))).take(limit).cloned().collect()
            }
        });
        Ok(page.unwrap_or_default())
    }

    fn executions(
        &self,
        filter: &ExecutionFilter,
        before: Option<Place>,
        limit: usize,
    ) -> Result<Vec<ExecutionRecord>, Error> {
        const LOWEST: Place = Place { time: Timestamp(i64::MIN), key: ExecutionKey(0) };
        const HIGHEST: Place = Place { time: Timestamp(i64::MAX), key: ExecutionKey(u64::MAX) };
        let data = &self.lock().data;
        let places = (filter.machine, LOWEST)..(filter.machine, before.unwrap_or(HIGHEST));
        let newest_first = data.places.range(places).rev();
        let newest_first = newest_first.filter_map(|(_, place)| Some(&data.executions.get(&place.key)?.record));
        Ok(newest_first.filter(|record| filter.matches(record)).take(limit).cloned().collect())
    }

    fn record(&self, kind: RecordKind, scope: &str, name: &str) -> Result<Option<Record>, Error> {
        Ok(self.lock().data.records.get(&(kind, Arc::from(scope), Arc::from(name))).cloned())
    }

    fn records(
        &self,
        kind: RecordKind,
        scope: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Record>, Error> {
        let first = after.filter(|after| *after > prefix).unwrap_or(prefix);
        let inner = self.lock();
        let from = inner.data.records.range((kind, Arc::from(scope), Arc::from(first))..);
        let of_scope = from.take_while(|((k, s, name), _)| *k == kind && **s == *scope && name.starts_with(prefix));
        let rest = of_scope.filter(|((_, _, name), _)| after.is_none_or(|after| **name > *after));
        Ok(rest.take(limit).map(|(_, record)| record.clone()).collect())
    }

    fn expire(&self, closed_before: Timestamp, limit: usize) -> Result<usize, Error> {
        let data = &mut self.lock().data;
        let kept: BTreeSet<MachineKey> =
            data.map_runs().filter(|run| data.is_needed(run, closed_before)).map(|run| run.children).collect();
        let over = |entry: &Entry| {
            entry.record.stopped.is_some_and(|stopped| stopped < closed_before) && !kept.contains(&entry.record.machine)
        };
        let old: Vec<_> =
            data.executions.iter().filter(|(_, entry)| over(entry)).take(limit).map(|(key, _)| *key).collect();
        for key in &old {
            let Some(Entry { record, .. }) = data.executions.remove(key) else { continue };
            data.places.remove(&record.listed());
            if !record.generated_name {
                data.names.remove(&(record.machine, record.identity.name.clone()));
            }
        }
        let parents: BTreeSet<MachineKey> = data.executions.values().map(|entry| entry.record.machine).collect();
        let is_done = |run: &MapRunRecord| !data.is_needed(run, closed_before) && !parents.contains(&run.children);
        let names = |record: &Record| match &record.body {
            RecordBody::MapRun(run) if is_done(run) => {
                let revision = (RecordKind::Revision, record.scope.clone(), Arc::from(run.revision_name()));
                Some([(RecordKind::MapRun, record.scope.clone(), record.name.clone()), revision])
            }
            _ => None,
        };
        let done: Vec<_> = data.records.values().filter_map(names).flatten().collect();
        for name in &done {
            data.records.remove(name);
        }
        Ok(old.len())
    }

    fn commits(&self) -> u64 {
        self.lock().data.commits
    }

    fn close(&self) {
        self.release(self.held());
        self.lock().closed = true;
    }
}

impl Data {
    fn map_runs(&self) -> impl Iterator<Item = &MapRunRecord> {
        self.records.values().filter_map(|record| match &record.body {
            RecordBody::MapRun(run) => Some(run),
            _ => None,
        })
    }

    /// Whether a Map Run is not over yet, or its execution may still ask for its result.
    fn is_needed(&self, run: &MapRunRecord, closed_before: Timestamp) -> bool {
        let execution = run.execution.and_then(|key| self.executions.get(&key));
        let asks = |entry: &Entry| entry.record.stopped.is_some() || run.is_waited_for(entry.frames.values());
        !run.is_over(closed_before) || execution.is_some_and(asks)
    }

    fn apply(&mut self, group: Vec<Write>) -> Committed {
        group.iter().try_for_each(Write::check)?;
        self.commits += 1;
        Ok(group.into_iter().map(|write| self.apply_one(write)).collect())
    }

    fn apply_one(&mut self, write: Write) -> Result<(), WriteError> {
        match write {
            Write::Start { record, write } => self.start(*record, *write),
            Write::Advance(write) => self.advance(*write),
            Write::Put(record) => {
                let taken = record.body.machine_key().map_or(0, |key| key.0);
                self.last_key = self.last_key.max(ExecutionKey(taken));
                let place = (record.body.kind(), record.scope.clone(), record.name.clone());
                self.records.insert(place, *record);
                Ok(())
            }
            Write::Remove { kind, scope, name } => {
                self.records.remove(&(kind, Arc::from(scope), Arc::from(name)));
                Ok(())
            }
        }
    }

    fn start(&mut self, record: ExecutionRecord, write: ExecutionWrite) -> Result<(), WriteError> {
        let name = (record.machine, record.identity.name.clone());
        if let Some(existing) = self.names.get(&name).filter(|_| !record.generated_name) {
            return Err(WriteError::NameTaken { existing: *existing });
        }
        let key = record.key;
        if let Some(entry) = self.executions.get(&key) {
            return Err(WriteError::Conflict { next_event: entry.next_event_when_open() });
        }
        if !record.generated_name {
            self.names.insert(name, key);
        }
        self.last_key = self.last_key.max(key);
        let mut entry = Entry {
            record,
            next_frame: 0,
            next_content: 0,
            frames: BTreeMap::new(),
            contents: BTreeMap::new(),
            history: Vec::new(),
        };
        entry.open(&write);
        entry.go_on(write);
        self.places.insert(entry.record.listed());
        self.executions.insert(key, entry);
        Ok(())
    }

    fn advance(&mut self, write: ExecutionWrite) -> Result<(), WriteError> {
        let Some(entry) = self.executions.get_mut(&write.key) else {
            return Err(WriteError::Conflict { next_event: 0 });
        };
        let reopens = !entry.is_open() && write.redrive_count > entry.record.redrive_count;
        let fits = write.expected_next_event == entry.record.last_event + 1;
        if !fits || !(entry.is_open() || reopens) {
            return Err(WriteError::Conflict { next_event: entry.next_event_when_open() });
        }
        let listed = entry.record.listed();
        if reopens {
            entry.open(&write);
        }
        entry.go_on(write);
        if entry.record.listed() != listed {
            self.places.remove(&listed);
            self.places.insert(entry.record.listed());
        }
        Ok(())
    }
}

impl ExecutionRecord {
    /// Its entry in [`Data::places`].
    fn listed(&self) -> (MachineKey, Place) {
        (self.machine, self.place())
    }
}

impl Entry {
    fn is_open(&self) -> bool {
        self.record.stopped.is_none()
    }

    fn next_event_when_open(&self) -> EventId {
        if self.is_open() { self.record.last_event + 1 } else { 0 }
    }

    fn open(&mut self, write: &ExecutionWrite) {
        self.record.status = Status::Running;
        self.record.stopped = None;
        self.record.redrive_count = write.redrive_count;
        self.record.redriven = write.redriven;
    }

    fn go_on(&mut self, write: ExecutionWrite) {
        self.history.extend(write.events);
        self.record.last_event = write.next_event.saturating_sub(1);
        self.next_frame = write.next_frame;
        self.next_content = write.next_content;
        if let Some((status, stopped)) = write.closed {
            self.record.status = status;
            self.record.stopped = Some(stopped);
            self.frames.clear();
            self.contents.clear();
            return;
        }
        write.frames_removed.iter().for_each(|frame| drop(self.frames.remove(frame)));
        write.contents_removed.iter().for_each(|content| drop(self.contents.remove(content)));
        self.contents.extend(write.contents_put);
        for mut frame in write.frames_put {
            held::strip(&mut frame);
            self.frames.insert(frame.id, frame);
        }
    }

    fn head(&self) -> StoredExecution {
        StoredExecution {
            record: self.record.clone(),
            next_event: self.record.last_event + 1,
            next_frame: self.next_frame,
            next_content: self.next_content,
            frames: self.frames.clone(),
            input: None,
        }
    }

    fn payload(&self, source: Source) -> Option<&Payload> {
        match source {
            Source::Content(number) => self.contents.get(&number),
            Source::EventInput(id) | Source::EventOutput(id) => {
                let index = usize::try_from(id.checked_sub(1)?).ok()?;
                held::payload_of(self.history.get(index)?, source)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::{MemoryStore, Verdict};
    use crate::contract::Harness;
    use crate::{ExecutionKey, Store, Write, sample};

    struct Memory(MemoryStore);

    impl Harness for Memory {
        fn store(&self) -> &dyn Store {
            &self.0
        }

        fn reopen(&mut self) -> bool {
            self.0.close();
            self.0 = self.0.reopen();
            true
        }
    }

    crate::contract_tests!(Memory(MemoryStore::new()));

    #[test]
    fn a_gate_denies_loses_answers_and_holds_back() {
        let verdicts =
            [Verdict::Deny("no".into()), Verdict::ApplyAndFail("lost".into()), Verdict::Hold, Verdict::Apply];
        let turn = AtomicUsize::new(0);
        let store =
            MemoryStore::with_gate(Box::new(move |_| verdicts[turn.fetch_add(1, Ordering::Relaxed) % 4].clone()));
        let (failed, fine) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        for key in 1..=4 {
            let (failed, fine) = (failed.clone(), fine.clone());
            let start = sample::start(&sample::Case::numbered(key));
            let count = move |outcome: crate::Committed| {
                let counter = if outcome.is_ok() { fine } else { failed };
                counter.fetch_add(1, Ordering::Relaxed);
            };
            store.commit(&[start], Box::new(count));
        }
        assert_eq!((failed.load(Ordering::Relaxed), fine.load(Ordering::Relaxed), store.held()), (2, 0, 2));
        let there = |store: &MemoryStore, key| store.execution(ExecutionKey(key)).unwrap().is_some();
        assert_eq!([1, 2, 3, 4].map(|key| there(&store, key)), [false, true, false, false]);
        assert!(!there(&store.reopen(), 3), "what is held back is lost in a crash");
        store.release(usize::MAX);
        assert_eq!([1, 2, 3, 4].map(|key| there(&store, key)), [false, true, true, true]);
        assert_eq!(fine.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn done_may_commit_again() {
        let store = Arc::new(MemoryStore::new());
        let again = store.clone();
        let second = vec![sample::start(&sample::Case::numbered(2))];
        let first: Vec<Write> = vec![sample::start(&sample::Case::numbered(1))];
        store.commit(&first, Box::new(move |_| again.commit(&second, Box::new(drop))));
        assert_eq!(store.last_key().unwrap(), ExecutionKey(2));
    }
}
