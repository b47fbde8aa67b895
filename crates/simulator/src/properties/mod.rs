//! What must always hold, one property a file. A property is told everything that is seen and may look at what is durable.

mod acknowledged;
mod blame;
mod causality;
mod damage;
pub mod determinism;
mod express;
mod liveness;
mod names;
mod numbering;
mod recovery;
mod retention;
mod terminal;
mod timers;
mod tokens;
mod trace;

use crate::seen::{Seen, View};

/// Something that must always hold.
pub trait Property: Send {
    /// The name.
    fn name(&self) -> &'static str;

    /// Is told what was seen.
    ///
    /// # Errors
    /// When the property does not hold: what was seen, for people.
    fn see(&mut self, seen: &Seen<'_>, view: &View<'_>) -> Result<(), String>;
}

/// All properties that are judged while a world runs. [`determinism`] compares two runs.
pub fn all() -> Vec<Box<dyn Property>> {
    vec![
        Box::new(acknowledged::Acknowledged::default()),
        Box::new(names::Names::default()),
        Box::new(causality::Causality),
        Box::new(tokens::Tokens::default()),
        Box::new(recovery::Recovery),
        Box::new(damage::Damage),
        Box::new(retention::Retention),
        Box::new(express::Express::default()),
        Box::new(numbering::Numbering),
        Box::new(terminal::Terminal),
        Box::new(trace::Trace),
        Box::new(timers::Timers),
        Box::new(blame::Blame),
        Box::new(liveness::Liveness),
    ]
}
