//! How a state reads and shapes its data: JSONPath and reference paths in the dialect of Step Functions, the intrinsic
//! functions, payload templates, and JSONata behind one small trait.
//!
//! What it must not do: no input or output, no clock, no randomness of its own ([`Scope::random`] supplies it), no panic.
//!
//! Start reading at [`Template`] (what a definition compiles into) and [`Scope`] (what an evaluation may see).

mod cursor;
pub mod intrinsic;
mod java;
pub mod jsonata;
pub mod path;
pub mod reference;
pub mod scope;
pub mod template;
#[cfg(test)]
mod testing;
pub mod timestamp;

pub use intrinsic::Intrinsic;
pub use jsonata::Jsonata;
pub use path::{JsonPath, Root};
pub use reference::ReferencePath;
pub use scope::Scope;
pub use template::{EvalError, Expression, Template};
