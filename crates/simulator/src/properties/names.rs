//! One name, one execution: no second execution under a name, no second machine or Map Run under a number.

use std::collections::BTreeMap;

use stepwell_store::ExecutionKey;

use super::Property;
use crate::seen::{Seen, View};

/// See the module.
#[derive(Default)]
pub struct Names {
    acknowledged: BTreeMap<String, ExecutionKey>,
}

impl Property for Names {
    fn name(&self) -> &'static str {
        "names"
    }

    fn see(&mut self, seen: &Seen<'_>, view: &View<'_>) -> Result<(), String> {
        match seen {
            Seen::Started { key, arn, .. } if !view.expired.contains(key) => {
                let first = *self.acknowledged.entry((*arn).to_owned()).or_insert(*key);
                if first != *key {
                    return Err(format!("{arn} was acknowledged as execution {} and as {}", first.0, key.0));
                }
                Ok(())
            }
            Seen::Expired { gone, .. } => {
                let freed = gone.iter().map(|record| record.key).collect::<Vec<_>>();
                self.acknowledged.retain(|_, key| !freed.contains(key));
                Ok(())
            }
            Seen::Crashed | Seen::Finished => all_differ(view),
            _ => Ok(()),
        }
    }
}

fn all_differ(view: &View<'_>) -> Result<(), String> {
    let mut machines = BTreeMap::new();
    for (key, arn) in view.parents()? {
        if let Some(other) = machines.insert(key, arn.clone()) {
            return Err(format!("{other} and {arn} share the number {}", key.0));
        }
    }
    let mut arns = BTreeMap::new();
    for record in view.executions()? {
        if let Some(other) = arns.insert(record.identity.execution_arn.clone(), record.key) {
            let arn = &record.identity.execution_arn;
            return Err(format!("executions {} and {} are both {arn}", other.0, record.key.0));
        }
    }
    Ok(())
}
