//! Verification: reads everything that is stored, and tells what is damaged.
//!
//! SQLite's own check knows pages and indexes; the stored forms carry checksums of their own; what they say must fit
//! together: histories without a gap, open executions that can go on, names that lead to their executions. Everything is
//! read as of one moment, so that it may be done beside a server that works.
//!
//! What it must not do: write. (SQLite may make an empty `-shm` file beside the database; it holds nothing.)
//!
//! Start reading at [`folder`], then `executions`.

mod executions;
mod registry;
mod source;

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::Connection;
use stepwell_store::Error;

use crate::read::Trouble;
use crate::wal;
pub(crate) use source::Source;

/// Damages that are told one by one; those after them are counted.
const TOLD_MAX: usize = 20;

/// Messages asked of SQLite's own check.
const MESSAGES_MAX: u32 = 100;

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Pages of the database: trees, indexes, free pages.
    Pages,
    /// Commits in the write-ahead log.
    Log,
    /// The installation's secret.
    Secret,
    /// Rows of executions.
    Executions,
    /// Chunks of history.
    Chunks,
    /// Events in them.
    Events,
    /// Executions that run.
    Open,
    /// Their frames.
    Frames,
    /// Their contents.
    Contents,
    /// Caller-chosen names.
    Names,
    /// Records of the registry.
    Records,
}

impl Kind {
    /// All of them, in the order in which they are told.
    pub const ALL: [Kind; 11] = [
        Kind::Pages,
        Kind::Log,
        Kind::Secret,
        Kind::Executions,
        Kind::Chunks,
        Kind::Events,
        Kind::Open,
        Kind::Frames,
        Kind::Contents,
        Kind::Names,
        Kind::Records,
    ];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Pages => "pages",
            Kind::Log => "commits in the log",
            Kind::Secret => "secret",
            Kind::Executions => "executions",
            Kind::Chunks => "chunks of history",
            Kind::Events => "events",
            Kind::Open => "open executions",
            Kind::Frames => "frames",
            Kind::Contents => "contents",
            Kind::Names => "names",
            Kind::Records => "records",
        }
    }
}

/// How many of a kind there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Looked at.
    pub seen: u64,
    /// Found damaged, among them or missing.
    pub damaged: u64,
}

/// One thing that is damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// What it is.
    pub kind: Kind,
    /// How many are.
    pub count: u64,
    /// Which one, and what was found.
    pub what: String,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    counts: BTreeMap<Kind, Count>,
    /// The first that were found, twenty at most.
    pub damages: Vec<Damage>,
}

impl Report {
    /// The count of a kind.
    pub fn count(&self, kind: Kind) -> Count {
        self.counts.get(&kind).copied().unwrap_or_default()
    }

    /// Damages in all.
    pub fn damaged(&self) -> u64 {
        self.counts.values().map(|count| count.damaged).sum()
    }

    /// Whether nothing is damaged.
    pub fn is_sound(&self) -> bool {
        self.damaged() == 0
    }

    /// How many are damaged besides the first.
    pub fn untold(&self) -> u64 {
        self.damaged().saturating_sub(self.damages.iter().map(|damage| damage.count).sum())
    }

    /// The first damages, one a line, and how many more there are.
    pub fn told(&self) -> String {
        let lines: Vec<&str> = self.damages.iter().map(|damage| damage.what.as_str()).collect();
        let more = self.untold();
        let rest = if more == 0 { String::new() } else { format!("\nand {more} more") };
        lines.join("\n") + &rest
    }

    fn seen(&mut self, kind: Kind, count: u64) {
        if count == 0 {
            return;
        }
        self.counts.entry(kind).or_default().seen += count;
    }

    fn damage(&mut self, kind: Kind, what: impl Into<String>) {
        self.lost(kind, 1, what);
    }

    fn lost(&mut self, kind: Kind, count: u64, what: impl Into<String>) {
        self.counts.entry(kind).or_default().damaged += count;
        if self.damages.len() < TOLD_MAX {
            self.damages.push(Damage { kind, count, what: what.into() });
        }
    }

    /// Notes what kept a table from being read to its end.
    fn ended(&mut self, table: &str, outcome: Result<(), Trouble>) {
        match outcome {
            Ok(()) => {}
            Err(Trouble::Sqlite(error)) => self.damage(Kind::Pages, format!("`{table}` cannot be read on: {error}")),
            Err(Trouble::Store(error)) => self.damage(Kind::Pages, format!("`{table}` cannot be read on: {error}")),
        }
    }
}

/// Verifies a data folder; a server may be at work in it. While it is being read, the server's log grows instead of being
/// copied into the database.
///
/// # Errors
/// When there is nothing to verify, or a newer version wrote it. Damage is no error: see the report.
pub fn folder(folder: &Path) -> Result<Report, Error> {
    let database = crate::folder::database_in(folder);
    let mut report = Report::default();
    log(&mut report, &database)?;
    walk(report, Source::live(&database)?)
}

/// Verifies a file that nobody writes to: a backup.
///
/// # Errors
/// As [`folder`].
pub fn file(file: &Path) -> Result<Report, Error> {
    walk(Report::default(), Source::at_rest(file)?)
}

fn log(report: &mut Report, database: &Path) -> Result<(), Error> {
    let findings = wal::examine_live(database)?;
    report.seen(Kind::Log, findings.sound_commits + findings.lost_commits);
    if let Some(why) = findings.damage() {
        report.lost(Kind::Log, findings.lost_commits, format!("{}: {why}", wal::path_of(database).display()));
    }
    Ok(())
}

fn walk(mut report: Report, source: Source) -> Result<Report, Error> {
    let connection = match source {
        Source::Readable(connection) => connection,
        Source::Unreadable(why) => {
            report.damage(Kind::Pages, why);
            return Ok(report);
        }
    };
    // One moment for everything that follows. An error shows again with the first read.
    let _ = connection.execute_batch("BEGIN");
    pages(&mut report, &connection);
    registry::secret(&mut report, &connection);
    let named = executions::check(&mut report, &connection);
    registry::names(&mut report, &connection, named);
    registry::records(&mut report, &connection);
    Ok(report)
}

/// SQLite's own check.
fn pages(report: &mut Report, connection: &Connection) {
    if let Ok(count) = connection.query_row("PRAGMA page_count", [], |row| row.get::<_, i64>(0)) {
        report.seen(Kind::Pages, count.unsigned_abs());
    }
    let outcome = (|| -> Result<(), Trouble> {
        let mut statement = connection.prepare(&format!("PRAGMA integrity_check({MESSAGES_MAX})"))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let message: String = row.get(0)?;
            if message != "ok" {
                report.damage(Kind::Pages, message);
            }
        }
        Ok(())
    })();
    report.ended("PRAGMA integrity_check", outcome);
}

/// The text of what went wrong with one row.
fn text(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Sqlite(error) => error.to_string(),
        Trouble::Store(error) => error.to_string(),
    }
}
