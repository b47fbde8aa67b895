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
        let Seen::Expired { gone, before, runs } = seen else { return Ok(()) };
        for record in *gone {
            if record.stopped.is_none_or(|stopped| stopped >= *before) {
                let stopped = record.stopped;
                return Err(format!("execution {} stopped {stopped:?}, but is gone before {before:?}", record.key.0));
            }
            let run = runs.iter().find(|run| run.children == record.machine);
            if let Some(run) = run.filter(|run| !run.is_over(*before)) {
                let (arn, stopped) = (&run.arn, run.stopped);
                return Err(format!("execution {} is gone, but its Map Run {arn} stopped {stopped:?}", record.key.0));
            }
            if run.is_none() && record.identity.is_child() {
                return Err(format!("execution {} is gone, but its Map Run was gone before", record.key.0));
            }
            if !view.history(record.key)?.is_empty() {
                return Err(format!("execution {} is gone, but its history is not", record.key.0));
            }
        }
        let stored = view.parents()?;
        match runs.iter().find(|run| !run.is_over(*before) && !stored.iter().any(|(key, _)| *key == run.children)) {
            Some(run) => Err(format!("Map Run {} is gone, but stopped {:?}", run.arn, run.stopped)),
            None => Ok(()),
        }
    }
}
