//! Loading executions and stepping them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use stepwell_interpreter::{Command, Execution, Moment, TimerKind, Transition};
use stepwell_store::{Error, ExecutionKey, StoredExecution};
use tokio::sync::oneshot;

use super::{Applied, Live, Message, Shard};
use crate::config::Sabotage;
use crate::quarantine::panicked;
use crate::shard::commit::After;
use crate::shared::Shared;
use crate::timers::Which;
use crate::token::ExecutionOutside;

impl Shard {
    /// Applies a command and commits what it changed.
    pub(super) fn command(&mut self, key: ExecutionKey, command: &Command, reply: Option<oneshot::Sender<Applied>>) {
        let applied = match self.bring_in(key) {
            Ok(true) => match self.step(key, command) {
                Some(transition) if transition.is_empty() => {
                    if let Some(reply) = reply {
                        self.tell_stale(key, reply);
                    }
                    return;
                }
                Some(transition) => {
                    let mut after = After::of(key, transition);
                    after.reply = reply;
                    self.write(key, after);
                    return;
                }
                None => Applied::Failed,
            },
            Ok(false) => Applied::NotOpen,
            Err(error) if error.lasts() => {
                self.shared.quarantine.put(&*self.shared.store, key, error.to_string());
                Applied::Failed
            }
            Err(error) => return self.unread(key, command, reply, &error),
        };
        if let Some(reply) = reply {
            let _ = reply.send(applied);
        }
    }

    /// The store cannot be read for a moment. Who waits for a reply asks again; for all others the loop does.
    pub(super) fn unread(
        &mut self,
        key: ExecutionKey,
        command: &Command,
        reply: Option<oneshot::Sender<Applied>>,
        error: &Error,
    ) {
        match reply {
            Some(reply) => {
                tracing::error!(execution = key.0, %error, "the execution cannot be read; who asks for it is told");
                let _ = reply.send(Applied::Failed);
            }
            None => self.ask_again(Message::Command { key, command: command.clone(), reply: None }, error),
        }
    }

    pub(super) fn timer_fired(&mut self, key: ExecutionKey, which: Which) {
        let command = match which {
            Which::Frame(frame, epoch, kind) => Command::TimerFired { frame, epoch, kind },
            Which::Execution => Command::ExecutionTimedOut,
        };
        debug_assert!(!matches!(which, Which::Frame(_, 0, TimerKind::Resume)));
        if let Err(error) = self.bring_in(key)
            && !error.lasts()
        {
            return self.fire_again(key, which, &error);
        }
        self.command(key, &command, None);
    }

    /// Makes sure that an execution is in memory. `false`: there is no such open execution.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn bring_in(&mut self, key: ExecutionKey) -> Result<bool, Error> {
        if self.lives.contains_key(&key) {
            return Ok(true);
        }
        let Some(stored) = self.shared.store.load(key)? else { return Ok(false) };
        let live = live_of(&self.shared, stored)?;
        self.lives.insert(key, live);
        Ok(true)
    }

    /// Steps an execution in memory. A panic quarantines it: it is dropped from memory and stays at its last commit.
    pub(super) fn step(&mut self, key: ExecutionKey, command: &Command) -> Option<Transition> {
        let entropy = self.entropy();
        let shared = Arc::clone(&self.shared);
        let live = self.lives.get_mut(&key)?;
        let outside = ExecutionOutside {
            secret: &shared.config.secret,
            key,
            activities: &shared.activities,
            store: &*shared.store,
        };
        let moment = Moment { now: shared.clock.now(), entropy, outside: &outside };
        let definition = Arc::clone(&live.definition);
        let poisoned =
            shared.config.sabotage == Some(Sabotage::PoisonedSteps) && &*live.execution.identity.name == "poisoned";
        let stepped = catch_unwind(AssertUnwindSafe(|| {
            if poisoned {
                std::panic::resume_unwind(Box::new("planted"));
            }
            stepwell_interpreter::step(&definition, &mut live.execution, command, moment, &shared.config.limits)
        }));
        match stepped {
            Ok(transition) => Some(transition),
            Err(panic) => {
                shared.quarantine.put(&*shared.store, key, panicked(key, &*panic).to_string());
                self.lives.remove(&key);
                self.timers.forget(key);
                None
            }
        }
    }
}

/// The execution in memory of a stored one.
pub(super) fn live_of(shared: &Shared, stored: StoredExecution) -> Result<Live, Error> {
    let record = stored.record;
    let definition = shared.definition_of(&record)?;
    let execution = Execution {
        identity: record.identity,
        input: stored.input.unwrap_or_default(),
        status: record.status,
        redrive_count: record.redrive_count,
        redriven: record.redriven,
        next_event: stored.next_event,
        next_frame: stored.next_frame,
        next_content: stored.next_content,
        frames: stored.frames,
    };
    Ok(Live { execution, definition, stored: true, uncommitted: 0, ended: None })
}
