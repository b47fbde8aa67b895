//! A running execution: its identity, its frames, and what each frame waits for.

use std::collections::BTreeMap;
use std::sync::Arc;

use stepwell_asl::{BlockId, StateId};
use stepwell_value::{Payload, Timestamp, Value};

use crate::event::EventId;

/// What never changes about an execution.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// `arn:aws:states:REGION:ACCOUNT:execution:MACHINE:NAME` (or the express form).
    pub execution_arn: Arc<str>,
    /// The execution's name.
    pub name: Arc<str>,
    /// The machine's ARN, without version or alias.
    pub state_machine_arn: Arc<str>,
    /// The machine's name.
    pub state_machine_name: Arc<str>,
    /// The version the execution was started with, an ARN.
    pub version_arn: Option<Arc<str>>,
    /// The alias the execution was started with, an ARN.
    pub alias_arn: Option<Arc<str>>,
    /// The machine's role.
    pub role_arn: Arc<str>,
    /// The region, for task events.
    pub region: Arc<str>,
    /// When it was started.
    pub started: Timestamp,
    /// Whether it runs under the rules of type EXPRESS: its machine is of that type, or the Map Run it is a child of.
    pub express: bool,
    /// The test case of the mock configuration that it was started with (`stateMachineArn#TestCase`).
    pub test_case: Option<Arc<str>>,
}

impl Identity {
    /// Whether it is a child of a Map Run: its machine is called `NAME/LABEL`.
    pub fn is_child(&self) -> bool {
        self.state_machine_name.contains('/')
    }

    /// Whether it has a history and is kept: all but Express executions are, and the children of Map Runs of either type.
    pub fn is_kept(&self) -> bool {
        !self.express || self.is_child()
    }
}

/// Status of an execution, as AWS spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// `RUNNING`
    Running,
    /// `SUCCEEDED`
    Succeeded,
    /// `FAILED`
    Failed,
    /// `TIMED_OUT`
    TimedOut,
    /// `ABORTED`
    Aborted,
    /// `PENDING_REDRIVE`
    PendingRedrive,
}

impl Status {
    /// The spelling on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Status::Running => "RUNNING",
            Status::Succeeded => "SUCCEEDED",
            Status::Failed => "FAILED",
            Status::TimedOut => "TIMED_OUT",
            Status::Aborted => "ABORTED",
            Status::PendingRedrive => "PENDING_REDRIVE",
        }
    }
}

/// One run of a state machine, as the interpreter holds it between two steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Execution {
    /// What never changes.
    pub identity: Arc<Identity>,
    /// The execution's input; event 1 carries it.
    pub input: Payload,
    /// Where it stands.
    pub status: Status,
    /// How often it was redriven.
    pub redrive_count: u32,
    /// When it was last redriven.
    pub redriven: Option<Timestamp>,
    /// The id the next history event gets.
    pub next_event: EventId,
    /// The id the next frame gets.
    pub next_frame: u32,
    /// The number the next content gets (see [`Source::Content`]).
    pub next_content: u32,
    /// The frames that are open, by id. Frame 0 is the top level's until a redrive; then it is the first of the new ones.
    pub frames: BTreeMap<FrameId, Frame>,
}

impl Execution {
    /// An execution that has done nothing yet.
    pub fn new(identity: Arc<Identity>, input: Payload) -> Execution {
        Execution {
            identity,
            input,
            status: Status::Running,
            redrive_count: 0,
            redriven: None,
            next_event: 1,
            next_frame: 0,
            next_content: 0,
            frames: BTreeMap::new(),
        }
    }
}

/// The number of a frame in its execution, never used twice; 0 is the top level, until a redrive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameId(pub u32);

/// One running copy of a block. It stands at one state and waits for at most one thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// Its number.
    pub id: FrameId,
    /// Grows whenever the frame begins to wait for something new; answers to an older epoch are stale and dropped.
    pub epoch: u32,
    /// The frame whose Parallel or Map started this one, and the index of the branch or item; none at the top level.
    pub parent: Option<(FrameId, u32)>,
    /// The block it runs.
    pub block: BlockId,
    /// The state it stands at.
    pub state: StateId,
    /// The last event of its branch: the next one's `previousEventId`.
    pub last_event: EventId,
    /// The …StateEntered event of the current state; 0 before the first.
    pub entered_event: EventId,
    /// When the current state was entered.
    pub entered: Timestamp,
    /// The raw input of the current state.
    pub input: Held,
    /// Attempts used up per retrier of the current state; empty: none.
    pub retries: Vec<u32>,
    /// The workflow variables assigned in this scope, by name; none: no variable.
    pub variables: Option<Variables>,
    /// What it waits for.
    pub waiting: Waiting,
}

/// The workflow variables of one scope.
#[derive(Clone, Debug, PartialEq)]
pub struct Variables {
    /// An object: name → value. Always backed by a [`Source::Content`].
    pub values: Held,
}

/// A payload together with the place in the store where it can be read again, so that a frame is stored without it.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// The data.
    pub payload: Payload,
    /// Where it is stored.
    pub source: Source,
}

/// Where a payload is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// `input` (or `parameters`) of this event.
    EventInput(EventId),
    /// `output` of this event.
    EventOutput(EventId),
    /// A content of the execution, stored beside its frames ([`crate::Transition::contents_put`]).
    Content(u32),
}

/// What a frame waits for.
#[derive(Clone, Debug, PartialEq)]
pub enum Waiting {
    /// For nothing: it is about to enter its state. Stored only when a step's budget was used up.
    Nothing,
    /// For a moment: a Wait state's.
    Wait {
        /// When it goes on.
        until: Timestamp,
    },
    /// For the moment of the next attempt after a retrier matched.
    Retry {
        /// When it goes on.
        until: Timestamp,
    },
    /// For the outcome of a task.
    Task(TaskWait),
    /// For the branches of a Parallel state; they are frames of their own.
    Branches {
        /// The ParallelStateStarted event.
        started_event: EventId,
        /// Branches that have not ended.
        open: u32,
    },
    /// For the iterations of a Map state; they are frames of their own.
    Iterations {
        /// The MapStateStarted event.
        started_event: EventId,
        /// All items: an array, or an object whose members are the items.
        items: Held,
        /// The index of the next item to start.
        next: u32,
        /// Iterations that run.
        open: u32,
        /// How many may run at a time; 0: all.
        max_concurrency: u32,
    },
    /// For a Map Run: the child executions of a Map in mode DISTRIBUTED.
    MapRun(MapRunWait),
    /// For its siblings: the branch or iteration has ended, its output waits to be collected.
    Siblings {
        /// The output.
        output: Held,
    },
}

/// A Map Run that a frame waits for.
#[derive(Clone, Debug, PartialEq)]
pub struct MapRunWait {
    /// `arn:aws:states:REGION:ACCOUNT:mapRun:MACHINE/LABEL:UUID`
    pub map_run_arn: Arc<str>,
    /// The inputs of the child executions: an array.
    pub inputs: Held,
    /// How many children may run at a time; 0: as many as the server allows.
    pub max_concurrency: u64,
    /// `ToleratedFailureCount`
    pub tolerated_count: Option<u64>,
    /// `ToleratedFailurePercentage`, 0 to 100.
    pub tolerated_percentage: Option<f64>,
}

/// The outcome of a task that a frame waits for.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskWait {
    /// The …Scheduled event; it carries the parameters.
    pub scheduled_event: EventId,
    /// When it was scheduled.
    pub scheduled: Timestamp,
    /// Whether …Started is in the history.
    pub started: bool,
    /// Whether TaskSubmitted is in the history (`.sync`, `.waitForTaskToken`), and which event it is; 0: not.
    pub submitted_event: EventId,
    /// When the task times out.
    pub timeout: Option<Timestamp>,
    /// Seconds between heartbeats, where the state asks for them.
    pub heartbeat_seconds: Option<u64>,
    /// When the next heartbeat is due.
    pub heartbeat: Option<Timestamp>,
}

impl Frame {
    /// The variables' object, when there are any.
    pub fn variable(&self, name: &str) -> Option<&Value> {
        self.variables.as_ref().and_then(|variables| variables.values.payload.value().get(name))
    }
}
