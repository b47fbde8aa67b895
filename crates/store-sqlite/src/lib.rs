//! The embedded store: one SQLite file in a data folder.
//!
//! Writes go to one thread, which makes everything that is queued durable with one transaction and one sync (group
//! commit) and then calls the callers back. Reads run on the callers' threads, on read-only connections. Stored forms are
//! encoded on the callers' threads too, so that the writer only moves bytes.
//!
//! What it must not do: guess after a failed sync. A write error other than a full disk aborts the process; what was
//! acknowledged is in the file, and the next start recovers from it.
//!
//! Start reading at [`SqliteStore`], then `schema` (the tables), `writer` (the thread), `apply` (what a write does); then
//! [`backup`] and [`verify`].

mod apply;
pub mod backup;
mod encode;
mod expire;
mod folder;
mod listing;
mod read;
mod schema;
pub mod verify;
mod wal;
mod writer;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use stepwell_interpreter::{EventId, HistoryEvent};
use stepwell_store::{
    Committed, Described, Error, ExecutionFilter, ExecutionKey, ExecutionRecord, MachineKey, OpenPage, Place, Record,
    RecordKind, Store, StoredExecution, Which, Write,
};
use stepwell_value::Timestamp;

use crate::folder::Folder;
use crate::read::Readers;
use crate::writer::{Counters, Job};

/// How to open a store.
#[derive(Clone, Debug)]
pub struct Options {
    /// The data folder; made when it does not exist.
    pub folder: PathBuf,
    /// Start even though the write-ahead log is damaged before its end, and lose every commit after the damage. A copy of
    /// the log is kept beside it.
    pub accept_wal_truncation: bool,
    /// Cache of the writing connection, MiB; 64 by default. Each reading connection has an eighth of it.
    pub cache_mib: u32,
    /// The length of the write-ahead log from which on it is copied into the database, MiB; 16 by default.
    pub checkpoint_mib: u32,
}

impl Options {
    /// The defaults for this folder.
    pub fn new(folder: impl Into<PathBuf>) -> Options {
        Options { folder: folder.into(), accept_wal_truncation: false, cache_mib: 64, checkpoint_mib: 16 }
    }
}

/// A store in a data folder: `stepwell.db` with its `-wal` and `-shm`, and `stepwell.lock`. One process at a time.
///
/// The `done` of [`Store::commit`] runs on the writing thread: it must be short, and it must not call
/// [`Store::expire`] or [`Store::close`], which wait for that thread. It may commit again and read.
pub struct SqliteStore {
    jobs: Sender<Job>,
    counters: Arc<Counters>,
    readers: Arc<Readers>,
    writer: Mutex<Option<JoinHandle<()>>>,
    secret: [u8; 32],
    folder: Folder,
}

impl SqliteStore {
    /// Opens the store in a folder, and makes it when there is none.
    ///
    /// # Errors
    /// [`Error::Locked`] when another process has the folder, [`Error::TooNew`] when a newer version wrote it,
    /// [`Error::Damaged`] when the write-ahead log is damaged before its end, [`Error::Backend`] when the folder cannot be
    /// written or SQLite fails.
    pub fn open(options: &Options) -> Result<SqliteStore, Error> {
        let folder = Folder::lock(&options.folder)?;
        folder.refuse_unfinished_restore()?;
        let path = folder.database();
        let log = wal::examine_file(&path)?;
        let cut_off = options.accept_wal_truncation && wal::set_aside(&path, &log)?;
        if !cut_off {
            wal::refuse_damage(&path, &log)?;
        }
        wal::make_durable(&path, &log)?;
        let connection = schema::open(&path, options)?;
        if cut_off {
            schema::empty_log(&connection).map_err(|error| backend(&path, &error))?;
        }
        let secret = schema::secret(&connection)?;
        let counters = Arc::new(Counters::default());
        let (jobs, queue) = mpsc::channel();
        let readers = Arc::new(Readers::new(path, options.cache_mib / 8));
        let writer = writer::spawn(connection, queue, counters.clone(), readers.clone(), options.checkpoint_mib)?;
        Ok(SqliteStore { jobs, counters, readers, writer: Mutex::new(Some(writer)), secret, folder })
    }

    /// 32 random bytes made when the folder was made: the key of everything this installation signs for itself.
    pub fn secret(&self) -> [u8; 32] {
        self.secret
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        self.readers.path()
    }

    fn send(&self, job: Job) {
        // A job that comes back was sent after the store was closed.
        if let Err(mpsc::SendError(job)) = self.jobs.send(job) {
            writer::refuse(job);
        }
    }
}

impl Store for SqliteStore {
    fn commit(&self, group: &[Write], done: Box<dyn FnOnce(Committed) + Send>) {
        self.send(Job::Group { group: encode::group(group), done });
    }

    fn load(&self, key: ExecutionKey) -> Result<Option<StoredExecution>, Error> {
        self.readers.with(|connection| read::load(connection, key))
    }

    fn open_executions(&self, after: Option<ExecutionKey>, limit: usize) -> Result<OpenPage, Error> {
        self.readers.with(|connection| read::open_executions(connection, after, limit))
    }

    fn last_key(&self) -> Result<ExecutionKey, Error> {
        self.readers.with(read::last_key)
    }

    fn execution(&self, key: ExecutionKey) -> Result<Option<ExecutionRecord>, Error> {
        self.readers.with(|connection| read::execution(connection, key))
    }

    fn execution_named(&self, machine: MachineKey, name: &str) -> Result<Option<ExecutionKey>, Error> {
        self.readers.with(|connection| read::execution_named(connection, machine, name))
    }

    fn described(&self, which: Which<'_>) -> Result<Option<Described>, Error> {
        self.readers.with(|connection| read::described(connection, which))
    }

    fn history(
        &self,
        key: ExecutionKey,
        from: EventId,
        reverse: bool,
        limit: usize,
    ) -> Result<Vec<HistoryEvent>, Error> {
        self.readers.with(|connection| read::history(connection, key, from, reverse, limit))
    }

    fn executions(
        &self,
        filter: &ExecutionFilter,
        before: Option<Place>,
        limit: usize,
    ) -> Result<Vec<ExecutionRecord>, Error> {
        self.readers.with(|connection| listing::executions(connection, filter, before, limit))
    }

    fn record(&self, kind: RecordKind, scope: &str, name: &str) -> Result<Option<Record>, Error> {
        self.readers.with(|connection| read::record(connection, kind, scope, name))
    }

    fn records(
        &self,
        kind: RecordKind,
        scope: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Record>, Error> {
        self.readers.with(|connection| read::records(connection, kind, scope, prefix, after, limit))
    }

    fn expire(&self, closed_before: Timestamp, limit: usize) -> Result<usize, Error> {
        let (answer, outcome) = mpsc::sync_channel(1);
        self.send(Job::Expire { closed_before, limit, answer });
        outcome.recv().unwrap_or_else(|_| Err(writer::closed()))
    }

    fn commits(&self) -> u64 {
        self.counters.commits()
    }

    fn close(&self) {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(writer) = writer else { return };
        self.send(Job::Close);
        if writer.join().is_err() {
            eprintln!("stepwell: the writing thread of {} ended with a panic", self.path().display());
        }
        self.folder.unlock();
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.close();
    }
}

/// An error of SQLite as the store's.
fn backend(path: &Path, error: &rusqlite::Error) -> Error {
    Error::Backend(format!("{}: {error}", path.display()))
}
