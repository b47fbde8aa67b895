//! Listings of executions.
//!
//! An index has the executions of one machine (or version, or alias) and status, redriven or not, in the order of their
//! places. A listing asks for one or more of these ranges; SQLite merges them as far as the page goes.

use std::fmt::Write;

use rusqlite::{Connection, params};
use stepwell_interpreter::Status;
use stepwell_store::{Error, ExecutionFilter, ExecutionKey, ExecutionRecord, Place, format};
use stepwell_value::Timestamp;

use crate::read::{self, Answer, Trouble};

/// Which index a listing reads: its name, and the column it begins with.
type Index = (&'static str, &'static str);

const OF_MACHINE: Index = ("executions_listed", "machine");
const OF_VERSION: Index = ("executions_of_version", "version");
const OF_ALIAS: Index = ("executions_of_alias", "alias");

/// Executions from the greatest place below `before` on downwards.
pub(crate) fn executions(
    connection: &Connection,
    filter: &ExecutionFilter,
    before: Option<Place>,
    limit: usize,
) -> Answer<Vec<ExecutionRecord>> {
    let (index, owner) = source(filter);
    let before = before.unwrap_or(Place { time: Timestamp(i64::MAX), key: ExecutionKey(u64::MAX) });
    let mut statement = connection.prepare_cached(&ranges(index, filter))?;
    let mut rows = statement.query(params![owner, before.time.0, read::column(before.key)])?;
    let mut found: Vec<ExecutionRecord> = Vec::new();
    while found.len() < limit
        && let Some(row) = rows.next()?
    {
        match read::execution_row_after(found.last(), row) {
            Ok(record) => found.extend(Some(record).filter(|record| filter.matches(record))),
            Err(Trouble::Store(error @ Error::Damaged { .. })) => eprintln!("stepwell: left out of a listing: {error}"),
            Err(trouble) => return Err(trouble),
        }
    }
    Ok(found)
}

/// The index to read, and what its first column is to be. A qualifier that ends with a number is a version: aliases do not
/// consist of digits alone (API reference, CreateStateMachineAlias).
fn source(filter: &ExecutionFilter) -> (Index, i64) {
    let Some(arn) = &filter.qualifier_arn else { return (OF_MACHINE, filter.machine.0.cast_signed()) };
    let qualifier = arn.rsplit(':').next().unwrap_or_default();
    let is_version = qualifier.bytes().all(|byte| byte.is_ascii_digit());
    (if is_version { OF_VERSION } else { OF_ALIAS }, format::name_hash(filter.machine, arn))
}

/// What is listed, as SQL: a union of ranges of the index, each in its order, with the columns of
/// [`read::execution_row`].
fn ranges((index, column): Index, filter: &ExecutionFilter) -> String {
    use Status::{Aborted, Failed, PendingRedrive, Running, Succeeded, TimedOut};
    let mut sql = String::new();
    for status in [Running, Succeeded, Failed, TimedOut, Aborted, PendingRedrive] {
        for again in [false, true] {
            if filter.status.is_none_or(|wanted| wanted == status) && filter.redriven.is_none_or(|only| only == again) {
                let union = if sql.is_empty() { "" } else { " UNION ALL " };
                let (status, again) = (format::status_number(status), u8::from(again));
                let last_event = match status {
                    0 => "coalesce((SELECT o.next_event - 1 FROM open o WHERE o.key = e.key), e.last_event)",
                    _ => "e.last_event",
                };
                // Writing to a String cannot fail.
                let _ = write!(
                    sql,
                    "{union}SELECT e.key, e.machine, e.status, e.started, e.stopped, e.redriven, e.redrive_count, \
                     {last_event}, e.body, e.listed FROM executions e INDEXED BY {index} WHERE {column} = ?1 \
                     AND status = {status} AND again = {again} AND (listed, key) < (?2, ?3)"
                );
            }
        }
    }
    sql + " ORDER BY 10 DESC, 1 DESC"
}

#[cfg(test)]
mod tests {
    use rusqlite::params;
    use stepwell_store::MachineKey;

    use super::*;
    use crate::{Options, SqliteStore, schema};

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
                    let sql = format!("EXPLAIN QUERY PLAN {}", ranges(source(&filter).0, &filter));
                    let mut statement = connection.prepare(&sql).unwrap();
                    let plan = statement.query_map(params![1, 2, 3], |row| row.get::<_, String>(3)).unwrap();
                    let plan: Vec<String> = plan.map(Result::unwrap).collect();
                    let searches = plan.iter().filter(|step| step.starts_with("SEARCH e USING INDEX"));
                    let expected = (if status.is_none() { 6 } else { 1 }) * (if redriven.is_none() { 2 } else { 1 });
                    assert_eq!(searches.count(), expected, "{plan:#?}");
                    assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{plan:#?}");
                }
            }
        }
    }
}
