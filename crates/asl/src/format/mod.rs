//! The canonical layout of definitions: `stepwell fmt`.
//!
//! Two blanks a level; the members of the language's objects in one order ([`order`]); what fits on a line stands on a
//! line, but a machine, its states and lists of objects never do. Texts and numbers keep their spelling, and no data
//! changes. The layout depends on the data alone, not on how it was laid out before, so that formatting twice changes
//! nothing.

mod json;
mod order;
mod yaml;

pub use json::json;
pub use yaml::yaml;

/// The widest line, in characters, that a value may make when it is put on one line.
const WIDTH_MAX: usize = 120;
