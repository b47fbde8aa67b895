//! AWS JSON 1.0 over HTTP: the only room that knows AWS's API from outside.
//!
//! What this room is for: a request comes in, is authenticated ([`access`]), finds its operation by `X-Amz-Target`
//! ([`http`]), is checked against the service model and handed to the operation's own file ([`operations`]), which asks
//! the engine and shapes the answer. Beside it stand the few actions of STS and IAM that clients need (`aws_query`).
//! What it must not do: run anything itself, keep state of its own, know a concrete store or a service's integration.
//!
//! Start reading at [`Api::perform`], then `operations/mod.rs` (the table of operations: a file each), then [`serve`].

pub mod access;
mod api;
mod awake;
mod aws_query;
mod call;
pub mod events;
pub mod http;
mod iam;
mod ids;
mod in_flight;
mod lookup;
mod machines;
pub mod operations;
mod own;
mod pages;
mod pollers;
mod routing;
mod server;
mod settings;
mod slow;
mod sts;
mod tags;
mod tasks;
pub mod test_cases;
pub mod throttle;
mod wire;

pub use access::{Access, Caller, Key};
pub use api::{Api, Config};
pub use call::Call;
pub use server::serve;
pub use sts::Session;
pub use test_cases::TestCases;
pub use throttle::Quotas;
