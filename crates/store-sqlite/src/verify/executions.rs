//! Executions: each row with its history and, while it runs, what it needs to go on.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, Row, params};
use stepwell_interpreter::{EventId, EventType, Frame, HistoryEvent, Source, Status};
use stepwell_store::format;
use stepwell_store::{ExecutionRecord, RecordKind, held};
use stepwell_value::Timestamp;

use super::{Kind, Report, text};
use crate::read::{self, Answer, Trouble};

/// Tables whose rows belong to an execution: the kind, the table, and the table that must have its key.
const OWNED: [(Kind, &str, &str); 4] = [
    (Kind::Chunks, "history", "executions"),
    (Kind::Open, "open", "executions"),
    (Kind::Frames, "frames", "open"),
    (Kind::Contents, "contents", "open"),
];

/// Checks all; gives the number of entries that the index of names must have.
pub(super) fn check(report: &mut Report, connection: &Connection) -> u64 {
    let mut check = Check { report, connection, named: 0, revisions: BTreeSet::new() };
    let outcome = check.all();
    let named = check.named;
    report.ended("executions", outcome);
    for (kind, table, owner) in OWNED {
        let outcome = ownerless(report, connection, kind, table, owner);
        report.ended(table, outcome);
    }
    named
}

fn ownerless(
    report: &mut Report,
    connection: &Connection,
    kind: Kind,
    table: &str,
    owner: &str,
) -> Result<(), Trouble> {
    let sql = format!(
        "SELECT count(*), min(key) FROM {table} AS t WHERE NOT EXISTS (SELECT 1 FROM {owner} AS o WHERE o.key = t.key)"
    );
    let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?));
    let (count, first) = connection.query_row(&sql, [], read)?;
    if let Some(first) = first {
        let what = format!("{count} rows of `{table}` belong to nothing in `{owner}`, the first to execution {first}");
        report.lost(kind, count.unsigned_abs(), what);
    }
    Ok(())
}

struct Check<'a> {
    report: &'a mut Report,
    connection: &'a Connection,
    /// Executions with a caller-chosen name.
    named: u64,
    /// Revisions that are there, by their records' scope and name.
    revisions: BTreeSet<(String, String)>,
}

/// What an execution that runs needs.
struct Needs {
    next_event: EventId,
    payloads: BTreeSet<Source>,
}

/// What a history turned out to be.
#[derive(Default)]
struct Walked {
    /// The id that follows its last event.
    next: EventId,
    /// A chunk could not be read, so that nothing can be said about what is missing.
    damaged: bool,
    last: Option<(EventType, Timestamp)>,
    payloads: BTreeSet<Source>,
}

impl Check<'_> {
    fn all(&mut self) -> Answer<()> {
        let connection = self.connection;
        let mut statement = connection.prepare(read::EVERY_EXECUTION)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let key: i64 = row.get(0)?;
            self.report.seen(Kind::Executions, 1);
            let outcome = self.one(key, row);
            if let Err(trouble) = outcome {
                self.damage(Kind::Executions, key, &text(&trouble));
            }
        }
        Ok(())
    }

    fn damage(&mut self, kind: Kind, key: i64, what: &str) {
        self.report.damage(kind, format!("execution {key}: {what}"));
    }

    fn one(&mut self, key: i64, row: &Row<'_>) -> Answer<()> {
        let record = match read::execution_row(row) {
            Ok(record) => Some(record),
            Err(Trouble::Store(error)) => {
                self.report.damage(Kind::Executions, error.to_string()); // it says whose
                None
            }
            Err(Trouble::Sqlite(error)) => {
                self.damage(Kind::Executions, key, &error.to_string());
                None
            }
        };
        let needs = match row.get::<_, Option<i64>>(9)? {
            Some(next_event) => Some(self.open(key, next_event, row, record.as_ref())?),
            None => None,
        };
        let walked = self.history(key, needs.as_ref())?;
        self.compare(key, record.as_ref(), needs.as_ref(), &walked);
        if let Some(record) = &record {
            self.name(key, record)?;
        }
        Ok(())
    }

    /// Checks the frames and contents of an execution that runs.
    fn open(&mut self, key: i64, next_event: i64, row: &Row<'_>, record: Option<&ExecutionRecord>) -> Answer<Needs> {
        self.report.seen(Kind::Open, 1);
        let (next_frame, next_content): (u32, u32) = (row.get(10)?, row.get(11)?);
        let frames = self.frames(key, row, next_frame)?;
        let mut payloads = held::sources(frames.values());
        let contents = self.contents(key, next_content)?;
        for number in payloads.iter().filter_map(content_number).filter(|number| !contents.contains(number)) {
            let what = format!("execution {key}: content {number}, which a frame holds, is not stored");
            self.report.damage(Kind::Contents, what);
        }
        payloads.retain(|source| content_number(source).is_none());
        payloads.insert(Source::EventInput(1));
        if let Some(record) = record {
            self.revision(key, record)?;
        }
        Ok(Needs { next_event: next_event.cast_unsigned(), payloads })
    }

    fn frames(&mut self, key: i64, row: &Row<'_>, next_frame: u32) -> Answer<BTreeMap<u32, Frame>> {
        const SQL: &str = "SELECT frame, body FROM frames WHERE key = ?1";
        let mut found = BTreeMap::new();
        match row.get_ref(12)?.as_blob_or_null().map_err(rusqlite::Error::from)? {
            Some(top) => self.frame(key, 0, top, &mut found),
            None => self.damage(Kind::Frames, key, "it runs, but its top frame is not stored"),
        }
        let mut statement = self.connection.prepare_cached(SQL)?;
        let mut rows = statement.query([key])?;
        while let Some(row) = rows.next()? {
            let body = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
            self.frame(key, row.get(0)?, body, &mut found);
        }
        for (id, frame) in &found {
            if *id >= next_frame {
                self.damage(Kind::Frames, key, &format!("it has frame {id}, but {next_frame} is its next one"));
            }
            if let Some((parent, _)) = frame.parent.filter(|(parent, _)| !found.contains_key(&parent.0)) {
                self.damage(Kind::Frames, key, &format!("frame {}, the parent of frame {id}, is not stored", parent.0));
            }
        }
        Ok(found)
    }

    fn frame(&mut self, key: i64, id: u32, body: &[u8], found: &mut BTreeMap<u32, Frame>) {
        self.report.seen(Kind::Frames, 1);
        match format::decode_frame(body) {
            Ok(frame) if frame.id.0 == id => drop(found.insert(id, frame)),
            Ok(frame) => self.damage(Kind::Frames, key, &format!("frame {id} says that it is frame {}", frame.id.0)),
            Err(error) => self.damage(Kind::Frames, key, &format!("frame {id}: {error}")),
        }
    }

    /// The numbers of the contents that can be read; one that cannot be is told here and not missed again.
    fn contents(&mut self, key: i64, next_content: u32) -> Answer<BTreeSet<u32>> {
        const SQL: &str = "SELECT number, body FROM contents WHERE key = ?1";
        let mut found = BTreeSet::new();
        let mut statement = self.connection.prepare_cached(SQL)?;
        let mut rows = statement.query([key])?;
        while let Some(row) = rows.next()? {
            let number: u32 = row.get(0)?;
            self.report.seen(Kind::Contents, 1);
            found.insert(number);
            if number >= next_content {
                let what = format!("it has content {number}, but {next_content} is its next one");
                self.damage(Kind::Contents, key, &what);
            }
            if let Err(error) = format::decode_content(row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?) {
                self.damage(Kind::Contents, key, &format!("content {number}: {error}"));
            }
        }
        Ok(found)
    }

    /// The revision that an execution runs must be there, or it cannot go on.
    fn revision(&mut self, key: i64, record: &ExecutionRecord) -> Answer<()> {
        const SQL: &str = "SELECT count(*) FROM records WHERE kind = ?1 AND scope = ?2 AND name = ?3";
        let mut parts = record.identity.state_machine_arn.split(':').skip(3);
        let (region, account) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let place = (format!("{account}:{region}"), format!("{:016x}/{}", record.machine.0, record.revision_id));
        if self.revisions.contains(&place) {
            return Ok(());
        }
        let kind = format::kind_number(RecordKind::Revision);
        let found: i64 =
            self.connection.prepare_cached(SQL)?.query_row(params![kind, place.0, place.1], |row| row.get(0))?;
        if found == 0 {
            let arn = &record.identity.state_machine_arn;
            self.damage(Kind::Open, key, &format!("the revision {} of {arn} that it runs is not stored", place.1));
        } else {
            self.revisions.insert(place);
        }
        Ok(())
    }

    fn history(&mut self, key: i64, needs: Option<&Needs>) -> Answer<Walked> {
        const SQL: &str = "SELECT first, chunk FROM history WHERE key = ?1 ORDER BY first";
        let mut walked = Walked { next: 1, ..Walked::default() };
        let mut statement = self.connection.prepare_cached(SQL)?;
        let mut rows = statement.query([key])?;
        while let Some(row) = rows.next()? {
            let first = row.get::<_, i64>(0)?.cast_unsigned();
            self.report.seen(Kind::Chunks, 1);
            match format::decode_chunk(row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?) {
                Ok(events) => self.chunk(key, first, &events, needs, &mut walked),
                Err(error) => {
                    self.damage(Kind::Chunks, key, &format!("the chunk from event {first} on: {error}"));
                    walked.damaged = true;
                }
            }
        }
        Ok(walked)
    }

    fn chunk(&mut self, key: i64, first: EventId, events: &[HistoryEvent], needs: Option<&Needs>, walked: &mut Walked) {
        self.report.seen(Kind::Events, events.len() as u64);
        let own = events.first().map_or(0, |event| event.id);
        if own != first {
            self.damage(Kind::Chunks, key, &format!("the chunk from event {first} on begins with event {own}"));
            walked.damaged = true;
        } else if first != walked.next && !walked.damaged {
            let what = format!("event {first} follows event {}", walked.next.saturating_sub(1));
            self.damage(Kind::Events, key, &what);
        }
        for event in events {
            if event.previous >= event.id {
                self.damage(Kind::Events, key, &format!("event {} says that it follows {}", event.id, event.previous));
            }
            if let Some(needs) = needs {
                let sources = [Source::EventInput(event.id), Source::EventOutput(event.id)];
                let wanted = sources.into_iter().filter(|source| needs.payloads.contains(source));
                walked.payloads.extend(wanted.filter(|source| held::payload_of(event, *source).is_some()));
            }
            walked.next = event.id.saturating_add(1);
            walked.last = Some((event.event_type, event.at));
        }
    }

    /// Compares the row with what is stored beside it.
    fn compare(&mut self, key: i64, record: Option<&ExecutionRecord>, needs: Option<&Needs>, walked: &Walked) {
        if let Some(needs) = needs.filter(|_| !walked.damaged) {
            for source in needs.payloads.difference(&walked.payloads) {
                self.damage(Kind::Open, key, &format!("{source:?}, which it needs to go on, is not in its history"));
            }
        }
        let next = needs.map(|needs| needs.next_event).or(record.map(|record| record.last_event + 1));
        if let Some(next) = next.filter(|next| *next != walked.next && !walked.damaged) {
            let (ends, expected) = (walked.next.saturating_sub(1), next.saturating_sub(1));
            self.damage(Kind::Events, key, &format!("its history ends with event {ends} instead of {expected}"));
        }
        let Some(record) = record else { return };
        let runs = needs.is_some();
        if runs != (record.status == Status::Running) || runs != record.stopped.is_none() {
            let but = if runs { "it is open" } else { "there is nothing of it to go on with" };
            let what = format!("its row says {}, stopped {:?}, but {but}", record.status.name(), record.stopped);
            self.damage(Kind::Executions, key, &what);
        } else if !runs
            && let Some((last, at)) = walked.last.filter(|_| !walked.damaged)
            && ending(record.status).is_some_and(|expected| expected != last || record.stopped != Some(at))
        {
            let what = format!("it is {}, but its history ends with {last:?}", record.status.name());
            self.damage(Kind::Events, key, &what);
        }
    }

    fn name(&mut self, key: i64, record: &ExecutionRecord) -> Answer<()> {
        const SQL: &str = "SELECT count(*) FROM names WHERE hash = ?1 AND key = ?2";
        if record.generated_name {
            return Ok(());
        }
        self.named += 1;
        self.report.seen(Kind::Names, 1);
        let hash = format::name_hash(record.machine, &record.identity.name);
        let found: i64 = self.connection.prepare_cached(SQL)?.query_row([hash, key], |row| row.get(0))?;
        if found == 0 {
            let name = &record.identity.name;
            self.damage(Kind::Names, key, &format!("its name `{name}` is not in the index of names"));
        }
        Ok(())
    }
}

/// The event that an execution of this status ends with.
fn ending(status: Status) -> Option<EventType> {
    Some(match status {
        Status::Succeeded => EventType::ExecutionSucceeded,
        Status::Failed => EventType::ExecutionFailed,
        Status::TimedOut => EventType::ExecutionTimedOut,
        Status::Aborted => EventType::ExecutionAborted,
        Status::Running | Status::PendingRedrive => return None,
    })
}

fn content_number(source: &Source) -> Option<u32> {
    match source {
        Source::Content(number) => Some(*number),
        Source::EventInput(_) | Source::EventOutput(_) => None,
    }
}
