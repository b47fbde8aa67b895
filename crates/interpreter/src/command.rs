//! What the outside tells an execution.

use std::sync::Arc;

use stepwell_value::{Payload, Timestamp};

use crate::Failure;
use crate::effect::TimerKind;
use crate::execution::FrameId;
pub use crate::states::map_run::MapRunOutcome;

/// A command from outside. Answers to effects carry the frame and its epoch; a stale one changes nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Begin. Only on a new execution.
    Start,
    /// A timer that [`crate::Effect::SetTimer`] asked for is due.
    TimerFired {
        /// Whose timer.
        frame: FrameId,
        /// The epoch it was set in.
        epoch: u32,
        /// Which of the frame's timers.
        kind: TimerKind,
    },
    /// News of a task that [`crate::Effect::ScheduleTask`] asked for.
    Task {
        /// Whose task.
        frame: FrameId,
        /// The epoch it was scheduled in.
        epoch: u32,
        /// What happened.
        progress: Progress,
    },
    /// A Map Run that [`crate::Effect::StartMapRun`] asked for has ended.
    MapRunEnded {
        /// Whose Map Run.
        frame: FrameId,
        /// The epoch it was started in.
        epoch: u32,
        /// How it ended.
        outcome: MapRunOutcome,
    },
    /// The machine's `TimeoutSeconds` have passed.
    ExecutionTimedOut,
    /// StopExecution.
    Stop {
        /// Error and cause the caller gave.
        failure: Failure,
    },
    /// Nothing from outside: go on after the budget of the last step was used up.
    Continue,
}

/// What happened to a task.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// A worker or the service has begun with it.
    Started {
        /// The name an activity worker gave itself.
        worker_name: Option<Arc<str>>,
    },
    /// The call was made; now the job it started, or a callback, is awaited.
    Submitted {
        /// What the call answered.
        output: Payload,
    },
    /// A sign of life.
    Heartbeat,
    /// It succeeded.
    Succeeded {
        /// Its output.
        output: Payload,
    },
    /// It failed.
    Failed {
        /// Error and cause.
        failure: Failure,
        /// At which point.
        stage: FailedStage,
    },
}

/// At which point a task failed; decides the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedStage {
    /// It could not be scheduled (LambdaFunctionScheduleFailed, ActivityScheduleFailed, TaskFailed).
    Schedule,
    /// It could not be started (LambdaFunctionStartFailed, TaskStartFailed).
    Start,
    /// The call that submits a job failed (TaskSubmitFailed).
    Submit,
    /// It ran and failed (LambdaFunctionFailed, ActivityFailed, TaskFailed).
    Run,
    /// It did not answer in time (LambdaFunctionTimedOut, ActivityTimedOut, TaskTimedOut).
    TimedOut,
}

/// The moment of a step: everything it may know of time, chance and the outside.
#[derive(Clone, Copy)]
pub struct Moment<'a> {
    /// The time.
    pub now: Timestamp,
    /// 64 random bits; all randomness of the step is derived from them.
    pub entropy: u64,
    /// What the outside lets a step know.
    pub outside: &'a dyn Outside,
}

/// What the outside lets a step know.
pub trait Outside {
    /// The token of the task that this frame waits for in this epoch. The same arguments give the same token.
    fn token(&self, frame: FrameId, epoch: u32) -> Arc<str>;

    /// Whether the activity with this ARN exists.
    fn activity_exists(&self, arn: &str) -> bool {
        let _ = arn;
        true
    }
}
