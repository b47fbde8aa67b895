//! The pure step: `step(definition, execution, command, moment) -> Transition`.
//!
//! What this room is for: what an execution *means*. A command from outside (start, a timer, the outcome of a task, stop)
//! is applied to an [`Execution`]; every frame runs until it waits or ends; what changed, what happened and what the
//! outside should do come back as one [`Transition`].
//! What it must not do: wait, read a clock, make randomness, touch disk or network, panic on any input.
//!
//! Start reading at [`execution`] (what a running execution is), then [`step()`], then `states/` (one file a state type).

pub mod command;
pub mod effect;
pub mod event;
pub mod execution;
pub mod failure;
pub mod transition;

pub use command::{Command, Moment, Progress, TokenSource};
pub use effect::{Effect, TaskRequest, TimerKind};
pub use event::{Details, EventId, EventType, HistoryEvent};
pub use execution::{Execution, Frame, FrameId, Held, Identity, Source, Status, Waiting};
pub use failure::Failure;
pub use transition::Transition;
