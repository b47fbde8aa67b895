//! Once the faults are over, every execution ends. That it does so in time the world itself sees: it gives up when
//! nothing is left that could happen.

use super::Property;
use crate::seen::{Seen, View};

/// See the module.
pub struct Liveness;

impl Property for Liveness {
    fn name(&self) -> &'static str {
        "liveness"
    }

    fn see(&mut self, seen: &Seen<'_>, view: &View<'_>) -> Result<(), String> {
        let Seen::Finished = seen else { return Ok(()) };
        let open = view.store.open_executions(None, 1).map_err(|error| error.to_string())?;
        match open.last {
            Some(key) => Err(format!("execution {} has not ended", key.0)),
            None => Ok(()),
        }
    }
}
