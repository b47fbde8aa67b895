//! Amazon States Language: text in, [`Definition`] and [`Diagnostic`]s out.
//!
//! What this room is for: parsing with source positions, validation with AWS's codes and texts, resolving state names to
//! indexes and compiling every path, template and expression once, so that the interpreter never looks at text.
//! What it must not do: run anything, read files, know about executions.
//!
//! Start reading at [`compile()`], then [`definition`].

pub mod compile;
mod condition;
pub mod definition;
pub mod diagnostic;
mod errors;
mod expression;
mod fields;
mod flow;
pub mod format;
mod graph;
mod location;
mod machine;
mod raised;
pub mod render;
mod resource;
mod site;
mod states;
mod suggest;
mod unset;
mod variables;
mod warnings;
pub mod yaml;

pub use compile::{Compiled, MachineType, Options, compile, compile_spanned, compile_state};
pub use definition::{BlockId, Definition, QueryLanguage, State, StateId, StateKind, StateType};
pub use diagnostic::{AWS_WARNING_CODES, Diagnostic, Severity, aws_message};
pub use render::{Source, render};
