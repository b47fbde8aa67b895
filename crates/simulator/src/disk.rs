//! The faulty disk: the in-memory store behind a gate that denies, loses answers and holds back, read through what is
//! damaged of it; and the planted bugs of a store.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stepwell_interpreter::{Details, EventId, HistoryEvent};
use stepwell_store::memory::{Gate, Verdict};
use stepwell_store::record::{MapRunRecord, RecordBody};
use stepwell_store::{
    Committed, Error, ExecutionFilter, ExecutionKey, ExecutionRecord, MachineKey, MemoryStore, OpenPage, Place, Record,
    RecordKind, Store, StoredExecution, Write,
};
use stepwell_value::Timestamp;

use crate::clock::VirtualClock;
use crate::damage::{Damage, Part};
use crate::options::Options;
use crate::plant::Plant;
use crate::reads::Reads;
use crate::rng::Rng;

/// How long a full disk stays full, in milliseconds.
const FULL_FOR: (u64, u64) = (200, 20_000);

/// The store of one incarnation of the engine.
pub struct Disk {
    memory: MemoryStore,
    weather: Arc<Weather>,
}

/// What goes wrong with commits and reads; outlives a crash.
pub struct Weather {
    rng: Mutex<Rng>,
    clock: Arc<VirtualClock>,
    calm: AtomicBool,
    full_until: AtomicU64,
    hold: f64,
    disk_full: f64,
    commit_unknown: f64,
    plant: Option<Plant>,
    planted_rng: Mutex<Rng>,
    committed: Mutex<Vec<Dated>>,
    /// What a disk that never syncs would show after a crash.
    synced: Mutex<Option<MemoryStore>>,
    damage: Damage,
    reads: Reads,
}

/// Events that have just become durable: whose, and when they say they happened.
#[derive(Clone, Debug)]
pub struct Dated {
    /// The execution.
    pub key: ExecutionKey,
    /// The events' numbers and dates.
    pub events: Vec<(EventId, Timestamp)>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Weather {
    /// The weather of a world.
    pub fn new(
        options: &Options,
        plant: Option<Plant>,
        rng: &mut Rng,
        [of_damage, of_reads]: [Rng; 2],
        clock: &Arc<VirtualClock>,
    ) -> Arc<Weather> {
        Arc::new(Weather {
            damage: Damage::new(options.flip, plant, of_damage),
            reads: Reads::new(options.unreadable, of_reads, clock),
            rng: Mutex::new(rng.fork()),
            clock: Arc::clone(clock),
            calm: AtomicBool::new(true),
            full_until: AtomicU64::new(0),
            hold: options.hold,
            disk_full: options.disk_full,
            commit_unknown: options.commit_unknown,
            plant,
            planted_rng: Mutex::new(rng.fork()),
            committed: Mutex::default(),
            synced: Mutex::default(),
        })
    }

    /// Ends or begins the faults.
    pub fn set_calm(&self, calm: bool) {
        self.calm.store(calm, Ordering::Relaxed);
        self.reads.set_calm(calm);
    }

    /// How long the store cannot be read, each time that has begun since the last call.
    pub fn take_unreadable(&self) -> Vec<u64> {
        self.reads.take_begun()
    }

    /// What has become durable since the last call.
    pub fn take_committed(&self) -> Vec<Dated> {
        std::mem::take(&mut lock(&self.committed))
    }

    fn verdict(&self) -> Verdict {
        if self.calm.load(Ordering::Relaxed) {
            return Verdict::Apply;
        }
        let now = self.clock.elapsed();
        let full = || Verdict::Deny("no space left on device".to_owned());
        if now < self.full_until.load(Ordering::Relaxed) {
            return full();
        }
        let mut rng = lock(&self.rng);
        if rng.chance(self.disk_full) {
            self.full_until.store(now + rng.between(FULL_FOR.0, FULL_FOR.1), Ordering::Relaxed);
            return full();
        }
        if rng.chance(self.commit_unknown) {
            return Verdict::ApplyAndFail("the connection was lost".to_owned());
        }
        if rng.chance(self.hold) { Verdict::Hold } else { Verdict::Apply }
    }

    fn unlucky(&self, plant: Plant, probability: f64) -> bool {
        self.plant == Some(plant) && !self.calm.load(Ordering::Relaxed) && lock(&self.planted_rng).chance(probability)
    }
}

fn of_run(run: &MapRunRecord) -> Record {
    stepwell_engine::registry::record(&crate::workflow::scope(), RecordBody::MapRun(run.clone()))
}

impl Disk {
    /// An empty disk.
    pub fn new(weather: &Arc<Weather>) -> Arc<Disk> {
        Disk::of(MemoryStore::new(), weather)
    }

    fn of(memory: MemoryStore, weather: &Arc<Weather>) -> Arc<Disk> {
        let gate_weather = Arc::clone(weather);
        let gate: Gate = Box::new(move |_| gate_weather.verdict());
        Arc::new(Disk { memory: memory.gated(gate), weather: Arc::clone(weather) })
    }

    /// What the next incarnation finds after a crash.
    pub fn reopen(&self) -> Arc<Disk> {
        let synced = lock(&self.weather.synced).as_ref().map(MemoryStore::reopen);
        Disk::of(synced.unwrap_or_else(|| self.memory.reopen()), &self.weather)
    }

    /// What is stored, as it was written: what the engine reads unless it is damaged.
    pub fn sound(&self) -> &MemoryStore {
        &self.memory
    }

    /// When reads of it fail.
    pub fn reads(&self) -> &Reads {
        &self.weather.reads
    }

    /// Lets bits flip, or not; tells which records are damaged now that were not.
    pub fn strike(&self, is_stopped: bool) -> Vec<Part> {
        let damage = &self.weather.damage;
        (0..damage.strikes(is_stopped)).filter_map(|_| damage.strike(&self.memory)).collect()
    }

    /// What is damaged now.
    pub fn damaged(&self) -> Vec<Part> {
        self.weather.damage.parts(&self.memory)
    }

    /// Removes what closed before a moment, as [`Store::expire`] does; tells what is gone, and which Map Runs there were.
    pub fn expire_seen(&self, closed_before: Timestamp, limit: usize) -> (Vec<ExecutionRecord>, Vec<MapRunRecord>) {
        let last = self.memory.last_key().map_or(0, |key| key.0);
        let closed = |key| self.memory.execution(ExecutionKey(key)).ok().flatten().filter(|one| one.stopped.is_some());
        let before: Vec<ExecutionRecord> = (1..=last).filter_map(closed).collect();
        let runs = self.map_runs();
        let disguised: Vec<(&MapRunRecord, MapRunRecord)> =
            runs.iter().filter_map(|run| Some((run, self.disguised(run)?))).collect();
        let leaves_revisions = self.weather.unlucky(Plant::LeftRevisions, 1.0);
        if self.memory.held() > 0 && (leaves_revisions || !disguised.is_empty()) {
            return (Vec::new(), Vec::new()); // what is put in between would come to lie behind what is held back
        }
        self.put_past_the_weather(disguised.iter().map(|(_, run)| of_run(run)));
        let revisions = if leaves_revisions { self.records(RecordKind::Revision) } else { Vec::new() };
        let eager = self.weather.unlucky(Plant::EagerExpiry, 1.0);
        let _ = self.memory.expire(if eager { Timestamp(i64::MAX) } else { closed_before }, limit);
        let left = self.map_runs();
        let is_left = |run: &MapRunRecord| left.iter().any(|left| left.arn == run.arn);
        self.put_past_the_weather(disguised.iter().filter(|(run, _)| is_left(run)).map(|(run, _)| of_run(run)));
        self.put_past_the_weather(revisions.into_iter());
        let is_gone = |record: &ExecutionRecord| matches!(self.memory.execution(record.key), Ok(None));
        (before.into_iter().filter(is_gone).collect(), runs)
    }

    /// What retention takes a Map Run for that is damaged, or that a planted bug is about: one whose record cannot be read
    /// may run still.
    fn disguised(&self, run: &MapRunRecord) -> Option<MapRunRecord> {
        if self.weather.unlucky(Plant::ExpiredChildren, 1.0) {
            return Some(MapRunRecord { stopped: Some(Timestamp(i64::MIN)), execution: None, ..run.clone() });
        }
        if self.weather.unlucky(Plant::UnaskedMapRuns, 1.0) {
            return Some(MapRunRecord { execution: None, ..run.clone() });
        }
        self.is_damaged(run).then(|| MapRunRecord { stopped: None, ..run.clone() })
    }

    /// Whether the record of a Map Run is damaged.
    pub fn is_damaged(&self, run: &MapRunRecord) -> bool {
        self.weather.damage.record(&self.memory, of_run(run)).is_err()
    }

    fn map_runs(&self) -> Vec<MapRunRecord> {
        let run = |record: Record| match record.body {
            RecordBody::MapRun(run) => Some(run),
            _ => None,
        };
        self.records(RecordKind::MapRun).into_iter().filter_map(run).collect()
    }

    fn records(&self, kind: RecordKind) -> Vec<Record> {
        let scope = crate::workflow::scope().to_string();
        self.memory.records(kind, &scope, "", None, usize::MAX).unwrap_or_default()
    }

    /// Writes records, whatever the weather.
    fn put_past_the_weather(&self, records: impl Iterator<Item = Record>) {
        let writes: Vec<Write> = records.map(|record| Write::Put(Box::new(record))).collect();
        if !writes.is_empty() {
            let before = self.weather.calm.swap(true, Ordering::Relaxed);
            self.memory.commit(&writes, Box::new(drop));
            self.weather.calm.store(before, Ordering::Relaxed);
        }
    }

    /// How many commits are held back.
    pub fn held(&self) -> usize {
        self.memory.held()
    }

    /// Lets so many of the held commits through.
    pub fn release(&self, count: usize) {
        self.memory.release(count);
    }

    /// Spoils a group as the planted bug does; the place of a write that was forgotten.
    fn spoil(&self, group: &mut Vec<Write>) -> Option<usize> {
        for write in group.iter_mut() {
            self.spoil_one(write);
        }
        let forget = !group.is_empty() && self.weather.unlucky(Plant::ForgottenWrite, 0.05);
        forget.then(|| {
            group.pop();
            group.len()
        })
    }

    fn spoil_one(&self, write: &mut Write) {
        if let Write::Start { record, .. } = write
            && self.weather.unlucky(Plant::NameTwice, 1.0)
        {
            record.generated_name = true;
        }
        let (Write::Start { write, .. } | Write::Advance(write)) = write else { return };
        if self.weather.unlucky(Plant::WrongFrame, 0.05)
            && let Some(frame) = write.frames_put.first_mut()
        {
            frame.retries.push(7);
        }
        if write.closed.is_some() && self.weather.unlucky(Plant::TerminalTwice, 0.3) {
            repeat_last(write);
        }
        if self.weather.unlucky(Plant::BrokenChain, 0.05)
            && let Some(event) = write.events.last_mut()
        {
            event.previous = event.id;
        }
        if self.weather.unlucky(Plant::BlamedWorkflow, 0.3) {
            blame(write);
        }
        let illegal = if write.redrive_count > 0 { Plant::IllegalRedrive } else { Plant::IllegalTrace };
        if self.weather.unlucky(illegal, 0.05) {
            forge(write);
        }
        for event in &mut write.events {
            let Details::ExecutionRedriven { redrive_count, client_token } = &mut event.details else { continue };
            if self.weather.unlucky(Plant::ForgottenToken, 1.0) {
                *client_token = None;
            }
            *redrive_count += u64::from(self.weather.unlucky(Plant::MiscountedRedrive, 0.3));
        }
    }

    fn synced(&self) {
        if self.weather.plant == Some(Plant::NoSync) && self.memory.commits().is_multiple_of(5) {
            *lock(&self.weather.synced) = Some(self.memory.reopen());
        }
    }
}

/// Writes the last event once more.
fn repeat_last(write: &mut stepwell_store::ExecutionWrite) {
    let Some(mut event) = write.events.last().cloned() else { return };
    event.id += 1;
    write.next_event += 1;
    write.events.push(event);
}

/// Writes the disk's trouble into the causes of failures.
fn blame(write: &mut stepwell_store::ExecutionWrite) {
    for event in &mut write.events {
        if let Details::Failure(failure) = &mut event.details {
            failure.cause = Some(Arc::from("no space left on device"));
        }
    }
}

/// Lets a state exit that was not the one entered.
fn forge(write: &mut stepwell_store::ExecutionWrite) {
    for event in &mut write.events {
        if let Details::StateExited { name, .. } = &mut event.details {
            *name = Arc::from("S1");
        }
    }
}

/// What each write of a group makes durable; none for those of the registry.
fn dated(group: &[Write]) -> Vec<Option<Dated>> {
    let of = |write: &Write| match write {
        Write::Start { write, .. } | Write::Advance(write) => {
            let events = write.events.iter().map(|event| (event.id, event.at)).collect();
            Some(Dated { key: write.key, events })
        }
        Write::Put(_) | Write::Remove { .. } => None,
    };
    group.iter().map(of).collect()
}

impl Store for Disk {
    fn commit(&self, group: &[Write], done: Box<dyn FnOnce(Committed) + Send>) {
        let mut group = group.to_vec();
        let forgotten = self.spoil(&mut group);
        let (dated, weather) = (dated(&group), Arc::clone(&self.weather));
        let told = move |outcome: Committed| {
            let mut outcome = outcome;
            if let Ok(results) = &mut outcome {
                let fine = dated.into_iter().zip(results.iter()).filter(|(_, result)| result.is_ok());
                lock(&weather.committed).extend(fine.filter_map(|(dated, _)| dated));
                results.extend(forgotten.map(|_| Ok(())));
            }
            done(outcome);
        };
        self.memory.commit(&group, Box::new(told));
        self.synced();
    }

    fn load(&self, key: ExecutionKey) -> Result<Option<StoredExecution>, Error> {
        self.memory.load(key)?.map(|execution| self.weather.damage.load(&self.memory, execution)).transpose()
    }

    fn open_executions(&self, after: Option<ExecutionKey>, limit: usize) -> Result<OpenPage, Error> {
        self.weather.damage.open(&self.memory, self.memory.open_executions(after, limit)?)
    }

    fn last_key(&self) -> Result<ExecutionKey, Error> {
        let last = self.memory.last_key()?;
        if self.weather.plant != Some(Plant::KeyTwice) {
            return Ok(last);
        }
        let used = |key: &u64| matches!(self.memory.execution(ExecutionKey(*key)), Ok(Some(_)));
        Ok(ExecutionKey((1..=last.0).rev().find(used).unwrap_or(0)))
    }

    fn execution(&self, key: ExecutionKey) -> Result<Option<ExecutionRecord>, Error> {
        self.memory.execution(key)?.map(|record| self.weather.damage.row(&self.memory, record)).transpose()
    }

    fn execution_named(&self, machine: MachineKey, name: &str) -> Result<Option<ExecutionKey>, Error> {
        self.memory.execution_named(machine, name)
    }

    fn history(&self, key: ExecutionKey, from: u64, reverse: bool, limit: usize) -> Result<Vec<HistoryEvent>, Error> {
        let page = self.memory.history(key, from, reverse, limit)?;
        self.weather.damage.history(&self.memory, key, page)
    }

    fn executions(
        &self,
        filter: &ExecutionFilter,
        before: Option<Place>,
        limit: usize,
    ) -> Result<Vec<ExecutionRecord>, Error> {
        self.weather.damage.listing(&self.memory, filter, before, limit)
    }

    fn record(&self, kind: RecordKind, scope: &str, name: &str) -> Result<Option<Record>, Error> {
        let record = self.memory.record(kind, scope, name)?;
        record.map(|record| self.weather.damage.record(&self.memory, record)).transpose()
    }

    fn records(
        &self,
        kind: RecordKind,
        scope: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Record>, Error> {
        let records = self.memory.records(kind, scope, prefix, after, limit)?;
        records.into_iter().map(|record| self.weather.damage.record(&self.memory, record)).collect()
    }

    fn expire(&self, closed_before: Timestamp, limit: usize) -> Result<usize, Error> {
        self.memory.expire(closed_before, limit)
    }

    fn commits(&self) -> u64 {
        self.memory.commits()
    }

    fn close(&self) {
        self.memory.close();
    }
}
