//! How Tasks reach the world: one module per service that Step Functions integrates with.
//!
//! This room knows AWS wire shapes and runs on tokio; it never looks into an execution. What it gives back is data.
//!
//! Start reading at [`Router`]: it finds the integration of a Task's resource. To add one, add a module and a line in
//! `router`.

mod ids;
pub mod lambda;
mod lambda_task;
pub mod mock;
mod router;
mod sdk;
pub mod step_functions;

pub use mock::Mock;
pub use router::Router;
pub use step_functions::{ServiceError, StepFunctionsApi};
