//! Damage: bits of what is stored that have flipped by themselves, as they do on a disk.
//!
//! The store in memory keeps values, not bytes. So a record that is to be damaged is written in the form that a store on
//! disk keeps, bits of that are flipped, and every read of it decodes what is left: as a store on disk would, with the
//! same checksums. What the engine would have read stays known, so that the properties can tell. A record that is written
//! again is sound again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stepwell_engine::registry;
use stepwell_interpreter::{EventId, Frame, FrameId, HistoryEvent, Source, Waiting};
use stepwell_store::format::{self, RowColumns};
use stepwell_store::record::MapRunRecord;
use stepwell_store::{
    Error, ExecutionFilter, ExecutionKey, ExecutionRecord, MemoryStore, OpenPage, Place, Record, RecordKind, Store,
    StoredExecution, held,
};

use crate::plant::Plant;
use crate::rng::Rng;

/// The longest chunk of history that is damaged as one, in events.
const CHUNK_MAX: u64 = 8;
/// Of so many damaged records one has more than one flipped bit.
const MORE_BITS_EVERY: u64 = 5;
/// Where a stored form has its checksum.
const CHECKSUM: std::ops::Range<usize> = 3..7;

/// One record of a store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The row of an execution.
    Row(ExecutionKey),
    /// A frame of an execution that runs.
    Frame(ExecutionKey, FrameId),
    /// A content of an execution that runs.
    Content(ExecutionKey, u32),
    /// A chunk of history: its first and its last event.
    Chunk(ExecutionKey, EventId, EventId),
    /// A record of the registry: its kind, its scope and its name.
    Record(RecordKind, Arc<str>, Arc<str>),
}

impl Part {
    /// The execution it is of.
    pub fn execution(&self) -> Option<ExecutionKey> {
        match self {
            Part::Row(key) | Part::Frame(key, _) | Part::Content(key, _) | Part::Chunk(key, ..) => Some(*key),
            Part::Record(..) => None,
        }
    }

    /// Whether an error says whose damage it is about.
    pub fn is_named_in(&self, error: &str) -> bool {
        match self {
            Part::Record(_, scope, name) => error.contains(&format!("`{name}` in {scope}")),
            _ => self.execution().is_some_and(|key| {
                let name = format!("execution {}", key.0);
                error.split(&name).skip(1).any(|rest| !rest.starts_with(|letter: char| letter.is_ascii_digit()))
            }),
        }
    }

    /// Its stored form, when it is sound; none when it is not stored.
    fn form(&self, sound: &MemoryStore) -> Option<Vec<u8>> {
        match self {
            Part::Row(key) => format::encode_row(&sound.execution(*key).ok()??).ok(),
            Part::Frame(key, frame) => {
                let execution = sound.load(*key).ok()??;
                format::encode_frame(execution.frames.get(frame)?).ok()
            }
            Part::Content(key, number) => {
                let execution = sound.load(*key).ok()??;
                let payloads = held::payloads(execution.frames.values());
                Some(format::encode_content(payloads.get(&Source::Content(*number))?))
            }
            Part::Chunk(key, first, last) => {
                let count = usize::try_from(last - first + 1).ok()?;
                let events = sound.history(*key, *first, false, count).ok()?;
                if events.len() == count { format::encode_chunk(&events).ok() } else { None }
            }
            Part::Record(kind, scope, name) => {
                format::encode_record(&sound.record(*kind, scope, name).ok()??.body).ok()
            }
        }
    }
}

/// A record's stored form before and after.
struct Flipped {
    sound: Vec<u8>,
    damaged: Vec<u8>,
}

/// What is damaged; outlives a crash.
pub struct Damage {
    rng: Mutex<Rng>,
    /// The probability that a record is damaged, per round.
    rate: f64,
    plant: Option<Plant>,
    flipped: Mutex<BTreeMap<Part, Flipped>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn of(key: ExecutionKey) -> impl Fn(Error) -> Error {
    move |error| error.of(&format!("execution {}", key.0))
}

impl Damage {
    /// The damage of a world: none yet.
    pub fn new(rate: f64, plant: Option<Plant>, rng: Rng) -> Damage {
        Damage { rng: Mutex::new(rng), rate, plant, flipped: Mutex::default() }
    }

    /// How many records are damaged now: while the engine works, or in the time between a crash and the next start.
    pub fn strikes(&self, is_stopped: bool) -> u64 {
        let mut rng = lock(&self.rng);
        if is_stopped && self.rate > 0.0 { rng.below(3) / 2 * rng.between(1, 3) } else { rng.chance(self.rate).into() }
    }

    /// Flips a bit or some of one record, whichever it is; tells which. None when nothing is stored, or what was chosen is
    /// damaged already.
    pub fn strike(&self, sound: &MemoryStore) -> Option<Part> {
        let mut rng = lock(&self.rng);
        let part = choose(sound, &mut rng)?;
        let form = part.form(sound)?;
        let mut damaged = form.clone();
        let bits = if rng.below(MORE_BITS_EVERY) == 0 { rng.between(2, 8) } else { 1 };
        for _ in 0..bits {
            let bit = rng.below(form.len() as u64 * 8);
            if let Some(byte) = usize::try_from(bit / 8).ok().and_then(|place| damaged.get_mut(place)) {
                *byte ^= 1 << (bit % 8);
            }
        }
        if self.plant == Some(Plant::UncheckedDamage) {
            seal(&mut damaged);
        }
        if damaged == form || self.bytes(sound, &part).is_some() {
            return None;
        }
        lock(&self.flipped).insert(part.clone(), Flipped { sound: form, damaged });
        Some(part)
    }

    /// What is damaged now.
    pub fn parts(&self, sound: &MemoryStore) -> Vec<Part> {
        let all: Vec<Part> = lock(&self.flipped).keys().cloned().collect();
        all.into_iter().filter(|part| self.bytes(sound, part).is_some()).collect()
    }

    /// The damaged form of a record; none when it is sound, or was written again since.
    fn bytes(&self, sound: &MemoryStore, part: &Part) -> Option<Vec<u8>> {
        let flipped = lock(&self.flipped);
        let found = flipped.get(part)?;
        (part.form(sound)? == found.sound).then(|| found.damaged.clone())
    }

    fn is_none(&self) -> bool {
        lock(&self.flipped).is_empty()
    }

    /// The damaged chunks of an execution.
    fn chunks(&self, key: ExecutionKey) -> Vec<Part> {
        let range = Part::Chunk(key, 0, 0)..=Part::Chunk(key, u64::MAX, u64::MAX);
        lock(&self.flipped).range(range).map(|(part, _)| part.clone()).collect()
    }

    // ------------------------------------------------------------------ what is read

    /// A row, as it is read.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn row(&self, sound: &MemoryStore, record: ExecutionRecord) -> Result<ExecutionRecord, Error> {
        let Some(bytes) = self.bytes(sound, &Part::Row(record.key)) else { return Ok(record) };
        let columns = RowColumns {
            key: record.key,
            machine: record.machine,
            status: format::status_number(record.status),
            started: record.identity.started,
            stopped: record.stopped,
            redriven: record.redriven,
            redrive_count: record.redrive_count,
            last_event: record.last_event,
        };
        format::decode_row(&columns, &bytes).map_err(of(record.key))
    }

    /// An execution that runs, as its row and its frames are read: without payloads, where there is damage.
    fn head(&self, sound: &MemoryStore, mut execution: StoredExecution) -> Result<StoredExecution, Error> {
        let key = execution.record.key;
        execution.record = self.row(sound, execution.record)?;
        for (id, frame) in &mut execution.frames {
            if let Some(bytes) = self.bytes(sound, &Part::Frame(key, *id)) {
                *frame = format::decode_frame(&bytes).map_err(of(key))?;
            }
        }
        Ok(execution)
    }

    /// An execution that runs, as it is read.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn load(&self, sound: &MemoryStore, execution: StoredExecution) -> Result<StoredExecution, Error> {
        if self.is_none() {
            return Ok(execution);
        }
        let key = execution.record.key;
        let mut payloads = held::payloads(execution.frames.values());
        payloads.extend(execution.input.clone().map(|input| (Source::EventInput(1), input)));
        let mut execution = self.head(sound, execution)?;
        let mut needed = held::sources(execution.frames.values());
        needed.insert(Source::EventInput(1));
        for source in needed {
            match source {
                Source::Content(number) => {
                    if let Some(bytes) = self.bytes(sound, &Part::Content(key, number)) {
                        payloads.insert(source, format::decode_content(&bytes).map_err(of(key))?);
                    }
                }
                Source::EventInput(id) | Source::EventOutput(id) => {
                    let events = self.history(sound, key, sound.history(key, id, false, 1)?)?;
                    let payload = events.first().and_then(|event| held::payload_of(event, source));
                    payloads.extend(payload.map(|payload| (source, payload.clone())));
                }
            }
        }
        held::fill(&mut execution.frames, &payloads).map_err(of(key))?;
        execution.input = payloads.get(&Source::EventInput(1)).cloned();
        Ok(execution)
    }

    /// A page of executions that run, as it is read.
    ///
    /// # Errors
    /// Those of [`OpenPage::push`].
    pub fn open(&self, sound: &MemoryStore, page: OpenPage) -> Result<OpenPage, Error> {
        if self.is_none() {
            return Ok(page);
        }
        let mut read = OpenPage::default();
        for execution in page.executions {
            read.push(execution.record.key, self.head(sound, execution))?;
        }
        match self.plant {
            Some(Plant::UntoldDamage) => read.damaged.clear(),
            Some(Plant::SpreadDamage) if !read.damaged.is_empty() => read.executions.clear(),
            _ => {}
        }
        Ok(read)
    }

    /// Events of an execution, one after the other, as they are read.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn history(
        &self,
        sound: &MemoryStore,
        key: ExecutionKey,
        mut page: Vec<HistoryEvent>,
    ) -> Result<Vec<HistoryEvent>, Error> {
        for part in self.chunks(key) {
            let Part::Chunk(_, first, last) = part else { continue };
            let touched = page.iter().any(|event| (first..=last).contains(&event.id));
            let Some(bytes) = self.bytes(sound, &part).filter(|_| touched) else { continue };
            for read in format::decode_chunk(&bytes).map_err(of(key))? {
                if let Some(event) = page.iter_mut().find(|event| event.id == read.id) {
                    *event = read;
                }
            }
        }
        Ok(page)
    }

    /// A listing, as it is read: rows that are damaged are left out.
    ///
    /// # Errors
    /// Those of the store.
    pub fn listing(
        &self,
        sound: &MemoryStore,
        filter: &ExecutionFilter,
        before: Option<Place>,
        limit: usize,
    ) -> Result<Vec<ExecutionRecord>, Error> {
        if self.is_none() {
            return sound.executions(filter, before, limit);
        }
        let all = sound.executions(filter, before, usize::MAX)?;
        let read = all.into_iter().filter_map(|record| match self.row(sound, record) {
            Err(Error::Damaged { .. }) => None,
            read => Some(read),
        });
        read.take(limit).collect()
    }

    /// A record of the registry, as it is read.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn record(&self, sound: &MemoryStore, record: Record) -> Result<Record, Error> {
        let Record { scope, name, body } = record;
        let part = Part::Record(body.kind(), Arc::clone(&scope), Arc::clone(&name));
        let body = match self.bytes(sound, &part) {
            Some(bytes) => format::decode_record(&bytes).map_err(|error| error.of(&format!("`{name}` in {scope}")))?,
            None => body,
        };
        Ok(Record { scope, name, body })
    }
}

// ---------------------------------------------------------------------- what stands still

/// Who may stand still because of what is damaged: an execution of which a record is damaged or its revision is, and one
/// that waits for a Map Run of which a record or a child is.
pub struct Excused<'a> {
    sound: &'a MemoryStore,
    parts: &'a [Part],
}

impl Excused<'_> {
    /// Those of this damage.
    pub fn by<'a>(sound: &'a MemoryStore, parts: &'a [Part]) -> Excused<'a> {
        Excused { sound, parts }
    }

    /// Whether a record of the execution itself is damaged, or its revision is.
    pub fn is_damaged(&self, record: &ExecutionRecord) -> bool {
        let revision = registry::revision_name(record.machine, &record.revision_id);
        self.parts.iter().any(|part| match part {
            Part::Record(RecordKind::Revision, _, name) => **name == *revision,
            _ => part.execution() == Some(record.key),
        })
    }

    /// Whether an execution that runs may stand still.
    pub fn holds(&self, execution: &StoredExecution) -> bool {
        self.is_damaged(&execution.record) || execution.frames.values().any(|frame| self.holds_frame(frame))
    }

    fn holds_frame(&self, frame: &Frame) -> bool {
        let Waiting::MapRun(wait) = &frame.waiting else { return false };
        let name = registry::map_run_name(&wait.map_run_arn);
        let is_of_run = |part: &Part| matches!(part, Part::Record(RecordKind::MapRun, _, of) if **of == *name);
        if self.parts.iter().any(is_of_run) {
            return true;
        }
        registry::map_run(self.sound, &wait.map_run_arn).ok().flatten().is_some_and(|run| self.holds_child(&run))
    }

    fn holds_child(&self, run: &MapRunRecord) -> bool {
        let revision = run.revision_name();
        let is_of_children =
            |part: &Part| matches!(part, Part::Record(RecordKind::Revision, _, of) if **of == *revision);
        let filter = ExecutionFilter { machine: run.children, status: None, redriven: None, qualifier_arn: None };
        let children = self.sound.executions(&filter, None, usize::MAX).unwrap_or_default();
        self.parts.iter().any(is_of_children)
            || children.iter().any(|child| {
                let open = self.sound.load(child.key).ok().flatten();
                self.is_damaged(child) || open.is_some_and(|open| self.holds(&open))
            })
    }
}

// ---------------------------------------------------------------------- what is struck

/// Chooses a record: of an execution mostly, whether it runs or not, and sometimes of the registry.
fn choose(sound: &MemoryStore, rng: &mut Rng) -> Option<Part> {
    let last = sound.last_key().map_or(0, |key| key.0);
    let stored = (1..=last).filter_map(|key| sound.execution(ExecutionKey(key)).ok().flatten());
    let (open, closed): (Vec<_>, Vec<_>) = stored.partition(|record| record.stopped.is_none());
    let among = match rng.below(6) {
        0 => return choose_record(sound, rng),
        1 | 2 => &closed,
        _ => &open,
    };
    let record = rng.pick(among)?;
    let execution = sound.load(record.key).ok().flatten();
    let frames: Vec<FrameId> = execution.iter().flat_map(|execution| execution.frames.keys().copied()).collect();
    let sources = execution.iter().flat_map(|execution| held::sources(execution.frames.values()));
    let content = |source| match source {
        Source::Content(number) => Some(number),
        _ => None,
    };
    let contents: Vec<u32> = sources.filter_map(content).collect();
    let first = 1 + rng.below(record.last_event);
    let chunk = Part::Chunk(record.key, first, record.last_event.min(first + rng.below(CHUNK_MAX)));
    Some(match rng.below(4) {
        0 => Part::Row(record.key),
        1 => rng.pick(&frames).map_or(chunk, |frame| Part::Frame(record.key, *frame)),
        2 => rng.pick(&contents).map_or(chunk, |content| Part::Content(record.key, *content)),
        _ => chunk,
    })
}

/// Of the Map Runs as often as of all others: there are few of them, and much hangs on each.
fn choose_record(sound: &MemoryStore, rng: &mut Rng) -> Option<Part> {
    let scope = crate::workflow::scope().to_string();
    let of_kind = |kind: &RecordKind| sound.records(*kind, &scope, "", None, usize::MAX).unwrap_or_default();
    let others = [RecordKind::Machine, RecordKind::Revision, RecordKind::Activity];
    let (runs, others) = (of_kind(&RecordKind::MapRun), others.iter().flat_map(of_kind).collect::<Vec<_>>());
    let among = if runs.is_empty() || rng.chance(0.5) { others } else { runs };
    rng.pick(&among).map(|record| Part::Record(record.body.kind(), Arc::clone(&record.scope), Arc::clone(&record.name)))
}

/// Makes the checksum right again: what a store reads that does not look at it.
fn seal(form: &mut [u8]) {
    let checked = form.iter().enumerate().filter(|(place, _)| !CHECKSUM.contains(place));
    let sum = checked.fold(u32::MAX, |sum, (_, byte)| {
        let step = |sum: u32, _| (sum >> 1) ^ (0xEDB8_8320 & 0_u32.wrapping_sub(sum & 1));
        (0..8).fold(sum ^ u32::from(*byte), step)
    });
    if let Some(place) = form.get_mut(CHECKSUM) {
        place.copy_from_slice(&(!sum).to_le_bytes());
    }
}
