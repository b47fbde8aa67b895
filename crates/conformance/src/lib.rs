//! Case files: a definition, an input, what tasks answer, and the history that is expected of them.
//!
//! What this room is for: the meaning of Stepwell as golden histories. One text form ([`parse()`]) says everything about an
//! execution; [`run()`] plays it on the interpreter in virtual time, without a server, a clock or a sleep; [`render()`]
//! writes down what happened. The same form serves tests, the command line and reports of faults.
//! What it must not do: wait, or know about AWS's wire shapes.
//!
//! Start reading at [`case`] (the form), then [`run()`]. The cases are the `*.case` files under `cases/`; after a change
//! that is meant, `UPDATE_EXPECT=1 cargo test -p stepwell-conformance` rewrites what they expect.

pub mod case;
mod disk;
mod invariants;
mod misdirected;
mod parse;
mod queue;
mod render;
mod run;
mod script;

pub use case::{Answer, Attempt, Case, News, TaskScript};
pub use parse::{ParseError, parse};
pub use render::{render, with_expected};
pub use run::{Mode, Outcome, RunError, run};
