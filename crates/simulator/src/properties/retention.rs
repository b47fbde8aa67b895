//! Retention removes what closed long enough ago, all of it, and nothing that is still needed.

use stepwell_engine::registry;
use stepwell_store::record::MapRunRecord;
use stepwell_store::{ExecutionFilter, RecordKind, Store};

use super::Property;
use crate::seen::{Seen, View};
use crate::workflow;

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
        runs.iter().filter(|run| run.is_over(*before)).try_for_each(|run| nothing_is_left(run, view))?;
        let stored = view.parents()?;
        match runs.iter().find(|run| !run.is_over(*before) && !stored.iter().any(|(key, _)| *key == run.children)) {
            Some(run) => Err(format!("Map Run {} is gone, but stopped {:?}", run.arn, run.stopped)),
            None => Ok(()),
        }
    }
}

/// Of a Map Run that is over, and whose children are gone, neither the record is left nor what the children ran.
fn nothing_is_left(run: &MapRunRecord, view: &View<'_>) -> Result<(), String> {
    let children = ExecutionFilter { machine: run.children, status: None, redriven: None, qualifier_arn: None };
    if !view.store.executions(&children, None, 1).map_err(|error| error.to_string())?.is_empty() {
        return Ok(());
    }
    let scope = workflow::scope().to_string();
    let names = [registry::map_run_name(&run.arn), &*run.revision_name()];
    for (kind, name) in [RecordKind::MapRun, RecordKind::Revision].into_iter().zip(names) {
        if view.store.record(kind, &scope, name).map_err(|error| error.to_string())?.is_some() {
            return Err(format!("Map Run {} is over and has no children, but its {kind:?} is left", run.arn));
        }
    }
    Ok(())
}
