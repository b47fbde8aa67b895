//! What an execution asks of the outside.

use std::sync::Arc;

use stepwell_asl::definition::Resource;
use stepwell_value::{Payload, Timestamp};

use crate::event::EventId;
use crate::execution::FrameId;

/// A request to the outside, performed only after the Transition is durable, at least once.
/// All of them can be made again from the stored frames ([`crate::pending_effects`]).
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Send [`crate::Command::TimerFired`] at this moment or later. A timer of an older epoch is void.
    SetTimer {
        /// Whose timer.
        frame: FrameId,
        /// The epoch it belongs to.
        epoch: u32,
        /// When.
        at: Timestamp,
        /// Which of the frame's timers.
        kind: TimerKind,
    },
    /// Send [`crate::Command::ExecutionTimedOut`] at this moment or later.
    SetExecutionTimer {
        /// When.
        at: Timestamp,
    },
    /// Have this done, and send [`crate::Command::Task`] with the outcome.
    ScheduleTask(Box<TaskRequest>),
    /// Start these child executions (or go on with them), and send [`crate::Command::MapRunEnded`] with the outcome.
    StartMapRun(Box<MapRunRequest>),
    /// Nobody waits for this task or Map Run any more.
    CancelTask {
        /// Whose task.
        frame: FrameId,
        /// The epoch it was scheduled in.
        epoch: u32,
    },
    /// The step's budget is used up: send [`crate::Command::Continue`] when it is this execution's turn again.
    Continue,
    /// The execution is over; its last event says how.
    Finish,
}

/// Which of a frame's timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimerKind {
    /// A Wait state is over, or the next attempt is due.
    Resume,
    /// The task's `TimeoutSeconds` have passed.
    TaskTimeout,
    /// The task's `HeartbeatSeconds` may have passed without a sign of life.
    Heartbeat,
}

/// A task to be done.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskRequest {
    /// Whose task.
    pub frame: FrameId,
    /// The epoch to answer with.
    pub epoch: u32,
    /// The name of the Task state.
    pub state: Arc<str>,
    /// The …Scheduled event; the same when the request is made again after a restart.
    pub scheduled_event: EventId,
    /// What is called.
    pub resource: Resource,
    /// The effective parameters.
    pub parameters: Payload,
    /// The answer of the call, when it was made before a restart and only its job or callback is still awaited.
    pub submitted: Option<Payload>,
    /// Whether the request is made again after a restart: the call may have been made before.
    pub repeated: bool,
    /// `Credentials.RoleArn`
    pub credentials_role_arn: Option<Arc<str>>,
    /// When the task times out.
    pub timeout: Option<Timestamp>,
    /// Seconds between heartbeats.
    pub heartbeat_seconds: Option<u64>,
}

/// A redrive of a Map Run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapRunRedrive {
    /// How often the run was redriven, this time included.
    pub count: u64,
    /// When its execution was redriven.
    pub at: Timestamp,
}

/// A Map Run to be carried out.
#[derive(Clone, Debug, PartialEq)]
pub struct MapRunRequest {
    /// Whose Map Run.
    pub frame: FrameId,
    /// The epoch to answer with.
    pub epoch: u32,
    /// Its ARN; the same when the request is made again after a restart.
    pub map_run_arn: Arc<str>,
    /// The definition of the children, as JSON text.
    pub child_definition: Arc<str>,
    /// Whether the children are Express executions.
    pub express_children: bool,
    /// The redrive in which the run goes on: children that had failed before it are redriven too. None for a run that has
    /// not been redriven.
    pub redriven: Option<MapRunRedrive>,
    /// The inputs of the children: an array.
    pub inputs: Payload,
    /// How many children may run at a time; 0: as many as the server allows.
    pub max_concurrency: u64,
    /// `ToleratedFailureCount`
    pub tolerated_count: Option<u64>,
    /// `ToleratedFailurePercentage`, 0 to 100.
    pub tolerated_percentage: Option<f64>,
}
