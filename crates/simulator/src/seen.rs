//! What can be seen of the engine from outside, and from what the properties judge it.

use std::collections::{BTreeMap, BTreeSet};

use stepwell_engine::token::TaskRef;
use stepwell_engine::{SyncResult, registry};
use stepwell_interpreter::{Execution, HistoryEvent};
use stepwell_store::record::{MapRunRecord, RecordBody};
use stepwell_store::{
    Error, ExecutionFilter, ExecutionKey, ExecutionRecord, MachineKey, MachineRecord, MemoryStore, RecordKind, Store,
};
use stepwell_value::Timestamp;

use crate::clock::VirtualClock;
use crate::damage::Part;
use crate::disk::{Dated, Disk};
use crate::plan::Plan;

/// Something that was seen.
#[derive(Debug)]
pub enum Seen<'a> {
    /// StartExecution was acknowledged.
    Started {
        /// The execution.
        key: ExecutionKey,
        /// Its ARN.
        arn: &'a str,
        /// The name the caller chose.
        name: Option<&'a str>,
        /// The input the caller gave.
        input: &'a str,
    },
    /// An Express execution was started, or has answered its caller.
    Express {
        /// The execution.
        key: ExecutionKey,
        /// Its ARN.
        arn: &'a str,
        /// How it ended, when the caller has waited for that.
        result: Option<&'a SyncResult>,
    },
    /// A service was called by an Express execution: its key and its ARN.
    CalledExpress(ExecutionKey, &'a str),
    /// StopExecution was answered: whether it stopped the execution, or found it closed.
    Stopped {
        /// The execution.
        key: ExecutionKey,
        /// Whether it was this call that stopped it.
        stopped: bool,
    },
    /// RedriveExecution was acknowledged.
    Redriven {
        /// The execution.
        key: ExecutionKey,
        /// The client token, when the caller sent one.
        token: Option<&'a str>,
        /// The moment of the redrive that the caller was told.
        at: Timestamp,
    },
    /// A service was called.
    Called(TaskRef),
    /// A worker was given a task.
    Taken(TaskRef),
    /// News of a task by its token were answered.
    Answered {
        /// The task.
        task: TaskRef,
        /// Whether the news end the task.
        ends: bool,
        /// Whether they were accepted; otherwise the caller was told that the task has ended.
        accepted: bool,
    },
    /// Somebody who waited for the end of an execution was told.
    Ended(ExecutionKey),
    /// Events became durable.
    Committed(&'a Dated),
    /// An execution as it is in memory, with nothing of it on its way to the disk.
    Looked(ExecutionKey, &'a Execution),
    /// Retention removed what had closed before a moment.
    Expired {
        /// The executions that are gone, as they were.
        gone: &'a [ExecutionRecord],
        /// The moment.
        before: Timestamp,
        /// The Map Runs there were.
        runs: &'a [MapRunRecord],
    },
    /// Bits of this record have flipped.
    Flipped(&'a Part),
    /// The executions that the engine does not go on with, and why.
    Quarantined {
        /// By key.
        executions: &'a [(ExecutionKey, String)],
        /// Whether it has just read all that were open.
        started: bool,
    },
    /// The engine does not do what a caller asked for, since it cannot read something.
    Refused(&'a Error),
    /// The engine crashed; the store shows what is left.
    Crashed,
    /// The world is over; every execution had its time to end.
    Finished,
}

/// What a property may look at.
pub struct View<'a> {
    /// What is durable, as it was written.
    pub store: &'a MemoryStore,
    /// The same as it is read: some of it may be damaged.
    pub disk: &'a Disk,
    /// The time.
    pub clock: &'a VirtualClock,
    /// What the machines' histories may look like, by the machine's name.
    pub plans: &'a BTreeMap<String, Plan>,
    /// Executions that retention has removed.
    pub expired: &'a BTreeSet<ExecutionKey>,
}

impl View<'_> {
    /// All machines that are stored.
    ///
    /// # Errors
    /// When the store fails, which a store in memory does not.
    pub fn machines(&self) -> Result<Vec<MachineRecord>, String> {
        let scope = crate::workflow::scope().to_string();
        let records = self.store.records(RecordKind::Machine, &scope, "", None, usize::MAX);
        let machines = records.map_err(|error| error.to_string())?.into_iter().filter_map(|record| match record.body {
            RecordBody::Machine(machine) => Some(machine),
            _ => None,
        });
        Ok(machines.collect())
    }

    /// The workflow of a machine, or of the children of a Map Run: `MACHINE/LABEL`.
    pub fn plan(&self, name: &str) -> Option<&Plan> {
        match (name.split_once('/'), name.rsplit_once('/')) {
            (Some((machine, _)), Some((_, label))) => self.plans.get(machine)?.children.get(label),
            _ => self.plans.get(name),
        }
    }

    /// The numbers under which executions are stored: machines and Map Runs.
    ///
    /// # Errors
    /// As [`View::machines`].
    pub fn parents(&self) -> Result<Vec<(MachineKey, String)>, String> {
        let machines = self.machines()?.into_iter().map(|machine| (machine.key, machine.arn.to_string()));
        let scope = crate::workflow::scope().to_string();
        let runs = self.store.records(RecordKind::MapRun, &scope, "", None, usize::MAX);
        let runs = runs.map_err(|error| error.to_string())?.into_iter().filter_map(|record| match record.body {
            RecordBody::MapRun(run) => Some((run.children, run.arn.to_string())),
            _ => None,
        });
        Ok(machines.chain(runs).collect())
    }

    /// All executions that are stored, the newest first of each machine.
    ///
    /// # Errors
    /// As [`View::machines`].
    pub fn executions(&self) -> Result<Vec<ExecutionRecord>, String> {
        let mut all = Vec::new();
        for (machine, _) in self.parents()? {
            let filter = ExecutionFilter { machine, status: None, redriven: None, qualifier_arn: None };
            all.extend(self.store.executions(&filter, None, usize::MAX).map_err(|error| error.to_string())?);
        }
        Ok(all)
    }

    /// The history of an execution.
    ///
    /// # Errors
    /// As [`View::machines`].
    pub fn history(&self, key: ExecutionKey) -> Result<Vec<HistoryEvent>, String> {
        self.store.history(key, 1, false, usize::MAX).map_err(|error| error.to_string())
    }

    /// The row of an execution.
    ///
    /// # Errors
    /// As [`View::machines`], and when there is none.
    pub fn execution(&self, key: ExecutionKey) -> Result<ExecutionRecord, String> {
        let record = self.store.execution(key).map_err(|error| error.to_string())?;
        record.ok_or_else(|| format!("execution {} is not stored", key.0))
    }

    /// Judges the history of every execution.
    ///
    /// # Errors
    /// What the judge says, with the execution and its history.
    pub fn judge_histories(
        &self,
        judge: impl Fn(&ExecutionRecord, &Plan, &[HistoryEvent]) -> Result<(), String>,
    ) -> Result<(), String> {
        for record in self.executions()? {
            let events = self.history(record.key)?;
            let Some(plan) = self.plan(&record.identity.state_machine_name) else {
                return Err(format!("execution {} belongs to no machine of this world", record.key.0));
            };
            judge(&record, plan, &events)
                .map_err(|what| format!("execution {}: {what}\n{}", record.key.0, print(&events)))?;
        }
        Ok(())
    }
}

/// A history, one line an event.
pub fn print(events: &[HistoryEvent]) -> String {
    let mut text = String::new();
    for event in events {
        let details = format!("{:?}", event.details);
        let short: String = details.chars().take(150).collect();
        let at = event.at.0 - crate::clock::EPOCH;
        text.push_str(&format!(
            "  {:>4} after {:>4} at {at:>8} {} {short}\n",
            event.id,
            event.previous,
            event.event_type.name()
        ));
    }
    text
}

/// The registry's record of a machine and its revision, as StartExecution resolves them.
///
/// # Errors
/// When the store fails.
pub fn resolve(store: &dyn Store, name: &str) -> Result<Option<stepwell_engine::Resolved>, Error> {
    let scope = crate::workflow::scope();
    let Some(machine) = registry::machine(store, &scope, name)? else { return Ok(None) };
    let revision = registry::revision(store, &scope, machine.key, &machine.revision_id)?;
    Ok(revision.map(|revision| stepwell_engine::Resolved {
        machine: machine.into(),
        revision: revision.into(),
        version: None,
        alias: None,
    }))
}
