//! Nothing that was acknowledged is lost: every started execution is there after a crash, and no history gets shorter or
//! changes.

use std::collections::BTreeMap;

use stepwell_interpreter::EventId;
use stepwell_store::ExecutionKey;

use super::Property;
use crate::rng::Digest;
use crate::seen::{Seen, View};

/// See the module.
#[derive(Default)]
pub struct Acknowledged {
    started: BTreeMap<ExecutionKey, String>,
    durable: BTreeMap<ExecutionKey, EventId>,
    read: BTreeMap<ExecutionKey, (usize, Digest)>,
}

impl Property for Acknowledged {
    fn name(&self) -> &'static str {
        "acknowledged"
    }

    fn see(&mut self, seen: &Seen<'_>, view: &View<'_>) -> Result<(), String> {
        match seen {
            Seen::Started { key, arn, .. } if !view.expired.contains(key) => {
                self.started.insert(*key, (*arn).to_owned());
            }
            Seen::Committed(dated) if !view.expired.contains(&dated.key) => {
                let last = dated.events.last().map_or(0, |(id, _)| *id);
                let durable = self.durable.entry(dated.key).or_default();
                *durable = last.max(*durable);
            }
            Seen::Expired { gone, .. } => {
                for record in *gone {
                    self.started.remove(&record.key);
                    self.durable.remove(&record.key);
                    self.read.remove(&record.key);
                }
            }
            Seen::Crashed | Seen::Finished => {
                self.are_there(view)?;
                self.histories_grow(view)?;
            }
            _ => {}
        }
        Ok(())
    }
}

impl Acknowledged {
    fn are_there(&self, view: &View<'_>) -> Result<(), String> {
        for (key, arn) in &self.started {
            let record = view.execution(*key).map_err(|what| format!("a start was acknowledged, but {what}"))?;
            if *record.identity.execution_arn != **arn {
                return Err(format!("{arn} was acknowledged, but its key {} is now {:?}", key.0, record.identity));
            }
        }
        for (key, last) in &self.durable {
            let there = view.execution(*key)?.last_event;
            if there < *last {
                return Err(format!("event {last} of execution {} was durable; now there are {there}", key.0));
            }
        }
        Ok(())
    }

    fn histories_grow(&mut self, view: &View<'_>) -> Result<(), String> {
        for record in view.executions()? {
            let events = view.history(record.key)?;
            let (length, before) = self.read.get(&record.key).copied().unwrap_or_default();
            let mut digest = Digest::default();
            for (index, event) in events.iter().enumerate() {
                if index == length && length > 0 && digest != before {
                    return Err(format!("the first {length} events of execution {} have changed", record.key.0));
                }
                digest.add(&format!("{event:?}"));
            }
            if events.len() < length || (events.len() == length && length > 0 && digest != before) {
                return Err(format!("the history of execution {} has changed", record.key.0));
            }
            self.read.insert(record.key, (events.len(), digest));
        }
        Ok(())
    }
}
