//! What a store is: trait [`Store`] in terms of Transitions, the records it keeps, the stored formats, the contract every
//! backend is tested against, and the in-memory backend.
//!
//! What it must not do: know SQL, threads of the engine, or AWS's wire shapes.
//!
//! Start reading at [`Store`], then [`record`], then [`format`](mod@format).

#[cfg(any(test, feature = "contract"))]
pub mod contract;
pub mod format;
pub mod held;
pub mod memory;
pub mod merge;
pub mod record;
pub mod role;
#[cfg(any(test, feature = "contract"))]
pub mod sample;

use stepwell_interpreter::{EventId, HistoryEvent, Status};
use stepwell_value::Timestamp;

pub use memory::MemoryStore;
pub use record::{
    ActivityRecord, AliasRecord, ExecutionKey, ExecutionRecord, ExecutionWrite, ForkedFrom, MachineKey, MachineRecord,
    Place, Record, RecordKind, RevisionRecord, StoredExecution, VersionRecord,
};
pub use role::RoleRecord;

/// An error of the store: an operator's matter, never a workflow's.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The backend failed (disk full, file corrupt, connection lost).
    #[error("{0}")]
    Backend(String),
    /// The data was written by a newer version.
    #[error(
        "{place} was written by a newer version of Stepwell (format {found}, this one reads up to {known}); use that version or an export"
    )]
    TooNew {
        /// What is too new.
        place: String,
        /// Its format.
        found: u32,
        /// The newest format this version reads.
        known: u32,
    },
    /// Another process has the data.
    #[error("{place} is in use by another process; stop it, or choose another data folder")]
    Locked {
        /// The file or folder.
        place: String,
    },
    /// Stored bytes do not decode.
    #[error("{what} is damaged: {why}")]
    Damaged {
        /// Which record.
        what: String,
        /// What was found.
        why: String,
    },
}

impl Error {
    /// Whether the data is at fault, so that asking again does not help; all else may pass.
    pub fn lasts(&self) -> bool {
        matches!(self, Error::Damaged { .. } | Error::TooNew { .. })
    }

    /// The same error, saying whose data it is about: `a frame of execution 17 is damaged: …`.
    #[must_use]
    pub fn of(self, owner: &str) -> Error {
        match self {
            Error::Damaged { what, why } => Error::Damaged { what: format!("{what} of {owner}"), why },
            Error::TooNew { place, found, known } => {
                Error::TooNew { place: format!("{place} of {owner}"), found, known }
            }
            other => other,
        }
    }
}

/// One atomic write. A group of writes is one durable commit; each is applied or refused by itself.
#[derive(Clone, Debug)]
pub enum Write {
    /// A new execution with its first Transition.
    Start {
        /// The row.
        record: Box<ExecutionRecord>,
        /// What its first step did.
        write: Box<ExecutionWrite>,
    },
    /// A further Transition of an execution. A closed execution is opened again by a write whose `redrive_count` is
    /// greater than the stored one's; any other write to it is a [`WriteError::Conflict`].
    Advance(Box<ExecutionWrite>),
    /// Makes or replaces a record of the registry.
    Put(Box<Record>),
    /// Removes a record of the registry; one that does not exist is no error.
    Remove {
        /// Its kind.
        kind: RecordKind,
        /// `ACCOUNT:REGION`
        scope: String,
        /// Its name in the scope.
        name: String,
    },
}

impl Write {
    /// Refuses a write whose numbers do not fit together; see [`ExecutionWrite::check`]. Backends call it before they
    /// queue a group.
    ///
    /// # Errors
    /// [`Error::Backend`] with what is wrong.
    pub fn check(&self) -> Result<(), Error> {
        match self {
            Write::Start { record, write } if record.key != write.key || write.expected_next_event != 1 => {
                Err(Error::Backend(format!(
                    "bug: execution {} starts with a write to execution {} at event {}",
                    record.key.0, write.key.0, write.expected_next_event
                )))
            }
            Write::Start { write, .. } | Write::Advance(write) => write.check(),
            Write::Put(_) | Write::Remove { .. } => Ok(()),
        }
    }
}

/// Why one write of a group was refused; the others are not affected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// An execution of this machine and name exists.
    NameTaken {
        /// The one that has the name.
        existing: ExecutionKey,
    },
    /// The execution is not where the writer thought it was (`expected_next_event`), or does not exist.
    Conflict {
        /// The next event the store would take; 0 when the execution does not exist or is closed.
        next_event: EventId,
    },
}

/// The outcome of a group, in the order of its writes. An `Err` of the whole group means that nothing may be assumed.
pub type Committed = Result<Vec<Result<(), WriteError>>, Error>;

/// Which executions to list.
#[derive(Clone, Debug)]
pub struct ExecutionFilter {
    /// Of this machine.
    pub machine: MachineKey,
    /// Only in this status.
    pub status: Option<Status>,
    /// Only those started after being redriven at least once (`Some(true)`) or never (`Some(false)`).
    pub redriven: Option<bool>,
    /// Only those started through this version or alias ARN.
    pub qualifier_arn: Option<String>,
}

impl ExecutionFilter {
    /// Whether the execution is to be listed.
    pub fn matches(&self, record: &ExecutionRecord) -> bool {
        let identity = &record.identity;
        self.machine == record.machine
            && self.status.is_none_or(|status| status == record.status)
            && self.redriven.is_none_or(|redriven| redriven == (record.redrive_count > 0))
            && self.qualifier_arn.as_deref().is_none_or(|arn| {
                identity.version_arn.as_deref() == Some(arn) || identity.alias_arn.as_deref() == Some(arn)
            })
    }
}

/// Names an execution.
#[derive(Clone, Copy, Debug)]
pub enum Which<'a> {
    /// By its number.
    Key(ExecutionKey),
    /// By its machine and the name a caller chose.
    Named(MachineKey, &'a str),
}

/// What describing an execution takes.
#[derive(Clone, Debug)]
pub struct Described {
    /// The row.
    pub record: ExecutionRecord,
    /// The first event; none as long as no step is stored.
    pub began: Option<HistoryEvent>,
    /// The last event of a closed execution.
    pub ended: Option<HistoryEvent>,
}

/// A page of the executions that run.
#[derive(Debug, Default)]
pub struct OpenPage {
    /// Those that can be read, in the order of their keys: heads only.
    pub executions: Vec<StoredExecution>,
    /// Those of which something is damaged, in the order of their keys.
    pub damaged: Vec<(ExecutionKey, Error)>,
    /// The greatest key of the page: the next one begins after it. None when there are no more.
    pub last: Option<ExecutionKey>,
}

impl OpenPage {
    /// Puts in the next execution.
    ///
    /// # Errors
    /// When it cannot be read for another reason than damage of its own.
    pub fn push(&mut self, key: ExecutionKey, read: Result<StoredExecution, Error>) -> Result<(), Error> {
        self.last = Some(key);
        match read {
            Ok(execution) => self.executions.push(execution),
            Err(error @ Error::Damaged { .. }) => self.damaged.push((key, error)),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// How many executions it tells of.
    pub fn count(&self) -> usize {
        self.executions.len() + self.damaged.len()
    }
}

/// Durable storage. Reads see only what is committed. All calls may block; `commit` only until the group is queued.
pub trait Store: Send + Sync + 'static {
    /// Queues a group of writes. `done` is called once, from a thread of the store, after the group is durable (or has
    /// failed). Groups become durable in the order they were queued; a read that begins after `done` sees them.
    fn commit(&self, group: &[Write], done: Box<dyn FnOnce(Committed) + Send>);

    /// Everything needed to go on with an open execution; `None` when it does not exist or is closed.
    ///
    /// # Errors
    /// When the backend fails or a record is damaged.
    fn load(&self, key: ExecutionKey) -> Result<Option<StoredExecution>, Error>;

    /// Open executions in the order of their keys, after `after`, at most `limit`: recovery reads them in pages. One that is
    /// damaged is told apart, so that the others can go on.
    ///
    /// # Errors
    /// When the backend fails, or a record was written by a newer version.
    fn open_executions(&self, after: Option<ExecutionKey>, limit: usize) -> Result<OpenPage, Error>;

    /// The greatest key ever used, by an execution or as a [`MachineKey`] of a record: both are drawn from one sequence, and
    /// none is ever given out again. 0 when there is none.
    ///
    /// # Errors
    /// When the backend fails.
    fn last_key(&self) -> Result<ExecutionKey, Error>;

    /// The row of an execution, open or closed.
    ///
    /// # Errors
    /// When the backend fails or a record is damaged.
    fn execution(&self, key: ExecutionKey) -> Result<Option<ExecutionRecord>, Error>;

    /// The newest execution of this machine that has this caller-chosen name.
    ///
    /// # Errors
    /// When the backend fails.
    fn execution_named(&self, machine: MachineKey, name: &str) -> Result<Option<ExecutionKey>, Error>;

    /// An execution with the event it began with, and, when it is closed, the one it ended with: what describing it takes.
    ///
    /// # Errors
    /// When the backend fails or a record is damaged.
    fn described(&self, which: Which<'_>) -> Result<Option<Described>, Error> {
        let key = match which {
            Which::Key(key) => Some(key),
            Which::Named(machine, name) => self.execution_named(machine, name)?,
        };
        let Some(record) = key.map(|key| self.execution(key)).transpose()?.flatten() else { return Ok(None) };
        let began = self.history(record.key, 1, false, 1)?.pop();
        let ended = match record.stopped {
            Some(_) => self.history(record.key, record.last_event, false, 1)?.pop(),
            None => None,
        };
        Ok(Some(Described { record, began, ended }))
    }

    /// Events of an execution: upwards from `from` (inclusive), or downwards from `from` when `reverse`; at most `limit`.
    ///
    /// # Errors
    /// When the backend fails or a record is damaged.
    fn history(
        &self,
        key: ExecutionKey,
        from: EventId,
        reverse: bool,
        limit: usize,
    ) -> Result<Vec<HistoryEvent>, Error>;

    /// Executions from the greatest [`Place`] below `before` on downwards; at most `limit`. A row that is damaged is left
    /// out, so that the others can be listed.
    ///
    /// # Errors
    /// When the backend fails, or a row was written by a newer version.
    fn executions(
        &self,
        filter: &ExecutionFilter,
        before: Option<Place>,
        limit: usize,
    ) -> Result<Vec<ExecutionRecord>, Error>;

    /// One record of the registry.
    ///
    /// # Errors
    /// When the backend fails or the record is damaged.
    fn record(&self, kind: RecordKind, scope: &str, name: &str) -> Result<Option<Record>, Error>;

    /// Records of a kind in a scope whose names begin with `prefix`, by name, after `after`; at most `limit`.
    ///
    /// # Errors
    /// When the backend fails or a record is damaged.
    fn records(
        &self,
        kind: RecordKind,
        scope: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Record>, Error>;

    /// Removes executions that closed before this moment with all they have, at most `limit`; tells how many. Called by
    /// retention from time to time; runs on the store's writer.
    ///
    /// The children of a Map Run stay until it has ended before this moment as well, for its result is made of theirs, and as
    /// long as its own execution may ask for that result: while it waits for it, and from its end, when it may be redriven,
    /// until it is removed. The Map Run goes when its last child is gone, and the revision of its children with it. What was
    /// kept for an execution that this call removes goes with the next one.
    ///
    /// # Errors
    /// When the backend fails.
    fn expire(&self, closed_before: Timestamp, limit: usize) -> Result<usize, Error>;

    /// Counts for operators and tests: durable commits so far.
    fn commits(&self) -> u64;

    /// Waits until everything queued is durable and closes the files; further commits fail.
    fn close(&self);
}
