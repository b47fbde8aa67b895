//! Reading, on read-only connections. A read of several statements sees one moment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, Row, params};
use stepwell_interpreter::{EventId, FrameId, HistoryEvent, Source};
use stepwell_store::format::{self, RowColumns};
use stepwell_store::{
    Described, Error, ExecutionKey, ExecutionRecord, MachineKey, OpenPage, Record, RecordKind, StoredExecution, Which,
    held,
};
use stepwell_value::{Payload, Timestamp};

use crate::{backend, schema, writer};

/// Connections kept for the next reads; more are made while more reads run at a time.
const IDLE_MAX: usize = 8;

/// The columns [`execution_row`] takes.
macro_rules! columns {
    () => {
        "SELECT e.key, e.machine, e.status, e.started, e.stopped, e.redriven, e.redrive_count, \
         coalesce(o.next_event - 1, e.last_event), e.body, o.next_event, o.next_frame, o.next_content, o.frame "
    };
}

/// Every execution in the order of their keys, with what is open of it: the columns [`execution_row`] takes, then
/// `next_event`, `next_frame`, `next_content` and the top frame of one that runs.
pub(crate) const EVERY_EXECUTION: &str =
    concat!(columns!(), "FROM executions e LEFT JOIN open o ON o.key = e.key ORDER BY e.key");

/// Read-only connections.
pub(crate) struct Readers {
    path: PathBuf,
    cache_mib: u32,
    /// None when closed.
    idle: Mutex<Option<Vec<Connection>>>,
}

/// What may go wrong while reading.
pub(crate) enum Trouble {
    /// SQLite's matter.
    Sqlite(rusqlite::Error),
    /// A stored form does not decode.
    Store(Error),
}

/// The answer of a read.
pub(crate) type Answer<T> = Result<T, Trouble>;

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Trouble {
        Trouble::Sqlite(error)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Trouble {
        Trouble::Store(error)
    }
}

impl Readers {
    /// None are open yet.
    pub(crate) fn new(path: PathBuf, cache_mib: u32) -> Readers {
        Readers { path, cache_mib, idle: Mutex::new(Some(Vec::new())) }
    }

    /// The database file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads with a connection of its own.
    ///
    /// # Errors
    /// When SQLite fails, a stored form does not decode, or the store is closed.
    pub(crate) fn with<T>(&self, read: impl FnOnce(&Connection) -> Answer<T>) -> Result<T, Error> {
        let connection = self.take()?;
        match read(&connection) {
            Ok(value) => {
                self.give_back(connection);
                Ok(value)
            }
            Err(Trouble::Store(error)) => Err(error),
            Err(Trouble::Sqlite(error)) => Err(backend(&self.path, &error)),
        }
    }

    /// Closes the connections; reads fail from now on.
    pub(crate) fn close(&self) {
        drop(self.idle.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    fn take(&self) -> Result<Connection, Error> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).as_mut().ok_or_else(writer::closed)?.pop();
        match idle {
            Some(connection) => Ok(connection),
            None => schema::open_reader(&self.path, self.cache_mib).map_err(|error| backend(&self.path, &error)),
        }
    }

    fn give_back(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(idle) = idle.as_mut().filter(|idle| idle.len() < IDLE_MAX) {
            idle.push(connection);
        }
    }
}

/// An execution that runs, with all payloads.
pub(crate) fn load(connection: &Connection, key: ExecutionKey) -> Answer<Option<StoredExecution>> {
    const SQL: &str = concat!(columns!(), "FROM open o JOIN executions e ON e.key = o.key WHERE o.key = ?1");
    let moment = connection.unchecked_transaction()?;
    let mut statement = moment.prepare_cached(SQL)?;
    let mut rows = statement.query([column(key)])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let mut execution = open_row(&moment, row)?;
    let input = Source::EventInput(1);
    let mut needed = held::sources(execution.frames.values());
    needed.insert(input);
    let payloads = payloads(&moment, key, needed)?;
    held::fill(&mut execution.frames, &payloads).map_err(|error| of(error, key))?;
    execution.input = payloads.get(&input).cloned();
    Ok(Some(execution))
}

/// Executions that run, heads only.
pub(crate) fn open_executions(connection: &Connection, after: Option<ExecutionKey>, limit: usize) -> Answer<OpenPage> {
    const SQL: &str =
        concat!(columns!(), "FROM open o JOIN executions e ON e.key = o.key WHERE o.key > ?1 ORDER BY o.key LIMIT ?2");
    let moment = connection.unchecked_transaction()?;
    let mut statement = moment.prepare_cached(SQL)?;
    let mut rows = statement.query(params![after.map_or(-1, column), limit_column(limit)])?;
    let mut page = OpenPage::default();
    while let Some(row) = rows.next()? {
        match open_row(&moment, row) {
            Ok(execution) => page.push(execution.record.key, Ok(execution))?,
            Err(Trouble::Store(error)) => page.push(key(row.get(0)?), Err(error))?,
            Err(error) => return Err(error),
        }
    }
    Ok(page)
}

/// The greatest key ever used.
pub(crate) fn last_key(connection: &Connection) -> Answer<ExecutionKey> {
    const SQL: &str = "SELECT max(coalesce((SELECT max(key) FROM executions), 0),
        coalesce((SELECT value FROM meta WHERE name = 'last_key'), 0))";
    Ok(connection.prepare_cached(SQL)?.query_row([], |row| row.get(0)).map(key)?)
}

/// The row of an execution.
pub(crate) fn execution(connection: &Connection, key: ExecutionKey) -> Answer<Option<ExecutionRecord>> {
    const SQL: &str = concat!(columns!(), "FROM executions e LEFT JOIN open o ON o.key = e.key WHERE e.key = ?1");
    let mut statement = connection.prepare_cached(SQL)?;
    let mut rows = statement.query([column(key)])?;
    rows.next()?.map(execution_row).transpose()
}

/// An execution with its first and its last event. The last chunk is read first: it often is the only one.
pub(crate) fn described(connection: &Connection, which: Which<'_>) -> Answer<Option<Described>> {
    const LAST: &str = "SELECT first, chunk FROM history WHERE key = ?1 ORDER BY first DESC LIMIT 1";
    const FIRST: &str = "SELECT first, chunk FROM history WHERE key = ?1 ORDER BY first LIMIT 1";
    let moment = connection.unchecked_transaction()?;
    let record = match which {
        Which::Key(key) => execution(&moment, key)?,
        Which::Named(machine, name) => execution_by_name(&moment, machine, name)?,
    };
    let Some(record) = record else { return Ok(None) };
    let ends = |sql: &str| -> Answer<Option<(i64, HistoryEvent, HistoryEvent)>> {
        let mut statement = moment.prepare_cached(sql)?;
        let mut rows = statement.query([column(record.key)])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let ends = format::chunk_ends(blob(row, 1)?).map_err(|error| of(error, record.key))?;
        let first = row.get(0)?;
        Ok(ends.map(|(one, last)| (first, one, last)))
    };
    let last = if record.stopped.is_some() { ends(LAST)? } else { None };
    let (began, ended) = match last {
        Some((1, one, last)) => (Some(one), Some(last)),
        Some((_, _, last)) => (ends(FIRST)?.map(|(_, one, _)| one), Some(last)),
        None => (ends(FIRST)?.map(|(_, one, _)| one), None),
    };
    Ok(Some(Described { record, began, ended }))
}

/// The newest execution of this machine that has this name. A row that does not decode fails the search: it may have it.
fn execution_by_name(connection: &Connection, machine: MachineKey, name: &str) -> Answer<Option<ExecutionRecord>> {
    const SQL: &str = concat!(
        columns!(),
        "FROM names n JOIN executions e ON e.key = n.key LEFT JOIN open o ON o.key = e.key
         WHERE n.hash = ?1 AND e.machine = ?2 ORDER BY n.key DESC"
    );
    let mut statement = connection.prepare_cached(SQL)?;
    let mut rows = statement.query([format::name_hash(machine, name), machine.0.cast_signed()])?;
    while let Some(row) = rows.next()? {
        let record = execution_row(row)?;
        if *record.identity.name == *name {
            return Ok(Some(record));
        }
    }
    Ok(None)
}

/// The execution that has a caller-chosen name.
pub(crate) fn execution_named(
    connection: &Connection,
    machine: MachineKey,
    name: &str,
) -> Answer<Option<ExecutionKey>> {
    Ok(named(connection, machine.0.cast_signed(), format::name_hash(machine, name), name)?)
}

/// The newest execution of this machine with this name, among those whose names have this hash. A row that does not
/// decode counts as having it: a name is rather refused than given twice.
pub(crate) fn named(
    connection: &Connection,
    machine: i64,
    hash: i64,
    name: &str,
) -> rusqlite::Result<Option<ExecutionKey>> {
    const SQL: &str = "SELECT n.key, e.machine, e.body FROM names n JOIN executions e ON e.key = n.key
        WHERE n.hash = ?1 AND e.machine = ?2 ORDER BY n.key DESC";
    let mut statement = connection.prepare_cached(SQL)?;
    let mut rows = statement.query([hash, machine])?;
    while let Some(row) = rows.next()? {
        let columns = bare_columns(row.get(0)?, row.get(1)?);
        let record = format::decode_row(&columns, row.get_ref(2)?.as_blob()?);
        if record.is_ok_and(|record| *record.identity.name != *name) {
            continue;
        }
        return Ok(Some(columns.key));
    }
    Ok(None)
}

/// Columns for reading only what is in a row's blob.
pub(crate) fn bare_columns(key_column: i64, machine: i64) -> RowColumns {
    RowColumns {
        key: key(key_column),
        machine: MachineKey(machine.cast_unsigned()),
        status: 0,
        started: Timestamp(0),
        stopped: None,
        redriven: None,
        redrive_count: 0,
        last_event: 0,
    }
}

/// A page of history.
pub(crate) fn history(
    connection: &Connection,
    key: ExecutionKey,
    from: EventId,
    reverse: bool,
    limit: usize,
) -> Answer<Vec<HistoryEvent>> {
    const UP: &str = "SELECT chunk FROM history WHERE key = ?1 AND first >=
        coalesce((SELECT max(first) FROM history WHERE key = ?1 AND first <= ?2), 0) ORDER BY first";
    const DOWN: &str = "SELECT chunk FROM history WHERE key = ?1 AND first <= ?2 ORDER BY first DESC";
    let mut statement = connection.prepare_cached(if reverse { DOWN } else { UP })?;
    let mut rows = statement.query([column(key), i64::try_from(from).unwrap_or(i64::MAX)])?;
    let mut page = Vec::new();
    while page.len() < limit
        && let Some(row) = rows.next()?
    {
        let mut chunk = chunk(row, 0, key)?;
        if reverse {
            chunk.reverse();
        }
        let wanted = |event: &HistoryEvent| if reverse { event.id <= from } else { event.id >= from };
        let room = limit - page.len();
        page.extend(chunk.into_iter().filter(wanted).take(room));
    }
    Ok(page)
}

/// One record of the registry.
pub(crate) fn record(connection: &Connection, kind: RecordKind, scope: &str, name: &str) -> Answer<Option<Record>> {
    const SQL: &str = "SELECT name, body FROM records WHERE kind = ?1 AND scope = ?2 AND name = ?3";
    let mut statement = connection.prepare_cached(SQL)?;
    let mut rows = statement.query(params![format::kind_number(kind), scope, name])?;
    rows.next()?.map(|row| record_row(row, scope)).transpose()
}

/// Records by prefix, in the order of their names' bytes.
pub(crate) fn records(
    connection: &Connection,
    kind: RecordKind,
    scope: &str,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Answer<Vec<Record>> {
    const SQL: &str = "SELECT name, body FROM records
        WHERE kind = ?1 AND scope = ?2 AND name >= ?3 AND name > ?4 ORDER BY name";
    let mut statement = connection.prepare_cached(SQL)?;
    // SQLite orders numbers before texts: without `after` the second bound bounds nothing.
    let number = format::kind_number(kind);
    let mut rows = match after.filter(|after| *after >= prefix) {
        Some(after) => statement.query(params![number, scope, prefix, after])?,
        None => statement.query(params![number, scope, prefix, i64::MIN])?,
    };
    let mut found = Vec::new();
    while found.len() < limit
        && let Some(row) = rows.next()?
    {
        if !row.get_ref(0)?.as_str().is_ok_and(|name| name.starts_with(prefix)) {
            break;
        }
        found.push(record_row(row, scope)?);
    }
    Ok(found)
}

/// An execution out of its row's columns.
pub(crate) fn execution_row(row: &Row<'_>) -> Answer<ExecutionRecord> {
    let columns = RowColumns {
        key: key(row.get(0)?),
        machine: MachineKey(row.get::<_, i64>(1)?.cast_unsigned()),
        status: row.get(2)?,
        started: Timestamp(row.get(3)?),
        stopped: row.get::<_, Option<i64>>(4)?.map(Timestamp),
        redriven: row.get::<_, Option<i64>>(5)?.map(Timestamp),
        redrive_count: row.get(6)?,
        last_event: row.get::<_, i64>(7)?.cast_unsigned(),
    };
    format::decode_row(&columns, blob(row, 8)?).map_err(|error| of(error, columns.key))
}

/// An execution that runs, with its frames' heads.
fn open_row(connection: &Connection, row: &Row<'_>) -> Answer<StoredExecution> {
    let record = execution_row(row)?;
    let key = record.key;
    let mut execution = StoredExecution {
        record,
        next_event: row.get::<_, i64>(9)?.cast_unsigned(),
        next_frame: row.get(10)?,
        next_content: row.get(11)?,
        frames: BTreeMap::new(),
        input: None,
    };
    if let Some(top) = row.get_ref(12)?.as_blob_or_null().map_err(rusqlite::Error::from)? {
        execution.frames.insert(FrameId(0), format::decode_frame(top).map_err(|error| of(error, key))?);
    }
    if execution.next_frame > 1 {
        let mut statement = connection.prepare_cached("SELECT body FROM frames WHERE key = ?1")?;
        let mut rows = statement.query([column(key)])?;
        while let Some(row) = rows.next()? {
            let frame = format::decode_frame(blob(row, 0)?).map_err(|error| of(error, key))?;
            execution.frames.insert(frame.id, frame);
        }
    }
    Ok(execution)
}

/// Payloads of an execution by their places; what is not stored is not in the answer.
fn payloads(
    connection: &Connection,
    key: ExecutionKey,
    needed: impl IntoIterator<Item = Source>,
) -> Answer<BTreeMap<Source, Payload>> {
    const SQL: &str = "SELECT body FROM contents WHERE key = ?1 AND number = ?2";
    let mut found = BTreeMap::new();
    let mut of_events: BTreeMap<EventId, Vec<Source>> = BTreeMap::new();
    let mut statement = connection.prepare_cached(SQL)?;
    for source in needed {
        match source {
            Source::EventInput(event) | Source::EventOutput(event) => of_events.entry(event).or_default().push(source),
            Source::Content(number) => {
                let mut rows = statement.query(params![column(key), number])?;
                if let Some(row) = rows.next()? {
                    found.insert(source, format::decode_content(blob(row, 0)?).map_err(|error| of(error, key))?);
                }
            }
        }
    }
    event_payloads(connection, key, &of_events, &mut found)?;
    Ok(found)
}

/// Each chunk that has a wanted event is read once.
fn event_payloads(
    connection: &Connection,
    key: ExecutionKey,
    wanted: &BTreeMap<EventId, Vec<Source>>,
    found: &mut BTreeMap<Source, Payload>,
) -> Answer<()> {
    const SQL: &str = "SELECT chunk FROM history WHERE key = ?1 AND first <= ?2 ORDER BY first DESC LIMIT 1";
    let mut statement = connection.prepare_cached(SQL)?;
    let mut next = 0;
    while let Some((first_wanted, _)) = wanted.range(next..).next() {
        next = first_wanted.saturating_add(1);
        let mut rows = statement.query([column(key), i64::try_from(*first_wanted).unwrap_or(i64::MAX)])?;
        let Some(row) = rows.next()? else { continue };
        for event in chunk(row, 0, key)? {
            for source in wanted.get(&event.id).into_iter().flatten() {
                if let Some(payload) = held::payload_of(&event, *source) {
                    found.insert(*source, payload.clone());
                }
            }
            next = next.max(event.id.saturating_add(1));
        }
    }
    Ok(())
}

fn record_row(row: &Row<'_>, scope: &str) -> Answer<Record> {
    let name = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
    let body = format::decode_record(blob(row, 1)?).map_err(|error| error.of(&format!("`{name}` in {scope}")))?;
    Ok(Record { scope: scope.into(), name: name.into(), body })
}

fn chunk(row: &Row<'_>, index: usize, key: ExecutionKey) -> Answer<Vec<HistoryEvent>> {
    format::decode_chunk(blob(row, index)?).map_err(|error| of(error, key))
}

pub(crate) fn blob<'a>(row: &'a Row<'_>, index: usize) -> rusqlite::Result<&'a [u8]> {
    Ok(row.get_ref(index)?.as_blob()?)
}

pub(crate) fn of(error: Error, key: ExecutionKey) -> Trouble {
    Trouble::Store(error.of(&format!("execution {}", key.0)))
}

pub(crate) fn key(column: i64) -> ExecutionKey {
    ExecutionKey(column.cast_unsigned())
}

pub(crate) fn column(key: ExecutionKey) -> i64 {
    i64::try_from(key.0).unwrap_or(i64::MAX)
}

fn limit_column(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
