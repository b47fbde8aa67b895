//! The writing thread: takes everything that is queued, makes it durable with one transaction and one sync, calls back.
//!
//! A failed sync says nothing about what is on the disk, and asking again may answer "fine" although it is not. So an I/O
//! error of the write path ends the process; what was acknowledged is in the file. A full disk is no such error: SQLite
//! has undone the transaction, its groups fail, and the next ones may succeed.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};
use std::thread::JoinHandle;

use rusqlite::{Connection, ErrorCode};
use stepwell_store::{Committed, Error, WriteError};
use stepwell_value::Timestamp;

use crate::encode::Op;
use crate::read::Readers;
use crate::{apply, backend};

type Done = Box<dyn FnOnce(Committed) + Send>;

/// Groups that become durable together, at most: bounds the length of a transaction.
const GROUPS_MAX: usize = 4096;

/// Pages of the database in a MiB.
const PAGES_PER_MIB: i32 = 256;

/// What the writing thread does.
pub(crate) enum Job {
    /// Makes a group durable; one that could not be encoded is only answered, in its turn.
    Group { group: Result<Vec<Op>, Error>, done: Done },
    /// Removes what ended before a moment.
    Expire { closed_before: Timestamp, limit: usize, answer: SyncSender<Result<usize, Error>> },
    /// Does anything, for tests.
    #[cfg(test)]
    Run(Box<dyn FnOnce(&Connection) + Send>),
    /// Ends the thread.
    Close,
}

/// Counts for operators and tests.
#[derive(Default)]
pub(crate) struct Counters {
    commits: AtomicU64,
    wal_pages: AtomicI32,
}

impl Counters {
    /// Durable commits.
    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }
}

/// The error of everything after [`Job::Close`].
pub(crate) fn closed() -> Error {
    Error::Backend("the store is closed".to_owned())
}

/// Answers a job that nobody will do any more.
pub(crate) fn refuse(job: Job) {
    match job {
        Job::Group { done, .. } => done(Err(closed())),
        Job::Expire { answer, .. } => drop(answer.send(Err(closed()))),
        #[cfg(test)]
        Job::Run(_) => {}
        Job::Close => {}
    }
}

/// Starts the thread.
///
/// # Errors
/// When there is no thread to be had, or SQLite refuses the hook.
pub(crate) fn spawn(
    mut connection: Connection,
    queue: Receiver<Job>,
    counters: Arc<Counters>,
    readers: Arc<Readers>,
    checkpoint_mib: u32,
) -> Result<JoinHandle<()>, Error> {
    let path = readers.path().to_owned();
    let pages = counters.clone();
    let hook = move |_: &mut rusqlite::hooks::Wal, count| {
        pages.wal_pages.store(count, Ordering::Relaxed);
        Ok(())
    };
    connection.wal_hook(Some(hook)).map_err(|error| backend(&path, &error))?;
    let checkpoint_pages = i32::try_from(checkpoint_mib).unwrap_or(i32::MAX).saturating_mul(PAGES_PER_MIB).max(1);
    let place = path.display().to_string();
    let writer = Writer { connection, path, counters, readers, checkpoint_pages, checkpoint_at: checkpoint_pages };
    std::thread::Builder::new()
        .name("store".to_owned())
        .spawn(move || writer.run(&queue))
        .map_err(|error| Error::Backend(format!("{place}: no thread to write with: {error}")))
}

struct Writer {
    connection: Connection,
    path: PathBuf,
    counters: Arc<Counters>,
    readers: Arc<Readers>,
    /// The length of the WAL from which on it is copied, pages.
    checkpoint_pages: i32,
    /// The same, later while a reader holds an old page.
    checkpoint_at: i32,
}

impl Writer {
    fn run(mut self, queue: &Receiver<Job>) {
        let mut batch = Vec::new();
        while let Ok(job) = queue.recv() {
            let mut next = Some(job);
            while let Some(Job::Group { group, done }) = next.take_if(|job| matches!(job, Job::Group { .. })) {
                batch.push((group, done));
                next = if batch.len() < GROUPS_MAX { queue.try_recv().ok() } else { None };
            }
            self.commit(&mut batch);
            match next {
                Some(Job::Close) => break,
                Some(job) => self.other(job),
                None => {}
            }
            self.checkpoint_when_long();
        }
        self.close();
    }

    fn other(&mut self, job: Job) {
        match job {
            Job::Expire { closed_before, limit, answer } => {
                let outcome = self.transaction(|connection| crate::expire::expire(connection, closed_before, limit));
                // Nobody listens any more: the caller's thread is gone.
                let _ = answer.send(outcome);
            }
            #[cfg(test)]
            Job::Run(run) => run(&self.connection),
            Job::Group { .. } | Job::Close => {}
        }
    }

    /// Makes all groups durable at once, then calls them back in their order.
    fn commit(&mut self, batch: &mut Vec<(Result<Vec<Op>, Error>, Done)>) {
        if batch.is_empty() {
            return;
        }
        let outcome: Result<Vec<_>, Error> = if batch.iter().all(|(group, _)| group.is_err()) {
            Ok(batch.iter().map(|_| Vec::new()).collect())
        } else {
            self.transaction(|connection| batch.iter().map(|(group, _)| apply_group(connection, group)).collect())
        };
        match outcome {
            Ok(outcomes) => {
                for ((group, done), outcome) in batch.drain(..).zip(outcomes) {
                    call(done, group.map(|_| outcome));
                }
            }
            Err(error) => {
                let text = error.to_string();
                batch.drain(..).for_each(|(_, done)| call(done, Err(Error::Backend(text.clone()))));
            }
        }
    }

    /// Runs something in a transaction and makes it durable, or undoes it.
    fn transaction<T>(&self, run: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        let connection = &self.connection;
        let begin = || connection.prepare_cached("BEGIN IMMEDIATE")?.execute([]);
        let commit = || connection.prepare_cached("COMMIT")?.execute([]);
        let outcome = begin().and_then(|_| run(connection)).and_then(|value| commit().map(|_| value));
        match outcome {
            Ok(value) => {
                self.counters.commits.fetch_add(1, Ordering::Relaxed);
                Ok(value)
            }
            Err(error) => {
                self.abort_when_unsafe("writing to", &error);
                // After some errors SQLite has rolled back by itself.
                if !connection.is_autocommit()
                    && let Err(again) = connection.execute_batch("ROLLBACK")
                {
                    self.abort("undoing a transaction of", &again);
                }
                Err(self.explain(&error))
            }
        }
    }

    fn explain(&self, error: &rusqlite::Error) -> Error {
        match severity(error) {
            Severity::DiskFull => Error::Backend(format!(
                "no space left on the disk of {}; writing goes on when there is space again",
                self.path.display()
            )),
            _ => backend(&self.path, error),
        }
    }

    /// Copies the WAL into the database when it is long. Not when a reader holds an old page: then some pages later.
    fn checkpoint_when_long(&mut self) {
        let pages = self.counters.wal_pages.load(Ordering::Relaxed);
        if pages < self.checkpoint_at {
            return;
        }
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i32>(1)?, row.get::<_, i32>(2)?));
        match self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], read) {
            Ok((log, copied)) if log == copied => {
                self.checkpoint_at = self.checkpoint_pages;
                self.counters.wal_pages.store(0, Ordering::Relaxed);
            }
            Ok(_) => self.checkpoint_at = pages.saturating_add(self.checkpoint_pages / 4 + 1),
            Err(error) => {
                self.abort_when_unsafe("copying the write-ahead log of", &error);
                self.checkpoint_at = pages.saturating_add(self.checkpoint_pages / 4 + 1);
            }
        }
    }

    /// The WAL is copied and emptied, so that the folder can be copied as it is.
    fn close(self) {
        self.readers.close();
        let done = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        if let Err(error) = done {
            self.abort_when_unsafe("copying the write-ahead log of", &error);
            eprintln!("stepwell: {}: the write-ahead log stays: {error}", self.path.display());
        }
        let path = self.path.clone();
        if let Err((_, error)) = self.connection.close() {
            eprintln!("stepwell: {}: {error}", path.display());
        }
    }

    fn abort_when_unsafe(&self, what: &str, error: &rusqlite::Error) {
        if severity(error) == Severity::Unsafe {
            self.abort(what, error);
        }
    }

    fn abort(&self, what: &str, error: &rusqlite::Error) -> ! {
        eprintln!(
            "stepwell: {what} {} failed: {error}. What is on the disk is unknown, so the process ends here; everything \
             acknowledged is in the file. Look after the disk, then start again.",
            self.path.display()
        );
        std::process::abort();
    }
}

/// Calls back. A caller that panics (and has been reported by that) must not stop the others.
fn call(done: Done, outcome: Committed) {
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || done(outcome)));
}

fn apply_group(
    connection: &Connection,
    group: &Result<Vec<Op>, Error>,
) -> rusqlite::Result<Vec<Result<(), WriteError>>> {
    let ops = group.as_deref().unwrap_or_default();
    ops.iter().map(|op| apply::apply(connection, op)).collect()
}

/// What an error of the write path means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Severity {
    /// The transaction is undone; the store goes on.
    Undone,
    /// The same, for want of space.
    DiskFull,
    /// What is on the disk is unknown.
    Unsafe,
}

/// A write that finds the disk full is SQLITE_FULL; so is, in effect, failing to lengthen the shared memory, which holds
/// nothing durable. Every other I/O error is unsafe.
fn severity(error: &rusqlite::Error) -> Severity {
    let Some(failure) = error.sqlite_error() else { return Severity::Undone };
    match (failure.code, failure.extended_code) {
        (ErrorCode::DiskFull, _) | (_, rusqlite::ffi::SQLITE_IOERR_SHMSIZE) => Severity::DiskFull,
        (ErrorCode::SystemIoFailure, _) => Severity::Unsafe,
        _ => Severity::Undone,
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::{Severity, severity};

    #[test]
    fn only_a_full_disk_is_no_reason_to_end() {
        let rows = [
            (ffi::SQLITE_FULL, Severity::DiskFull),
            (ffi::SQLITE_IOERR_SHMSIZE, Severity::DiskFull),
            (ffi::SQLITE_IOERR_FSYNC, Severity::Unsafe),
            (ffi::SQLITE_IOERR_DIR_FSYNC, Severity::Unsafe),
            (ffi::SQLITE_IOERR_WRITE, Severity::Unsafe),
            (ffi::SQLITE_IOERR_TRUNCATE, Severity::Unsafe),
            (ffi::SQLITE_CORRUPT, Severity::Undone),
            (ffi::SQLITE_BUSY, Severity::Undone),
        ];
        for (code, expected) in rows {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            assert_eq!(severity(&error), expected, "{code}");
        }
        assert_eq!(severity(&rusqlite::Error::QueryReturnedNoRows), Severity::Undone);
    }
}
