//! The pure step: `step(definition, execution, command, moment) -> Transition`.
//!
//! What this room is for: what an execution *means*. A command from outside (start, a timer, the outcome of a task, stop)
//! is applied to an [`Execution`]; every frame runs until it waits or ends; what changed, what happened and what the
//! outside should do come back as one [`Transition`].
//! What it must not do: wait, read a clock, make randomness, touch disk or network, panic on any input.
//!
//! Start reading at [`execution`] (what a running execution is), then [`step()`], then `states/` (one file a state type).

mod branches;
pub mod command;
mod context;
pub mod effect;
pub mod event;
pub mod execution;
pub mod failure;
mod flow;
mod handling;
pub mod limits;
mod pending;
mod problem;
pub mod redrive;
mod scope;
mod states;
mod step;
mod task;
pub mod test_state;
pub mod transition;

pub use command::{Command, FailedStage, MapRunOutcome, Moment, Outside, Progress};
pub use effect::{Effect, MapRunRedrive, MapRunRequest, TaskRequest, TimerKind};
pub use event::{Details, EventId, EventType, HistoryEvent};
pub use execution::{Execution, Frame, FrameId, Held, Identity, MapRunWait, Source, Status, Waiting};
pub use failure::Failure;
pub use limits::Limits;
pub use pending::pending_effects;
pub use redrive::fork::{Fork, ForkRefusal, fork};
pub use redrive::{Redrive, redrive};
pub use step::step;
pub use transition::Transition;
