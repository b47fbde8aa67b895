//! How Tasks reach the world: one module per service that Step Functions integrates with.
//!
//! This room knows AWS wire shapes and runs on tokio; it never looks into an execution. What it gives back is data.

pub mod lambda;
