//! Retention removes what closed long enough ago, and nothing that is still needed.

use super::Property;
use crate::seen::{Seen, View};

/// See the module.
pub struct Retention;

impl Property for Retention {
    fn name(&self) -> &'static str {
        "retention"
    }

    fn see(&mut self, seen: &Seen<'_>, view: &View<'_>) -> Result<(), String> {
        let Seen::Expired { gone, before } = seen else { return Ok(()) };
        for record in *gone {
            if record.stopped.is_none_or(|stopped| stopped >= *before) {
                let stopped = record.stopped;
                return Err(format!("execution {} stopped {stopped:?}, but is gone before {before:?}", record.key.0));
            }
            if let Some(run) = view.map_run_of(record)?
                && run.stopped.is_none()
            {
                return Err(format!("execution {} is gone, but its Map Run {} still runs", record.key.0, run.arn));
            }
            if !view.history(record.key)?.is_empty() {
                return Err(format!("execution {} is gone, but its history is not", record.key.0));
            }
        }
        Ok(())
    }
}
