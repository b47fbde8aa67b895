//! JSON values as Step Functions treats them.
//!
//! What this room is for: [`Value`], a JSON value that is cheap to clone, keeps the order of its keys and the exact
//! spelling of its numbers; [`Payload`], a JSON text together with its value, each made from the other at most once; and
//! [`json`], the reader, which reports errors in the words AWS uses and can keep source positions.
//!
//! What it must not do: no input or output, no clock, no randomness, no panic on any input.
//!
//! Start reading at [`Value`], then [`Payload`].

pub mod json;
mod map;
mod number;
mod payload;
mod plain;
mod print;
mod timestamp;
mod uuid;
mod value;

pub use json::{JsonError, Position};
pub use map::Map;
pub use number::Number;
pub use payload::Payload;
pub use timestamp::{Timestamp, days_from_civil};
pub use uuid::{uuid, uuid_v4};
pub use value::Value;
