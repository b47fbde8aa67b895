//! What a crash would recover is what is in memory: an execution with nothing on its way to the disk is the same there.

use stepwell_interpreter::Execution;
use stepwell_store::{Store, StoredExecution};

use super::Property;
use crate::seen::{Seen, View};

/// See the module.
pub struct Recovery;

impl Property for Recovery {
    fn name(&self) -> &'static str {
        "recovery"
    }

    fn see(&mut self, seen: &Seen<'_>, view: &View<'_>) -> Result<(), String> {
        let Seen::Looked(key, live) = seen else { return Ok(()) };
        match view.store.load(*key).map_err(|error| error.to_string())? {
            Some(stored) if same(&stored, live) => Ok(()),
            stored => Err(format!("execution {}: in memory {live:#?}\nstored {stored:#?}", key.0)),
        }
    }
}

fn same(stored: &StoredExecution, live: &Execution) -> bool {
    let record = &stored.record;
    record.identity == live.identity
        && record.status == live.status
        && record.redrive_count == live.redrive_count
        && record.redriven == live.redriven
        && record.last_event + 1 == live.next_event
        && stored.next_event == live.next_event
        && stored.next_frame == live.next_frame
        && stored.next_content == live.next_content
        && stored.input.as_ref() == Some(&live.input)
        && stored.frames == live.frames
}
