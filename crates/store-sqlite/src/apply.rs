//! What a write does to the tables. Everything is checked before anything is written, so that a refused write leaves no
//! trace in the transaction it shares with others.

use rusqlite::{Connection, OptionalExtension, params};
use stepwell_store::WriteError;

use crate::encode::{Advance, Op, Start};
use crate::read;

/// Outcome of a write: refused or not; the outer error fails the whole transaction.
type Outcome = rusqlite::Result<Result<(), WriteError>>;

/// Applies one write.
///
/// # Errors
/// When SQLite fails.
pub(crate) fn apply(connection: &Connection, op: &Op) -> Outcome {
    match op {
        Op::Start(op) => start(connection, op),
        Op::Advance(op) => advance(connection, op),
        Op::Put { kind, scope, name, body, machine } => {
            const SQL: &str = "INSERT OR REPLACE INTO records(kind, scope, name, body) VALUES (?1, ?2, ?3, ?4)";
            const USED: &str = "INSERT INTO meta(name, value) VALUES ('last_key', ?1)
                ON CONFLICT(name) DO UPDATE SET value = max(value, excluded.value)";
            if let Some(key) = machine {
                connection.prepare_cached(USED)?.execute([key])?;
            }
            connection.prepare_cached(SQL)?.execute(params![kind, &**scope, &**name, body]).map(|_| Ok(()))
        }
        Op::Remove { kind, scope, name } => {
            const SQL: &str = "DELETE FROM records WHERE kind = ?1 AND scope = ?2 AND name = ?3";
            connection.prepare_cached(SQL)?.execute(params![kind, scope, name]).map(|_| Ok(()))
        }
    }
}

/// An execution that ends with its first write has a row and its history, nothing else.
fn start(connection: &Connection, op: &Start) -> Outcome {
    const SQL: &str =
        "INSERT INTO executions(key, machine, status, started, stopped, redriven, redrive_count, last_event,
        body, version, alias) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT(key) DO NOTHING";
    let first = &op.first;
    if let Some((hash, name)) = &op.name
        && let Some(existing) = read::named(connection, op.machine, *hash, name)?
    {
        return Ok(Err(WriteError::NameTaken { existing }));
    }
    let (status, stopped) = first.closed.map_or((0, None), |(status, at)| (status, Some(at)));
    let inserted = connection.prepare_cached(SQL)?.execute(params![
        first.key,
        op.machine,
        status,
        op.started,
        stopped,
        first.redriven,
        first.redrive_count,
        first.next_event - 1,
        op.body,
        op.qualifiers[0],
        op.qualifiers[1]
    ])?;
    if inserted == 0 {
        let existing = Position::of(connection, first.key)?;
        return Ok(Err(existing.map_or(WriteError::Conflict { next_event: 0 }, |existing| existing.conflict())));
    }
    if let Some((hash, _)) = &op.name {
        connection.prepare_cached("INSERT INTO names(hash, key) VALUES (?1, ?2)")?.execute([*hash, first.key])?;
    }
    put_chunk(connection, first)?;
    if first.closed.is_none() {
        insert_open(connection, first)?;
        put_waiting(connection, first)?;
    }
    Ok(Ok(()))
}

fn advance(connection: &Connection, op: &Advance) -> Outcome {
    let moved = match op.closed {
        None => update_open(connection, op)?,
        Some(_) => delete_open(connection, op)?,
    };
    if !moved {
        match Position::of(connection, op.key)? {
            Some(position) if position.is_reopened_by(op) => reopen(connection, op)?,
            Some(position) => return Ok(Err(position.conflict())),
            None => return Ok(Err(WriteError::Conflict { next_event: 0 })),
        }
    }
    put_chunk(connection, op)?;
    match op.closed {
        None => put_waiting(connection, op)?,
        Some(closed) => close(connection, op, closed)?,
    }
    Ok(Ok(()))
}

/// Where a stored execution is.
struct Position {
    /// Of an execution that runs.
    next_event: Option<i64>,
    last_event: i64,
    redrive_count: u32,
}

impl Position {
    fn of(connection: &Connection, key: i64) -> rusqlite::Result<Option<Position>> {
        const SQL: &str = "SELECT o.next_event, e.last_event, e.redrive_count
            FROM executions e LEFT JOIN open o ON o.key = e.key WHERE e.key = ?1";
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Position { next_event: row.get(0)?, last_event: row.get(1)?, redrive_count: row.get(2)? })
        };
        connection.prepare_cached(SQL)?.query_row([key], read).optional()
    }

    fn conflict(&self) -> WriteError {
        WriteError::Conflict { next_event: self.next_event.unwrap_or(0).cast_unsigned() }
    }

    fn is_reopened_by(&self, op: &Advance) -> bool {
        self.next_event.is_none()
            && op.redrive_count > self.redrive_count
            && op.expected_next_event == self.last_event + 1
    }
}

fn insert_open(connection: &Connection, op: &Advance) -> rusqlite::Result<()> {
    const SQL: &str = "INSERT INTO open(key, next_event, next_frame, next_content, frame) VALUES (?1, ?2, ?3, ?4, ?5)";
    let values = params![op.key, op.next_event, op.next_frame, op.next_content, op.top_frame()];
    connection.prepare_cached(SQL)?.execute(values).map(drop)
}

/// Moves an execution that runs and is where the writer thinks it is; tells whether it was.
fn update_open(connection: &Connection, op: &Advance) -> rusqlite::Result<bool> {
    const SQL: &str = "UPDATE open SET next_event = ?3, next_frame = ?4, next_content = ?5,
        frame = CASE WHEN ?7 THEN NULL ELSE coalesce(?6, frame) END WHERE key = ?1 AND next_event = ?2";
    let top = op.top_frame();
    let removed = top.is_none() && op.frames_removed.contains(&0);
    let values = params![op.key, op.expected_next_event, op.next_event, op.next_frame, op.next_content, top, removed];
    connection.prepare_cached(SQL)?.execute(values).map(|count| count == 1)
}

/// Ends what `update_open` moves.
fn delete_open(connection: &Connection, op: &Advance) -> rusqlite::Result<bool> {
    const SQL: &str = "DELETE FROM open WHERE key = ?1 AND next_event = ?2";
    connection.prepare_cached(SQL)?.execute([op.key, op.expected_next_event]).map(|count| count == 1)
}

/// A redrive: the execution runs again.
fn reopen(connection: &Connection, op: &Advance) -> rusqlite::Result<()> {
    const SQL: &str =
        "UPDATE executions SET status = 0, stopped = NULL, redrive_count = ?2, redriven = ?3 WHERE key = ?1";
    connection.prepare_cached(SQL)?.execute(params![op.key, op.redrive_count, op.redriven])?;
    if op.closed.is_none() { insert_open(connection, op) } else { Ok(()) }
}

fn close(connection: &Connection, op: &Advance, (status, stopped): (u8, i64)) -> rusqlite::Result<()> {
    const SQL: &str = "UPDATE executions SET status = ?2, stopped = ?3, last_event = ?4 WHERE key = ?1";
    connection.prepare_cached(SQL)?.execute(params![op.key, status, stopped, op.next_event - 1])?;
    // The numbers tell whether it ever had others than the top frame, and contents.
    if op.next_frame > 1 {
        connection.prepare_cached("DELETE FROM frames WHERE key = ?1")?.execute([op.key])?;
    }
    if op.next_content > 0 {
        connection.prepare_cached("DELETE FROM contents WHERE key = ?1")?.execute([op.key])?;
    }
    Ok(())
}

fn put_chunk(connection: &Connection, op: &Advance) -> rusqlite::Result<()> {
    const SQL: &str = "INSERT INTO history(key, first, chunk) VALUES (?1, ?2, ?3)";
    let Some(chunk) = &op.chunk else { return Ok(()) };
    connection.prepare_cached(SQL)?.execute(params![op.key, op.expected_next_event, chunk]).map(drop)
}

/// Frames but the top one, and contents.
fn put_waiting(connection: &Connection, op: &Advance) -> rusqlite::Result<()> {
    const REMOVE_FRAME: &str = "DELETE FROM frames WHERE key = ?1 AND frame = ?2";
    const PUT_FRAME: &str = "INSERT OR REPLACE INTO frames(key, frame, body) VALUES (?1, ?2, ?3)";
    const REMOVE_CONTENT: &str = "DELETE FROM contents WHERE key = ?1 AND number = ?2";
    const PUT_CONTENT: &str = "INSERT OR REPLACE INTO contents(key, number, body) VALUES (?1, ?2, ?3)";
    for frame in op.frames_removed.iter().filter(|frame| **frame != 0) {
        connection.prepare_cached(REMOVE_FRAME)?.execute(params![op.key, frame])?;
    }
    for (frame, body) in op.frames_put.iter().filter(|(frame, _)| *frame != 0) {
        connection.prepare_cached(PUT_FRAME)?.execute(params![op.key, frame, body])?;
    }
    for number in &op.contents_removed {
        connection.prepare_cached(REMOVE_CONTENT)?.execute(params![op.key, number])?;
    }
    for (number, body) in &op.contents_put {
        connection.prepare_cached(PUT_CONTENT)?.execute(params![op.key, number, body])?;
    }
    Ok(())
}

impl Advance {
    fn top_frame(&self) -> Option<&[u8]> {
        self.frames_put.iter().find(|(frame, _)| *frame == 0).map(|(_, body)| &**body)
    }
}
