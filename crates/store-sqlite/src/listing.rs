//! Listings of executions.
//!
//! An index has the executions of one machine (or version, or alias) and status, redriven or not, in the order of their
//! places. A listing asks for one or more of these ranges, and merges them as far as the page goes.

use std::sync::LazyLock;

use rusqlite::{Connection, Row, Rows, params};
use stepwell_interpreter::Status;
use stepwell_store::format::{self, RowColumns, RowReader};
use stepwell_store::{Error, ExecutionFilter, ExecutionKey, ExecutionRecord, MachineKey, Place};
use stepwell_value::Timestamp;

use crate::read::{self, Answer, Trouble};

/// An index listings read: its name, and the column it begins with.
type Index = (&'static str, &'static str);

const OF_MACHINE: Index = ("executions_listed", "machine");
const OF_VERSION: Index = ("executions_of_version", "version");
const OF_ALIAS: Index = ("executions_of_alias", "alias");

/// Room made for a page beforehand: what the API gives by default.
const PAGE_USUAL: usize = 100;

/// One range of an index.
struct Range {
    index: Index,
    status: Status,
    /// Whether its executions have been redriven.
    again: bool,
    /// The statement that reads it.
    sql: String,
}

/// All there are.
static RANGES: LazyLock<Vec<Range>> = LazyLock::new(|| {
    use Status::{Aborted, Failed, PendingRedrive, Running, Succeeded, TimedOut};
    let mut ranges = Vec::new();
    for index in [OF_MACHINE, OF_VERSION, OF_ALIAS] {
        for status in [Running, Succeeded, Failed, TimedOut, Aborted, PendingRedrive] {
            ranges.extend([false, true].map(|again| Range::new(index, status, again)));
        }
    }
    ranges
});

/// A range that is being read.
struct Reading<'a> {
    range: &'static Range,
    rows: Rows<'a>,
    /// Its next execution; none at its end.
    next: Option<ExecutionRecord>,
}

/// Executions from the greatest place below `before` on downwards.
pub(crate) fn executions(
    connection: &Connection,
    filter: &ExecutionFilter,
    before: Option<Place>,
    limit: usize,
) -> Answer<Vec<ExecutionRecord>> {
    let (index, owner) = source(filter);
    let before = before.unwrap_or(Place { time: Timestamp(i64::MAX), key: ExecutionKey(u64::MAX) });
    let wanted = |record: &ExecutionRecord| record.place() < before && filter.matches(record);
    // A range that has ended would end the moment the others are read at; an execution that is redriven just then would
    // be in none.
    let moment = connection.unchecked_transaction()?;
    let mut reader = RowReader::default();
    let mut statements = Vec::new();
    for range in ranges(index, filter) {
        statements.push((range, moment.prepare_cached(&range.sql)?));
    }
    let mut readings = Vec::with_capacity(statements.len());
    for (range, statement) in &mut statements {
        let rows = statement.query(params![owner, before.time.0])?;
        let mut reading = Reading { range, rows, next: None };
        reading.go_on(&mut reader, filter.machine, wanted)?;
        if reading.next.is_some() {
            readings.push(reading);
        }
    }
    let mut found = Vec::with_capacity(limit.min(PAGE_USUAL));
    while found.len() < limit {
        let greatest = readings.iter_mut().max_by_key(|reading| reading.next.as_ref().map(ExecutionRecord::place));
        let Some((reading, record)) = greatest.and_then(|reading| reading.next.take().map(|record| (reading, record)))
        else {
            break;
        };
        found.push(record);
        if found.len() < limit {
            reading.go_on(&mut reader, filter.machine, wanted)?;
        }
    }
    Ok(found)
}

impl Reading<'_> {
    /// Reads on to the next execution that is wanted. One that is damaged is left out.
    fn go_on(
        &mut self,
        reader: &mut RowReader,
        machine: MachineKey,
        wanted: impl Fn(&ExecutionRecord) -> bool,
    ) -> Answer<()> {
        while let Some(row) = self.rows.next()? {
            match self.range.execution(reader, row, machine) {
                Ok(record) if wanted(&record) => {
                    self.next = Some(record);
                    return Ok(());
                }
                Ok(_) => {}
                Err(Trouble::Store(error @ Error::Damaged { .. })) => {
                    eprintln!("stepwell: left out of a listing: {error}");
                }
                Err(trouble) => return Err(trouble),
            }
        }
        self.next = None;
        Ok(())
    }
}

impl Range {
    /// Read from a time on downwards. The key is not compared: SQLite would do it row by row.
    fn new(index: Index, status: Status, again: bool) -> Range {
        let (name, column) = index;
        let machine = if index == OF_MACHINE { "" } else { ", e.machine" };
        let redrives = if again { ", e.redriven, e.redrive_count" } else { "" };
        let last_event = match status {
            Status::Running => "coalesce((SELECT o.next_event - 1 FROM open o WHERE o.key = e.key), e.last_event)",
            _ => "e.last_event",
        };
        let (number, redriven) = (format::status_number(status), u8::from(again));
        let sql = format!(
            "SELECT e.key, e.started, e.stopped, {last_event}, e.body{redrives}{machine} FROM executions e \
             INDEXED BY {name} WHERE {column} = ?1 AND status = {number} AND again = {redriven} \
             AND listed <= ?2 ORDER BY listed DESC, key DESC"
        );
        Range { index, status, again, sql }
    }

    /// The execution of one of its rows, which is of this machine when the index is.
    fn execution(&self, reader: &mut RowReader, row: &Row<'_>, machine: MachineKey) -> Answer<ExecutionRecord> {
        let (redriven, redrive_count) =
            if self.again { (row.get::<_, Option<i64>>(5)?.map(Timestamp), row.get(6)?) } else { (None, 0) };
        let machine = match self.index {
            OF_MACHINE => machine,
            _ => MachineKey(row.get::<_, i64>(if self.again { 7 } else { 5 })?.cast_unsigned()),
        };
        let columns = RowColumns {
            key: read::key(row.get(0)?),
            machine,
            status: format::status_number(self.status),
            started: Timestamp(row.get(1)?),
            stopped: row.get::<_, Option<i64>>(2)?.map(Timestamp),
            redriven,
            redrive_count,
            last_event: row.get::<_, i64>(3)?.cast_unsigned(),
        };
        reader.read(&columns, read::blob(row, 4)?).map_err(|error| read::of(error, columns.key))
    }
}

/// The index to read, and what its first column is to be. A qualifier that ends with a number is a version: aliases do not
/// consist of digits alone (API reference, CreateStateMachineAlias).
fn source(filter: &ExecutionFilter) -> (Index, i64) {
    let Some(arn) = &filter.qualifier_arn else { return (OF_MACHINE, filter.machine.0.cast_signed()) };
    let qualifier = arn.rsplit(':').next().unwrap_or_default();
    let is_version = qualifier.bytes().all(|byte| byte.is_ascii_digit());
    (if is_version { OF_VERSION } else { OF_ALIAS }, format::name_hash(filter.machine, arn))
}

/// The ranges of an index that a filter wants.
fn ranges(index: Index, filter: &ExecutionFilter) -> impl Iterator<Item = &'static Range> {
    let (status, redriven) = (filter.status, filter.redriven);
    RANGES.iter().filter(move |range| {
        let wanted =
            status.is_none_or(|status| status == range.status) && redriven.is_none_or(|only| only == range.again);
        wanted && range.index == index
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use rusqlite::params;
    use stepwell_store::MachineKey;
    use stepwell_store::sample::{self, Case};

    use super::*;
    use crate::{Options, SqliteStore, schema};

    /// An execution that goes from one range to another all the time is on every page.
    #[test]
    fn a_page_is_of_one_moment() {
        let folder = tempfile::tempdir().unwrap();
        drop(SqliteStore::open(&Options::new(folder.path())).unwrap());
        let path = folder.path().join("stepwell.db");
        let record = sample::record(&Case::numbered(1));
        let writer = Connection::open(&path).unwrap();
        writer.execute_batch("PRAGMA synchronous = OFF").unwrap();
        let insert = "INSERT INTO executions(key, machine, status, started, stopped, redrive_count, last_event, body)
            VALUES (1, ?1, 2, 1, 5, 0, 1, ?2)";
        let machine = record.machine.0.cast_signed();
        writer.execute(insert, params![machine, format::encode_row(&record).unwrap()]).unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let done = &done;
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    writer.execute_batch("UPDATE executions SET status = 0, stopped = NULL").unwrap();
                    writer.execute_batch("UPDATE executions SET status = 2, stopped = 5").unwrap();
                }
            });
            let reader = schema::open_reader(&path, 1).unwrap();
            let filter = ExecutionFilter { machine: record.machine, status: None, redriven: None, qualifier_arn: None };
            let found = |_| executions(&reader, &filter, None, 10).is_ok_and(|page| page.len() == 1);
            let always = (0..5_000).all(found);
            done.store(true, Ordering::Relaxed);
            assert!(always);
        });
    }

    /// Whatever is listed, SQLite searches ranges of an index and sorts nothing.
    #[test]
    fn no_listing_sorts_or_scans() {
        let folder = tempfile::tempdir().unwrap();
        drop(SqliteStore::open(&Options::new(folder.path())).unwrap());
        let connection = schema::open_reader(&folder.path().join("stepwell.db"), 1).unwrap();
        for status in [None, Some(Status::Failed)] {
            for redriven in [None, Some(true), Some(false)] {
                for qualifier in [None, Some("a:1"), Some("a:live")] {
                    let qualifier_arn = qualifier.map(str::to_owned);
                    let filter = ExecutionFilter { machine: MachineKey(1), status, redriven, qualifier_arn };
                    let ranges: Vec<&Range> = ranges(source(&filter).0, &filter).collect();
                    let expected = (if status.is_none() { 6 } else { 1 }) * (if redriven.is_none() { 2 } else { 1 });
                    assert_eq!(ranges.len(), expected);
                    for range in ranges {
                        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", range.sql)).unwrap();
                        let plan = statement.query_map(params![1, 2], |row| row.get::<_, String>(3)).unwrap();
                        let plan: Vec<String> = plan.map(Result::unwrap).collect();
                        assert!(plan[0].starts_with("SEARCH e USING INDEX"), "{plan:#?}");
                        assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{plan:#?}");
                    }
                }
            }
        }
    }
}
