//! The tables, and how a connection is set up.
//!
//! Version 2:
//! - `meta`: the secret; the greatest key of an execution that has expired or of a machine.
//! - `executions`: one small row an execution (about 200 bytes); nothing in it changes between start and end.
//!   `listed` is its place in listings. They read `executions_listed`, one range for each status, redriven or not, and
//!   merge the ranges, so that a page of any filter reads only what it shows. `version` and `alias` are hashes of the ARNs
//!   it was started through; most executions have none, and then these indexes cost nothing.
//! - `open`: only executions that run. Recovery reads this table alone, and a step writes to this one and `history` only.
//!   The top frame is in the row, so that an execution without Parallel and Map has no other frames.
//! - `frames`, `contents`: the other frames, and the contents, of executions that run.
//! - `history`: one chunk a committed batch, in the order of commits, found by an index of key and first event. Measured
//!   against a table ordered by key (rowid `key<<16|n`, and WITHOUT ROWID): with 500 to 20,000 interleaved executions it
//!   writes a third to a half of the bytes (1.5 KB against 4.9 and 5.6 KB a chunk of 320 B) at 5 µs against 7–11 and
//!   8–13, because each commit appends to the last page instead of touching a page an execution.
//! - `names`: caller-chosen names, by 64-bit hash; the name itself is compared with the row's.
//! - `records`: the registry.
//!
//! Version 1 had no `listed`, `version` and `alias`, and listed by key.

use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use stepwell_store::{Error, format};

use crate::{Options, backend, read};

/// The version of the tables; `PRAGMA user_version`.
pub(crate) const VERSION: u32 = 2;

/// Statements kept ready on each connection: all there are.
const STATEMENTS: usize = 128;

const TABLES_1: &str = "
CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE executions(
    key INTEGER PRIMARY KEY, machine INTEGER NOT NULL, status INTEGER NOT NULL, started INTEGER NOT NULL,
    stopped INTEGER, redriven INTEGER, redrive_count INTEGER NOT NULL, last_event INTEGER NOT NULL, body BLOB NOT NULL);
CREATE INDEX executions_by_stopped ON executions(stopped) WHERE stopped IS NOT NULL;
CREATE TABLE open(
    key INTEGER PRIMARY KEY, next_event INTEGER NOT NULL, next_frame INTEGER NOT NULL, next_content INTEGER NOT NULL,
    frame BLOB);
CREATE TABLE frames(key INTEGER, frame INTEGER, body BLOB NOT NULL, PRIMARY KEY(key, frame)) WITHOUT ROWID;
CREATE TABLE contents(key INTEGER, number INTEGER, body BLOB NOT NULL, PRIMARY KEY(key, number)) WITHOUT ROWID;
CREATE TABLE history(id INTEGER PRIMARY KEY, key INTEGER NOT NULL, first INTEGER NOT NULL, chunk BLOB NOT NULL);
CREATE UNIQUE INDEX history_by_key ON history(key, first);
CREATE TABLE names(hash INTEGER, key INTEGER, PRIMARY KEY(hash, key)) WITHOUT ROWID;
CREATE TABLE records(
    kind INTEGER, scope TEXT, name TEXT, body BLOB NOT NULL, PRIMARY KEY(kind, scope, name)) WITHOUT ROWID;
PRAGMA user_version = 1;
";

/// From version 1 to 2, before and after the rows are filled in.
const TABLES_2: &str = "
DROP INDEX IF EXISTS executions_by_status;
DROP INDEX IF EXISTS executions_by_machine;
ALTER TABLE executions ADD COLUMN version INTEGER;
ALTER TABLE executions ADD COLUMN alias INTEGER;
ALTER TABLE executions ADD COLUMN listed INTEGER AS (coalesce(stopped, redriven, started)) VIRTUAL;
ALTER TABLE executions ADD COLUMN again INTEGER AS (redrive_count > 0) VIRTUAL;
";
const INDEXES_2: &str = "
CREATE INDEX executions_listed ON executions(machine, status, again, listed);
CREATE INDEX executions_of_version ON executions(version, status, again, listed) WHERE version IS NOT NULL;
CREATE INDEX executions_of_alias ON executions(alias, status, again, listed) WHERE alias IS NOT NULL;
PRAGMA user_version = 2;
";

/// Opens the writing connection and makes the tables when there are none.
///
/// # Errors
/// When SQLite fails, or a newer version made the tables.
pub(crate) fn open(path: &Path, options: &Options) -> Result<Connection, Error> {
    let fail = |error| backend(path, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(fail)?;
    keep_statements(&connection).map_err(fail)?;
    let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(fail)?;
    if version > VERSION {
        return Err(Error::TooNew { place: path.display().to_string(), found: version, known: VERSION });
    }
    set_up_writer(&connection, options).map_err(fail)?;
    match version {
        0 => make_tables(&mut connection).map_err(fail)?,
        1 => upgrade_1(&mut connection).map_err(fail)?,
        _ => {}
    }
    Ok(connection)
}

/// Opens a connection for reading.
///
/// # Errors
/// When SQLite fails.
pub(crate) fn open_reader(path: &Path, cache_mib: u32) -> rusqlite::Result<Connection> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    keep_statements(&connection)?;
    connection.execute_batch(&format!(
        "PRAGMA query_only = 1; PRAGMA mmap_size = 0; PRAGMA cache_size = -{}; PRAGMA temp_store = MEMORY;",
        u64::from(cache_mib.max(1)) * 1024
    ))?;
    Ok(connection)
}

/// Statements stay prepared. Without the plan's stability SQLite prepares some of them again whenever a value is bound
/// (measured: a tenth of the writing thread's time).
fn keep_statements(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

/// The page size must be set before the first page is written; `synchronous = FULL` syncs every commit. The WAL file is
/// cut back to twice the checkpoint length after it has grown longer.
fn set_up_writer(connection: &Connection, options: &Options) -> rusqlite::Result<()> {
    let (cache_kib, limit) = (u64::from(options.cache_mib.max(1)) * 1024, u64::from(options.checkpoint_mib) << 21);
    connection.execute_batch(&format!(
        "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;
         PRAGMA journal_size_limit = {limit}; PRAGMA mmap_size = 0; PRAGMA cache_size = -{cache_kib};
         PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = 0; PRAGMA trusted_schema = 0;"
    ))
}

/// Copies what is sound of a log and empties it. The commits that were given up would still be in it, behind what is written
/// from now on, and the next start would find them again.
///
/// # Errors
/// When SQLite fails.
pub(crate) fn empty_log(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

/// Tables and secret come into being together.
fn make_tables(connection: &mut Connection) -> rusqlite::Result<()> {
    let mut secret = [0_u8; 32];
    getrandom::fill(&mut secret).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES_1)?;
    transaction.execute_batch(TABLES_2)?;
    transaction.execute_batch(INDEXES_2)?;
    transaction.execute("INSERT INTO meta(name, value) VALUES ('secret', ?1)", [secret])?;
    transaction.commit()
}

/// Listing by place, version and alias. A row that does not decode keeps its place, and is of no version.
fn upgrade_1(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES_2)?;
    {
        let mut rows = transaction.prepare("SELECT key, machine, body FROM executions")?;
        let mut fill = transaction.prepare("UPDATE executions SET version = ?2, alias = ?3 WHERE key = ?1")?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let columns = read::bare_columns(row.get(0)?, row.get(1)?);
            let Ok(record) = format::decode_row(&columns, row.get_ref(2)?.as_blob()?) else { continue };
            let [version, alias] = format::qualifier_hashes(&record);
            if version.is_some() || alias.is_some() {
                fill.execute(params![row.get::<_, i64>(0)?, version, alias])?;
            }
        }
    }
    transaction.execute_batch(INDEXES_2)?;
    transaction.commit()
}

/// The secret made with the tables.
///
/// # Errors
/// When it is missing or SQLite fails.
pub(crate) fn secret(connection: &Connection) -> Result<[u8; 32], Error> {
    let found = connection
        .query_row("SELECT value FROM meta WHERE name = 'secret'", [], |row| row.get(0))
        .optional()
        .map_err(|error| Error::Backend(format!("cannot read the secret: {error}")))?;
    found.ok_or_else(|| Error::Damaged { what: "table `meta`".to_owned(), why: "it has no `secret`".to_owned() })
}
