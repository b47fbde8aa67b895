//! Express executions leave nothing in the store, end with one answer, and are never taken up again after a crash.

use std::collections::BTreeMap;

use stepwell_engine::SyncResult;
use stepwell_interpreter::Status;
use stepwell_store::ExecutionKey;

use super::Property;
use crate::seen::{Seen, View};

/// What the limit of five minutes is in milliseconds.
const LIMIT_MILLIS: u64 = 300_000;

/// See the module.
#[derive(Default)]
pub struct Express {
    /// The ARNs of this incarnation of the engine, with their keys, and those of earlier ones.
    alive: BTreeMap<String, ExecutionKey>,
    lost: BTreeMap<String, ExecutionKey>,
    ended: BTreeMap<String, Status>,
}

impl Property for Express {
    fn name(&self) -> &'static str {
        "express"
    }

    fn see(&mut self, seen: &Seen<'_>, view: &View<'_>) -> Result<(), String> {
        match seen {
            Seen::CalledExpress(key, arn) => {
                if self.lost.contains_key(*arn) {
                    return Err(format!("{arn} was cut off by a crash and calls a service"));
                }
                self.alive.insert((*arn).to_owned(), *key);
            }
            Seen::Express { key, arn, result } => {
                if self.lost.contains_key(*arn) {
                    return Err(format!("{arn} was given out before the crash, and again"));
                }
                self.alive.insert((*arn).to_owned(), *key);
                if let Some(result) = result {
                    return self.ended(arn, result, view);
                }
            }
            Seen::Crashed | Seen::Finished => {
                for (arn, key) in self.alive.iter().chain(&self.lost) {
                    if view.execution(*key).is_ok_and(|record| *record.identity.execution_arn == **arn) {
                        return Err(format!("{arn} is stored"));
                    }
                }
                if matches!(seen, Seen::Crashed) {
                    self.lost.append(&mut self.alive);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl Express {
    fn ended(&mut self, arn: &str, result: &SyncResult, view: &View<'_>) -> Result<(), String> {
        if let Some(before) = self.ended.insert(arn.to_owned(), result.status) {
            return Err(format!("{arn} ends as {before:?} and as {:?}", result.status));
        }
        if result.status == Status::Running {
            return Err(format!("{arn} is said to have ended, but runs"));
        }
        let took = result.stopped.millis_since(result.started.started);
        // A timeout of its own, or a clock that was set back, may make it shorter.
        let may_be_shorter = view.clock.went_back() || view.plans.values().any(|plan| plan.timeout_seconds.is_some());
        if result.status == Status::TimedOut && took < LIMIT_MILLIS && !may_be_shorter {
            return Err(format!("{arn} timed out after {took} ms"));
        }
        Ok(())
    }
}
