//! Recovery: sets up again what open executions wait for. Reads open executions only.

use std::collections::BTreeSet;
use std::sync::Arc;

use stepwell_interpreter::{Effect, Execution, Status, Waiting, pending_effects};
use stepwell_store::{Error, ExecutionKey, StoredExecution};

use super::Shard;
use super::map_runs::map_run_of;
use crate::config::Sabotage;
use crate::driver::RECOVERY_PAGE;
use crate::shard::commit::After;

impl Shard {
    /// Reads all open executions and sets up what they wait for; tells how many there are. For a loop that is alone.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn recover(&mut self) -> Result<usize, Error> {
        let (mut after, mut pages) = (None, Vec::new());
        loop {
            let page = self.shared.store.open_executions(after, RECOVERY_PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.record.key);
            pages.push(page);
        }
        let count = pages.iter().map(Vec::len).sum();
        self.take_up(pages)?;
        Ok(count)
    }

    /// Sets up what these executions wait for.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn take_up(&mut self, pages: impl IntoIterator<Item = Vec<StoredExecution>>) -> Result<(), Error> {
        let mut map_runs = BTreeSet::new();
        for page in pages {
            for stored in page {
                map_runs.extend(map_run_of(&stored.record.identity, &stored.record.revision_id));
                self.recover_one(stored)?;
            }
            self.make_room();
        }
        self.stop_orphans(map_runs);
        Ok(())
    }

    /// Timers come from the heads alone; what must go on at once is read whole.
    fn recover_one(&mut self, stored: StoredExecution) -> Result<(), Error> {
        let key = stored.record.key;
        let goes_on = stored.frames.values().any(|frame| match &frame.waiting {
            Waiting::Task(wait) => wait.submitted_event == 0 || !wait.started,
            Waiting::Nothing | Waiting::Iterations { .. } | Waiting::MapRun(_) => true,
            _ => false,
        });
        let submitted = stored.frames.values().any(|frame| matches!(&frame.waiting, Waiting::Task(_)));
        if goes_on || submitted {
            return self.revive(key);
        }
        let live = self.live_of(stored)?;
        self.set_up(key, &live.execution, &live.definition);
        Ok(())
    }

    /// Reads an execution and sets up everything it waits for.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn revive(&mut self, key: ExecutionKey) -> Result<(), Error> {
        if !self.bring_in(key)? {
            return Ok(());
        }
        let Some(live) = self.lives.get(&key) else { return Ok(()) };
        let (execution, definition) = (live.execution.clone(), Arc::clone(&live.definition));
        self.set_up(key, &execution, &definition);
        Ok(())
    }

    fn set_up(&mut self, key: ExecutionKey, execution: &Execution, definition: &stepwell_asl::Definition) {
        if execution.status != Status::Running {
            return;
        }
        let store = Arc::clone(&self.shared.store);
        let event = |id: u64| {
            let events = store.history(key, id, false, 1).ok()?;
            events.into_iter().next().filter(|event| event.id == id)
        };
        let effects = pending_effects(definition, execution, &event);
        self.timers.keep_epoch(key, stepwell_interpreter::FrameId(0), None);
        let none = After::of(key, stepwell_interpreter::Transition::default());
        for effect in effects {
            if !self.forgets(&effect) {
                self.perform_one(key, effect, &none);
            }
        }
    }

    /// Whether a planted bug makes recovery forget this effect.
    fn forgets(&self, effect: &Effect) -> bool {
        match self.shared.config.sabotage {
            Some(Sabotage::LostTimers) => matches!(effect, Effect::SetTimer { .. } | Effect::SetExecutionTimer { .. }),
            Some(Sabotage::LostTasks) => matches!(effect, Effect::ScheduleTask(_)),
            _ => false,
        }
    }
}
