//! Retention removes what closed long enough ago, all of it, and nothing that is still needed.

use stepwell_engine::registry;
use stepwell_interpreter::{Frame, Waiting};
use stepwell_store::record::MapRunRecord;
use stepwell_store::{ExecutionFilter, RecordKind, Store};
use stepwell_value::Timestamp;

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
            if let Some(run) = run
                && let Some(why) = needed(run, *before, view)?
            {
                return Err(format!("execution {} is gone, but its Map Run {} {why}", record.key.0, run.arn));
            }
            if run.is_none() && record.identity.is_child() {
                return Err(format!("execution {} is gone, but its Map Run was gone before", record.key.0));
            }
            if !view.history(record.key)?.is_empty() {
                return Err(format!("execution {} is gone, but its history is not", record.key.0));
            }
        }
        let stored = view.parents()?;
        for run in *runs {
            match needed(run, *before, view)? {
                None if view.disk.is_damaged(run) => {}
                None => nothing_is_left(run, view)?,
                Some(why) if !stored.iter().any(|(key, _)| *key == run.children) => {
                    return Err(format!("Map Run {} is gone, but {why}", run.arn));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

/// Why a Map Run is needed.
fn needed(run: &MapRunRecord, before: Timestamp, view: &View<'_>) -> Result<Option<String>, String> {
    if !run.is_over(before) {
        return Ok(Some(format!("stopped {:?}", run.stopped)));
    }
    let Some(key) = run.execution else { return Err(format!("Map Run {} knows no execution", run.arn)) };
    let row = view.store.execution(key).map_err(|error| error.to_string())?;
    if row.is_some_and(|row| row.stopped.is_some()) {
        return Ok(Some(format!("execution {}, whose it is, may be redriven", key.0)));
    }
    let open = view.store.load(key).map_err(|error| error.to_string())?;
    let waits = open.is_some_and(|open| open.frames.values().any(|frame| waits_for(frame, run)));
    Ok(waits.then(|| format!("execution {} waits for it", key.0)))
}

fn waits_for(frame: &Frame, run: &MapRunRecord) -> bool {
    matches!(&frame.waiting, Waiting::MapRun(wait) if wait.map_run_arn == run.arn)
}

/// Of a Map Run that nobody needs, and whose children are gone, neither the record is left nor what the children ran.
fn nothing_is_left(run: &MapRunRecord, view: &View<'_>) -> Result<(), String> {
    let children = ExecutionFilter { machine: run.children, status: None, redriven: None, qualifier_arn: None };
    if !view.store.executions(&children, None, 1).map_err(|error| error.to_string())?.is_empty() {
        return Ok(());
    }
    let scope = workflow::scope().to_string();
    let names = [registry::map_run_name(&run.arn), &*run.revision_name()];
    for (kind, name) in [RecordKind::MapRun, RecordKind::Revision].into_iter().zip(names) {
        if view.store.record(kind, &scope, name).map_err(|error| error.to_string())?.is_some() {
            return Err(format!("Map Run {} is not needed and has no children, but its {kind:?} is left", run.arn));
        }
    }
    Ok(())
}
