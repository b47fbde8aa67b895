//! Retention: what goes when its time is over, and what stays because something still needs it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use rusqlite::{Connection, OptionalExtension, params};
use stepwell_interpreter::{Frame, Waiting};
use stepwell_store::format;
use stepwell_store::record::{MapRunRecord, RecordBody, RecordKind};
use stepwell_value::Timestamp;

use crate::read;

/// Removes executions that ended before a moment with all they have; tells how many.
///
/// # Errors
/// When SQLite fails.
pub(crate) fn expire(connection: &Connection, closed_before: Timestamp, limit: usize) -> rusqlite::Result<usize> {
    const SQL: &str = "SELECT key, machine, body FROM executions WHERE stopped < ?1
        AND machine NOT IN (SELECT value FROM json_each(?3)) ORDER BY stopped LIMIT ?2";
    const KEEP_LAST_KEY: &str =
        "INSERT OR REPLACE INTO meta(name, value) SELECT 'last_key', max(key) FROM executions HAVING max(key) >=
         coalesce((SELECT value FROM meta WHERE name = 'last_key'), 0)";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let (map_runs, damaged) = map_runs(connection)?;
    let mut needed = damaged;
    let mut asks = Asks::at(connection, closed_before);
    for (.., run) in &map_runs {
        if asks.for_run(run)? {
            needed.push(children(run));
        }
    }
    let kept = needed.iter().map(i64::to_string);
    let kept = format!("[{}]", kept.collect::<Vec<_>>().join(","));
    let mut statement = connection.prepare_cached(SQL)?;
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let old: Vec<(i64, i64, Vec<u8>)> =
        statement.query_map(params![closed_before.0, limit, kept], read)?.collect::<rusqlite::Result<_>>()?;
    if !old.is_empty() {
        connection.prepare_cached(KEEP_LAST_KEY)?.execute([])?;
    }
    for (key, machine, body) in &old {
        remove(connection, *key, *machine, body)?;
    }
    let mut asks = Asks::at(connection, closed_before);
    for (scope, name, run) in &map_runs {
        if !asks.for_run(run)? {
            remove_map_run(connection, scope, name, run)?;
        }
    }
    Ok(old.len())
}

/// Which Map Runs are needed, now.
struct Asks<'a> {
    connection: &'a Connection,
    closed_before: Timestamp,
    /// The executions that have been looked at, by key: one may have had many Map Runs.
    executions: BTreeMap<i64, Asking>,
}

/// Which Map Runs an execution may ask for.
enum Asking {
    /// It is gone: none.
    None,
    /// It has ended, and may be redriven; or it is damaged, and nobody knows: any.
    All,
    /// It runs: those that its frames wait for.
    Some(Vec<Frame>),
}

impl Asks<'_> {
    fn at(connection: &Connection, closed_before: Timestamp) -> Asks<'_> {
        Asks { connection, closed_before, executions: BTreeMap::new() }
    }

    /// Whether a Map Run is not over yet, or its execution may still ask for its result.
    fn for_run(&mut self, run: &MapRunRecord) -> rusqlite::Result<bool> {
        let Some(key) = run.execution.filter(|_| run.is_over(self.closed_before)) else {
            return Ok(!run.is_over(self.closed_before));
        };
        let key = read::column(key);
        let asking = match self.executions.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(asking(self.connection, key)?),
        };
        Ok(match asking {
            Asking::None => false,
            Asking::All => true,
            Asking::Some(frames) => run.is_waited_for(frames.iter()),
        })
    }
}

fn asking(connection: &Connection, key: i64) -> rusqlite::Result<Asking> {
    const STOPPED: &str = "SELECT stopped IS NOT NULL FROM executions WHERE key = ?1";
    const FRAMES: &str = "SELECT frame FROM open WHERE key = ?1 AND frame IS NOT NULL
        UNION ALL SELECT body FROM frames WHERE key = ?1";
    match connection.prepare_cached(STOPPED)?.query_row([key], |row| row.get(0)).optional()? {
        None => return Ok(Asking::None),
        Some(true) => return Ok(Asking::All),
        Some(false) => {}
    }
    let mut statement = connection.prepare_cached(FRAMES)?;
    let mut rows = statement.query([key])?;
    let mut waiting = Vec::new();
    while let Some(row) = rows.next()? {
        match format::decode_frame(read::blob(row, 0)?) {
            Ok(frame) if matches!(frame.waiting, Waiting::MapRun(_)) => waiting.push(frame),
            Ok(_) => {}
            Err(_) => return Ok(Asking::All),
        }
    }
    Ok(Asking::Some(waiting))
}

type MapRuns = Vec<(String, String, MapRunRecord)>;

/// All Map Runs: scope, name, record. Whether one has ended whose record is damaged nobody knows: it stays, and so do its
/// children, whose numbers are given beside.
fn map_runs(connection: &Connection) -> rusqlite::Result<(MapRuns, Vec<i64>)> {
    const SQL: &str = "SELECT scope, name, body FROM records WHERE kind = ?1";
    let mut statement = connection.prepare_cached(SQL)?;
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get::<_, Vec<u8>>(2)?));
    let rows = statement.query_map([format::kind_number(RecordKind::MapRun)], read)?;
    let (mut found, mut damaged) = (Vec::new(), Vec::new());
    for row in rows {
        let (scope, name, body): (String, String, _) = row?;
        match format::decode_record(&body) {
            Ok(RecordBody::MapRun(run)) => found.push((scope, name, run)),
            _ => damaged.extend(children_of_damaged(connection, &scope, &name)?),
        }
    }
    Ok((found, damaged))
}

/// The number under which the children of a Map Run are stored whose record is damaged. The revision they run has it in its
/// name, `NUMBER/UUID`; the Map Run is called `MACHINE/LABEL:UUID`.
fn children_of_damaged(connection: &Connection, scope: &str, name: &str) -> rusqlite::Result<Vec<i64>> {
    const SQL: &str =
        "SELECT substr(name, 1, 16) FROM records WHERE kind = ?1 AND scope = ?2 AND substr(name, 17) = '/' || ?3";
    let uuid = name.rsplit(':').next().unwrap_or_default();
    let mut statement = connection.prepare_cached(SQL)?;
    let values = params![format::kind_number(RecordKind::Revision), scope, uuid];
    let numbers = statement.query_map(values, |row| row.get::<_, String>(0))?;
    let number =
        |hex: rusqlite::Result<String>| hex.map(|hex| u64::from_str_radix(&hex, 16).ok().map(u64::cast_signed));
    numbers.map(number).filter_map(Result::transpose).collect()
}

/// The number under which the children of a Map Run are stored.
fn children(run: &MapRunRecord) -> i64 {
    run.children.0.cast_signed()
}

/// Removes a Map Run that nobody needs, when none of its children is left, and the revision they ran.
fn remove_map_run(connection: &Connection, scope: &str, name: &str, run: &MapRunRecord) -> rusqlite::Result<()> {
    const SQL: &str = "DELETE FROM records WHERE kind = ?1 AND scope = ?2 AND name = ?3
        AND NOT EXISTS (SELECT 1 FROM executions WHERE machine = ?4)";
    let mut remove = connection.prepare_cached(SQL)?;
    let records = [(RecordKind::MapRun, name), (RecordKind::Revision, &*run.revision_name())];
    for (kind, name) in records {
        remove.execute(params![format::kind_number(kind), scope, name, children(run)])?;
    }
    Ok(())
}

fn remove(connection: &Connection, key: i64, machine: i64, body: &[u8]) -> rusqlite::Result<()> {
    let columns = read::bare_columns(key, machine);
    match format::decode_row(&columns, body) {
        Ok(record) if record.generated_name => {}
        Ok(record) => {
            let hash = format::name_hash(record.machine, &record.identity.name);
            connection.prepare_cached("DELETE FROM names WHERE hash = ?1 AND key = ?2")?.execute([hash, key])?;
        }
        // A damaged row must go too: its name, wherever it is, goes with a search of the whole table.
        Err(_) => drop(connection.execute("DELETE FROM names WHERE key = ?1", [key])?),
    }
    connection.prepare_cached("DELETE FROM history WHERE key = ?1")?.execute([key])?;
    connection.prepare_cached("DELETE FROM executions WHERE key = ?1")?.execute([key]).map(drop)
}
