//! Once the faults are over, every execution ends, unless damage keeps it from going on. That it does so in time the world
//! itself sees: it gives up when nothing is left that could happen.

use stepwell_store::Store;

use super::Property;
use crate::damage::Excused;
use crate::seen::{Seen, View};

/// See the module.
pub struct Liveness;

impl Property for Liveness {
    fn name(&self) -> &'static str {
        "liveness"
    }

    fn see(&mut self, seen: &Seen<'_>, view: &View<'_>) -> Result<(), String> {
        let Seen::Finished = seen else { return Ok(()) };
        let open = view.store.open_executions(None, usize::MAX).map_err(|error| error.to_string())?.executions;
        let parts = view.disk.damaged();
        let excused = Excused::by(view.store, &parts);
        match open.iter().find(|execution| !excused.holds(execution)) {
            Some(execution) => Err(format!("execution {} has not ended", execution.record.key.0)),
            None => Ok(()),
        }
    }
}
