//! Map Runs of the executions of this loop: begun, aborted, and found again after a crash.

use std::collections::BTreeSet;
use std::sync::Arc;

use stepwell_interpreter::{Effect, Identity, MapRunRequest, Status, Transition};
use stepwell_store::record::RecordBody;
use stepwell_store::{ExecutionKey, Write};

use super::{Message, Shard};
use crate::registry::{self, Scope};
use crate::shard::commit::After;
use crate::token::TaskRef;

impl Shard {
    /// Begins a Map Run, or goes on with it after a restart.
    pub(super) fn start_map_run(&mut self, key: ExecutionKey, request: MapRunRequest) {
        let task = Self::task_ref(key, request.frame, request.epoch);
        let Some(live) = self.lives.get(&key).filter(|_| self.is_current(key, request.frame, request.epoch)) else {
            return;
        };
        let identity = Arc::clone(&live.execution.identity);
        let handle = crate::Handle::new(Arc::clone(&self.shared));
        let shared = Arc::clone(&self.shared);
        self.map_runs.insert(task, Arc::clone(&request.map_run_arn));
        let running = self.shared.runtime.spawn(async move {
            let outcome = crate::map_run::carry_out(&handle, key, &identity, &request).await;
            shared.send(task.key, Message::MapRun { task, outcome });
        });
        self.calls.insert(task, (running.abort_handle(), crate::integration::Cancelled::default()));
    }

    /// The Map Runs that a Transition gives up.
    pub(super) fn map_runs_given_up(&self, key: ExecutionKey, transition: &Transition) -> Vec<Arc<str>> {
        if self.map_runs.is_empty() {
            return Vec::new();
        }
        let cancelled = transition.effects.iter().filter_map(|effect| match effect {
            Effect::CancelTask { frame, epoch } => Some(Self::task_ref(key, *frame, *epoch)),
            _ => None,
        });
        cancelled.filter_map(|task| self.map_runs.get(&task).cloned()).collect()
    }

    /// Puts into the batch that the Map Runs are aborted which it gives up: durable together with the Transition that does,
    /// so that recovery knows which children are left over. `false`: they cannot be read for a moment.
    pub(super) fn write_aborted_map_runs(&mut self) -> bool {
        while let Some(arn) = self.batch.given_up.last() {
            let scope = Scope::of_arn(arn);
            let record = match registry::map_run(&*self.shared.store, arn) {
                Err(error) if !error.lasts() => {
                    self.stall(error.to_string());
                    return false;
                }
                record => record.ok().flatten(), // of one that is damaged nothing is written
            };
            self.batch.given_up.pop();
            let Some(mut record) = record.filter(|record| record.status == Status::Running) else { continue };
            record.status = Status::Aborted;
            record.stopped = Some(self.shared.clock.now());
            let write = Write::Put(Box::new(registry::record(&scope, RecordBody::MapRun(record))));
            self.batch.push(write, After::of(ExecutionKey(0), Transition::default())); // nothing follows from it
        }
        true
    }

    /// Stops the children of a Map Run that was given up.
    pub(super) fn abort_map_run(&mut self, task: TaskRef) {
        if let Some(arn) = self.map_runs.remove(&task) {
            self.stop_children(arn);
        }
    }

    /// Stops the children of Map Runs that ended while the server was down or before it could stop them.
    pub(super) fn stop_orphans(&mut self, map_runs: BTreeSet<Arc<str>>) {
        for arn in map_runs {
            match registry::map_run(&*self.shared.store, &arn) {
                Ok(Some(record)) if record.status != Status::Running => self.stop_children(arn),
                Err(error) if !error.lasts() => {
                    self.ask_again(Message::StopOrphans { map_runs: BTreeSet::from([arn]) }, &error);
                }
                _ => {}
            }
        }
    }

    fn stop_children(&self, arn: Arc<str>) {
        let handle = crate::Handle::new(Arc::clone(&self.shared));
        let shared = Arc::clone(&self.shared);
        shared.map_run_stops.begin(&arn);
        self.shared.runtime.spawn(async move {
            while let Err(error) = crate::map_run::stop_all(&handle, &arn).await {
                if error.lasts() {
                    tracing::error!(%arn, %error, "the children of an aborted Map Run cannot be stopped; the next start tries again");
                    break;
                }
                tracing::warn!(%arn, %error, "the children of an aborted Map Run cannot be stopped now");
                tokio::time::sleep(super::again::RETRY_AFTER).await;
            }
            shared.map_run_stops.end(&arn);
        });
    }
}

/// The Map Run that an execution is a child of; its machine is called `NAME/LABEL`, its revision by the run's UUID.
pub(super) fn map_run_of(identity: &Identity, revision_id: &str) -> Option<Arc<str>> {
    identity.is_child().then(|| {
        let base = identity.state_machine_arn.replacen(":stateMachine:", ":mapRun:", 1);
        Arc::from(format!("{base}:{revision_id}"))
    })
}
