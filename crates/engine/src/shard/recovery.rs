//! Recovery: sets up again what open executions wait for. Reads open executions only. One that is damaged is quarantined; it
//! keeps no other from going on.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use stepwell_asl::Definition;
use stepwell_interpreter::{Effect, Execution, Status, Waiting, pending_effects};
use stepwell_store::{Error, ExecutionKey, StoredExecution};

use super::Shard;
use super::map_runs::map_run_of;
use super::stepping::live_of;
use crate::config::Sabotage;
use crate::quarantine::panicked;
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
        let effects = pending(shared, key, &live.execution, &live.definition)?;
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
        if page.last.is_none() {
            return Ok(count);
        }
        (after, count) = (page.last, count + page.count());
        for (key, error) in page.damaged {
            shared.quarantine.put(&*shared.store, key, error.to_string());
        }
        let mut sound = Vec::with_capacity(page.executions.len());
        for stored in page.executions {
            sound.extend(unless_damaged(shared, stored.record.key, || Open::of(shared, stored))?);
        }
        page_read(sound);
    }
}

/// Does something for one execution. When that shows that it is damaged, or panics, it is quarantined: `None`.
///
/// # Errors
/// When the store fails otherwise.
fn unless_damaged<T>(
    shared: &Shared,
    key: ExecutionKey,
    act: impl FnOnce() -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    match catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|panic| Err(panicked(key, &*panic))) {
        Ok(done) => Ok(Some(done)),
        Err(error @ Error::Damaged { .. }) => {
            shared.quarantine.put(&*shared.store, key, error.to_string());
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// What an open execution asks of the outside.
///
/// # Errors
/// When an event that is needed cannot be read.
fn pending(
    shared: &Shared,
    key: ExecutionKey,
    execution: &Execution,
    definition: &Definition,
) -> Result<Vec<Effect>, Error> {
    if execution.status != Status::Running {
        return Ok(Vec::new());
    }
    if shared.config.sabotage == Some(Sabotage::PoisonedRecovery) && &*execution.identity.name == "poisoned" {
        std::panic::resume_unwind(Box::new("planted"));
    }
    let missing = RefCell::new(None);
    let event = |id: u64| {
        let read = shared.store.history(key, id, false, 1).and_then(|events| {
            let found = events.into_iter().next().filter(|event| event.id == id);
            let what = format!("the history of execution {}", key.0);
            found.ok_or_else(|| Error::Damaged { what, why: format!("event {id} is missing") })
        });
        read.map_err(|error| missing.replace(Some(error))).ok()
    };
    let effects = pending_effects(definition, execution, &shared.config.limits, &event);
    missing.into_inner().map_or(Ok(effects), Err)
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

    /// Reads an execution and sets up everything it waits for. One that is damaged is quarantined.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn revive(&mut self, key: ExecutionKey) -> Result<(), Error> {
        let shared = Arc::clone(&self.shared);
        match unless_damaged(&shared, key, || self.awaited(key))? {
            Some(effects) => self.set_up(key, effects),
            None => {
                self.lives.remove(&key);
                self.timers.forget(key);
            }
        }
        Ok(())
    }

    /// Reads an execution and tells what it waits for; nothing when it is not open.
    fn awaited(&mut self, key: ExecutionKey) -> Result<Vec<Effect>, Error> {
        if !self.bring_in(key)? {
            return Ok(Vec::new());
        }
        let Some(live) = self.lives.get(&key) else { return Ok(Vec::new()) };
        pending(&self.shared, key, &live.execution, &live.definition)
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
