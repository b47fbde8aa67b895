//! Amazon States Language: text in, [`Definition`] and [`Diagnostic`]s out.
//!
//! What this room is for: parsing with source positions, validation with AWS's codes and texts, resolving state names to
//! indexes and compiling every path, template and expression once, so that the interpreter never looks at text.
//! What it must not do: run anything, read files, know about executions.
//!
//! Start reading at [`compile()`], then [`definition`].

pub mod compile;
pub mod definition;
pub mod diagnostic;

pub use compile::{Compiled, MachineType, Options, compile};
pub use definition::{BlockId, Definition, QueryLanguage, State, StateId, StateKind, StateType};
pub use diagnostic::{Diagnostic, Severity, aws_message};
