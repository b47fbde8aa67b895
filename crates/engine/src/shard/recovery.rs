//! Recovery: sets up again what open executions wait for. Reads open executions only.

use std::collections::BTreeSet;
use std::sync::Arc;

use stepwell_asl::Definition;
use stepwell_interpreter::{Effect, Execution, Status, Waiting, pending_effects};
use stepwell_store::{Error, ExecutionKey, StoredExecution};

use super::Shard;
use super::map_runs::map_run_of;
use super::stepping::live_of;
use crate::config::Sabotage;
use crate::shard::commit::After;
use crate::shared::Shared;

/// Open executions that are read at a time.
const PAGE: usize = 500;

/// An open execution, as far as its head tells what it waits for.
///
/// Made by the one who reads, so that what an execution is made of goes no further: memory that one thread takes and
/// another gives back is dear, and with a million parked executions it is most of a restart.
pub(crate) struct Open {
    pub key: ExecutionKey,
    /// The Map Run it is a child of.
    map_run: Option<Arc<str>>,
    /// What it waits for; none when it has to be read whole.
    effects: Option<Vec<Effect>>,
}

impl Open {
    /// Timers come from the head alone; what must go on at once is read whole.
    fn of(shared: &Shared, stored: StoredExecution) -> Result<Open, Error> {
        let key = stored.record.key;
        let map_run = map_run_of(&stored.record.identity, &stored.record.revision_id);
        let needs_all = stored.frames.values().any(|frame| match &frame.waiting {
            Waiting::Task(_) | Waiting::Nothing | Waiting::Iterations { .. } | Waiting::MapRun(_) => true,
            Waiting::Wait { .. } | Waiting::Retry { .. } | Waiting::Branches { .. } | Waiting::Siblings { .. } => false,
        });
        if needs_all {
            return Ok(Open { key, map_run, effects: None });
        }
        let live = live_of(shared, stored)?;
        let effects = pending(shared, key, &live.execution, &live.definition);
        Ok(Open { key, map_run, effects: Some(effects) })
    }
}

/// Reads all open executions, a page at a time; tells how many there are.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn read_open(shared: &Shared, mut page_read: impl FnMut(Vec<Open>)) -> Result<usize, Error> {
    let (mut after, mut count) = (None, 0);
    loop {
        let page = shared.store.open_executions(after, PAGE)?;
        let Some(last) = page.last() else { return Ok(count) };
        (after, count) = (Some(last.record.key), count + page.len());
        let open: Result<Vec<Open>, Error> = page.into_iter().map(|stored| Open::of(shared, stored)).collect();
        page_read(open?);
    }
}

/// What an open execution asks of the outside.
fn pending(shared: &Shared, key: ExecutionKey, execution: &Execution, definition: &Definition) -> Vec<Effect> {
    if execution.status != Status::Running {
        return Vec::new();
    }
    let event = |id: u64| {
        let events = shared.store.history(key, id, false, 1).ok()?;
        events.into_iter().next().filter(|event| event.id == id)
    };
    pending_effects(definition, execution, &shared.config.limits, &event)
}

impl Shard {
    /// Reads all open executions and sets up what they wait for; tells how many there are. For a loop that is alone.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn recover(&mut self) -> Result<usize, Error> {
        let mut pages = Vec::new();
        let count = read_open(&self.shared, |page| pages.push(page))?;
        self.take_up(pages)?;
        Ok(count)
    }

    /// Sets up what these executions wait for.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn take_up(&mut self, pages: impl IntoIterator<Item = Vec<Open>>) -> Result<(), Error> {
        let mut map_runs = BTreeSet::new();
        for page in pages {
            for open in page {
                map_runs.extend(open.map_run);
                match open.effects {
                    Some(effects) => self.set_up(open.key, effects),
                    None => self.revive(open.key)?,
                }
            }
            self.make_room();
        }
        self.stop_orphans(map_runs);
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
        let effects = pending(&self.shared, key, &live.execution, &live.definition);
        self.set_up(key, effects);
        Ok(())
    }

    fn set_up(&mut self, key: ExecutionKey, effects: Vec<Effect>) {
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
