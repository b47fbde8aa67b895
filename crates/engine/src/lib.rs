//! The engine: shards that own executions, timers, dispatch of tasks, recovery, activities, task tokens, the registry.
//!
//! What this room is for: everything between a request that was understood and a Transition that is durable. A shard
//! loads what a step needs, runs the step, commits, and only then replies and performs effects.
//! What it must not do: know HTTP or AWS's wire shapes, a concrete store, or any service.
//!
//! Start reading at [`Handle`] (what others may ask), then [`shard`] (the loop), then [`integration`] (what tasks call).

pub mod activities;
pub mod clock;
pub mod config;
mod definitions;
mod driver;
mod fork;
mod handle;
pub mod integration;
mod keyed;
mod known;
mod map_run;
mod map_run_stops;
mod map_run_updates;
pub mod names;
mod overdue;
mod quarantine;
mod redrive;
pub mod registry;
pub mod resolve;
pub mod shard;
mod shared;
mod timers;
pub mod token;
mod unstored;

pub use activities::ActivityTask;
pub use clock::{Clock, SystemClock};
pub use config::Config;
pub use driver::{Engine, HandDriven};
pub use fork::{ForkError, ForkRequest};
pub use handle::{Handle, StartError, StartRequest, Started, SyncResult, TaskError};
pub use integration::{Answer, BoxFuture, Call, Cancelled, Dispatcher, Reporter};
pub use map_run_updates::{MapRunUpdate, UpdateError};
pub use redrive::RedriveError;
pub use registry::{Resolved, Scope};
