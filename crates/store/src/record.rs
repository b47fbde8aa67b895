//! What a store keeps.

use std::collections::BTreeMap;
use std::sync::Arc;

use stepwell_interpreter::{EventId, Frame, FrameId, HistoryEvent, Identity, Status, Waiting};
use stepwell_value::{Payload, Timestamp};

use crate::Error;
use crate::role::RoleRecord;

/// The number of an execution in its store: grows with every start.
/// At most 47 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExecutionKey(pub u64);

/// The number of a state machine; a machine that is deleted and made again gets another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MachineKey(pub u64);

/// The row of an execution: what listing and describing need; payloads are in the history.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecutionRecord {
    /// Its number.
    pub key: ExecutionKey,
    /// The machine it is of.
    pub machine: MachineKey,
    /// The revision of the machine it runs.
    pub revision_id: Arc<str>,
    /// What never changes about it.
    pub identity: Arc<Identity>,
    /// Whether the name was made by Stepwell from the key; such a name has no entry in the name index.
    pub generated_name: bool,
    /// Where it stands.
    pub status: Status,
    /// When it ended.
    pub stopped: Option<Timestamp>,
    /// The id of its last event.
    pub last_event: EventId,
    /// How often it was redriven.
    pub redrive_count: u32,
    /// When it was last redriven.
    pub redriven: Option<Timestamp>,
    /// The `traceHeader` it was started with.
    pub trace_header: Option<Arc<str>>,
    /// What it was forked from.
    pub forked_from: Option<Arc<ForkedFrom>>,
}

/// What an execution was forked from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForkedFrom {
    /// The other execution.
    pub execution_arn: Arc<str>,
    /// The last of its events that count.
    pub event: EventId,
}

impl ExecutionRecord {
    /// Where it stands in listings: by its end when it is closed, else by its last redrive or its start.
    pub fn place(&self) -> Place {
        Place { time: self.stopped.or(self.redriven).unwrap_or(self.identity.started), key: self.key }
    }
}

/// Where an execution stands in listings, which go from the greatest place to the least. It moves up when the execution
/// ends or is redriven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// When it ended, was redriven or was started.
    pub time: Timestamp,
    /// Which one, among those of the same moment.
    pub key: ExecutionKey,
}

impl Place {
    /// Sixteen bytes, for the token of a page.
    pub fn to_bytes(self) -> [u8; 16] {
        (u128::from(self.time.0.cast_unsigned()) << 64 | u128::from(self.key.0)).to_be_bytes()
    }

    /// The place of [`Place::to_bytes`].
    pub fn from_bytes(bytes: [u8; 16]) -> Place {
        let both = u128::from_be_bytes(bytes);
        let (time, key) = ((both >> 64) as u64, both as u64);
        Place { time: Timestamp(time.cast_signed()), key: ExecutionKey(key) }
    }
}

/// One Transition in the form the store writes.
#[derive(Clone, Debug)]
pub struct ExecutionWrite {
    /// Whose.
    pub key: ExecutionKey,
    /// The next event the stored execution must have; 1 for a new one.
    pub expected_next_event: EventId,
    /// New events; one chunk.
    pub events: Vec<HistoryEvent>,
    /// Frames to make or replace, without their payloads (see [`stepwell_interpreter::Source`]).
    pub frames_put: Vec<Frame>,
    /// Frames to remove.
    pub frames_removed: Vec<FrameId>,
    /// Contents to add.
    pub contents_put: Vec<(u32, Payload)>,
    /// Contents to remove.
    pub contents_removed: Vec<u32>,
    /// The id the next event gets after this write.
    pub next_event: EventId,
    /// The id the next frame gets after this write.
    pub next_frame: u32,
    /// The number the next content gets after this write.
    pub next_content: u32,
    /// How often it was redriven.
    pub redrive_count: u32,
    /// When it was last redriven.
    pub redriven: Option<Timestamp>,
    /// How and when it ended, when this write ends it; frames and contents are removed with it. `Some` on an execution
    /// that was closed before and is redriven is preceded by a write that opens it.
    pub closed: Option<(Status, Timestamp)>,
}

impl ExecutionWrite {
    /// Refuses a write whose numbers do not fit together, which is a bug of its maker: its events are numbered on from
    /// `expected_next_event`, and `next_event` follows them; `next_frame` and `next_content` follow what it puts.
    ///
    /// # Errors
    /// [`Error::Backend`] with what is wrong.
    pub fn check(&self) -> Result<(), Error> {
        let first = self.expected_next_event;
        let numbered = self.events.iter().zip(first..).all(|(event, id)| event.id == id);
        let follows = first.checked_add(self.events.len() as u64) == Some(self.next_event);
        if first == 0 || !numbered || !follows {
            let (count, next) = (self.events.len(), self.next_event);
            return Err(self.bug(&format!("has {count} events from {first} on, but says that {next} is the next one")));
        }
        if let Some(frame) = self.frames_put.iter().find(|frame| frame.id.0 >= self.next_frame) {
            let (frame, next) = (frame.id.0, self.next_frame);
            return Err(self.bug(&format!("has frame {frame}, but says that {next} is the next one")));
        }
        if let Some((content, _)) = self.contents_put.iter().find(|(number, _)| *number >= self.next_content) {
            let next = self.next_content;
            return Err(self.bug(&format!("has content {content}, but says that {next} is the next one")));
        }
        Ok(())
    }

    fn bug(&self, what: &str) -> Error {
        Error::Backend(format!("bug: a write to execution {} {what}", self.key.0))
    }
}

/// Everything needed to go on with an open execution.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredExecution {
    /// The row.
    pub record: ExecutionRecord,
    /// The id the next event gets.
    pub next_event: EventId,
    /// The id the next frame gets.
    pub next_frame: u32,
    /// The number the next content gets.
    pub next_content: u32,
    /// The frames. Their payloads are read back from the history and the contents: [`stepwell_interpreter::Held`] is
    /// complete after `load`, and holds an empty payload after `open_executions`, which reads heads only.
    pub frames: BTreeMap<FrameId, Frame>,
    /// The execution's input (event 1); only after `load`.
    pub input: Option<Payload>,
}

/// The kinds of registry records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKind {
    /// [`MachineRecord`], named by the machine's name.
    Machine,
    /// [`RevisionRecord`], named `MACHINE_KEY/REVISION_ID` (the key as 16 hexadecimal digits).
    Revision,
    /// [`VersionRecord`], named `MACHINE_KEY/NUMBER` (10 digits with leading zeros).
    Version,
    /// [`AliasRecord`], named `MACHINE_KEY/ALIAS`.
    Alias,
    /// [`ActivityRecord`], named by the activity's name.
    Activity,
    /// [`MapRunRecord`], named `MACHINE/LABEL:UUID`; the revision of its children is named `CHILDREN/UUID`.
    MapRun,
    /// [`RoleRecord`], named by the role's name in lower case; its scope is `ACCOUNT:`, since roles have no region.
    Role,
}

/// A record of the registry with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// `ACCOUNT:REGION`
    pub scope: Arc<str>,
    /// Its name in the scope; see [`RecordKind`].
    pub name: Arc<str>,
    /// The record.
    pub body: RecordBody,
}

/// The body of a record.
#[derive(Clone, Debug, PartialEq)]
pub enum RecordBody {
    /// A state machine.
    Machine(MachineRecord),
    /// One revision of a machine.
    Revision(RevisionRecord),
    /// A published version.
    Version(VersionRecord),
    /// An alias.
    Alias(AliasRecord),
    /// An activity.
    Activity(ActivityRecord),
    /// A Map Run.
    MapRun(MapRunRecord),
    /// A role.
    Role(RoleRecord),
}

impl RecordBody {
    /// The number that executions are stored under and that this record has taken: a machine's, or that of the children of
    /// a Map Run.
    pub fn machine_key(&self) -> Option<MachineKey> {
        match self {
            RecordBody::Machine(machine) => Some(machine.key),
            RecordBody::MapRun(run) => Some(run.children),
            _ => None,
        }
    }

    /// The kind.
    pub fn kind(&self) -> RecordKind {
        match self {
            RecordBody::Machine(_) => RecordKind::Machine,
            RecordBody::Revision(_) => RecordKind::Revision,
            RecordBody::Version(_) => RecordKind::Version,
            RecordBody::Alias(_) => RecordKind::Alias,
            RecordBody::Activity(_) => RecordKind::Activity,
            RecordBody::MapRun(_) => RecordKind::MapRun,
            RecordBody::Role(_) => RecordKind::Role,
        }
    }
}

/// A state machine.
#[derive(Clone, Debug, PartialEq)]
pub struct MachineRecord {
    /// Its number.
    pub key: MachineKey,
    /// Its ARN.
    pub arn: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Whether it is of type EXPRESS.
    pub express: bool,
    /// When it was made.
    pub created: Timestamp,
    /// The revision in force: a [`RevisionRecord`]'s id.
    pub revision_id: Arc<str>,
    /// The number the next published version gets.
    pub next_version: u64,
    /// Whether DeleteStateMachine was called and executions still run.
    pub deleting: bool,
    /// Tags, in the order they were set.
    pub tags: Vec<(Arc<str>, Arc<str>)>,
}

/// One revision of a machine: what UpdateStateMachine replaces as a whole. Kept as long as an execution or version uses it.
#[derive(Clone, Debug, PartialEq)]
pub struct RevisionRecord {
    /// The machine.
    pub machine: MachineKey,
    /// Its id; the first revision of a machine has an id too, which AWS does not show.
    pub revision_id: Arc<str>,
    /// When it was made.
    pub created: Timestamp,
    /// The definition, byte for byte.
    pub definition: Arc<str>,
    /// The role.
    pub role_arn: Arc<str>,
    /// `loggingConfiguration` as JSON text.
    pub logging: Option<Arc<str>>,
    /// `tracingConfiguration` as JSON text.
    pub tracing: Option<Arc<str>>,
    /// `encryptionConfiguration` as JSON text.
    pub encryption: Option<Arc<str>>,
}

/// A published version of a machine.
#[derive(Clone, Debug, PartialEq)]
pub struct VersionRecord {
    /// The machine.
    pub machine: MachineKey,
    /// Its number, from 1.
    pub number: u64,
    /// The revision it is.
    pub revision_id: Arc<str>,
    /// `description`
    pub description: Option<Arc<str>>,
    /// When it was published.
    pub created: Timestamp,
}

/// An alias of a machine.
#[derive(Clone, Debug, PartialEq)]
pub struct AliasRecord {
    /// The machine.
    pub machine: MachineKey,
    /// Its name.
    pub name: Arc<str>,
    /// `description`
    pub description: Option<Arc<str>>,
    /// Version numbers and weights.
    pub routing: Vec<(u64, u32)>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
}

/// An activity.
#[derive(Clone, Debug, PartialEq)]
pub struct ActivityRecord {
    /// Its ARN.
    pub arn: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// When it was made.
    pub created: Timestamp,
    /// `encryptionConfiguration` as JSON text.
    pub encryption: Option<Arc<str>>,
    /// Tags, in the order they were set.
    pub tags: Vec<(Arc<str>, Arc<str>)>,
}

/// A Map Run: the child executions of one Map state in mode DISTRIBUTED.
#[derive(Clone, Debug, PartialEq)]
pub struct MapRunRecord {
    /// The number its children are executions "of": they are listed under it, not under the machine.
    pub children: MachineKey,
    /// Its ARN.
    pub arn: Arc<str>,
    /// The execution whose Map state it is.
    pub execution_arn: Arc<str>,
    /// The number of that execution; records of versions that did not know it have none.
    pub execution: Option<ExecutionKey>,
    /// The machine of that execution.
    pub state_machine_arn: Arc<str>,
    /// Where it stands.
    pub status: Status,
    /// When it was started.
    pub started: Timestamp,
    /// When it ended.
    pub stopped: Option<Timestamp>,
    /// How many children may run at a time; 0: as many as the server allows.
    pub max_concurrency: u64,
    /// `ToleratedFailureCount`
    pub tolerated_count: Option<u64>,
    /// `ToleratedFailurePercentage`, 0 to 100.
    pub tolerated_percentage: Option<f64>,
    /// Children by how they stand.
    pub counts: MapRunCounts,
    /// How often it was redriven.
    pub redrive_count: u64,
    /// When it was last redriven.
    pub redriven: Option<Timestamp>,
}

impl MapRunRecord {
    /// Whether it ended before this moment.
    pub fn is_over(&self, closed_before: Timestamp) -> bool {
        self.stopped.is_some_and(|stopped| stopped < closed_before)
    }

    /// Whether one of these frames of its execution waits for it: its end is not known there yet.
    pub fn is_waited_for<'a>(&self, frames: impl IntoIterator<Item = &'a Frame>) -> bool {
        let of_this = |frame: &Frame| matches!(&frame.waiting, Waiting::MapRun(wait) if wait.map_run_arn == self.arn);
        frames.into_iter().any(of_this)
    }

    /// The run's UUID: the id of the revision that its children run.
    pub fn uuid(&self) -> &str {
        self.arn.rsplit(':').next().unwrap_or_default()
    }

    /// The name of that revision's record, which is in the same scope.
    pub fn revision_name(&self) -> String {
        format!("{:016x}/{}", self.children.0, self.uuid())
    }
}

/// The children of a Map Run by how they stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MapRunCounts {
    /// All.
    pub total: u64,
    /// Those that succeeded.
    pub succeeded: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that timed out.
    pub timed_out: u64,
    /// Those that were aborted or never started because the run ended.
    pub aborted: u64,
}
