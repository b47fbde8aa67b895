//! Committing: one group at a time, with everything of the turn in it; replies and effects follow when it is durable.

use std::collections::BTreeSet;
use std::time::Duration;

use stepwell_interpreter::{Effect, Failure, FrameId, Transition};
use stepwell_store::record::{ExecutionRecord, ExecutionWrite};
use stepwell_store::{Committed, ExecutionKey, Write, WriteError};
use tokio::sync::oneshot;

use super::{Applied, Ended, Message, Shard, StartReply};
use crate::config::Sabotage;

/// How long a failed commit waits before it is tried again.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Writes and what is to be done when they are durable.
#[derive(Default)]
pub(crate) struct Group {
    pub writes: Vec<Write>,
    pub afters: Vec<After>,
    /// Answers that tell of what these writes do, without writing anything themselves: a stale command's.
    pub told: Vec<(ExecutionKey, oneshot::Sender<Applied>)>,
    /// Messages that could not be judged before these writes are durable.
    pub asked_again: Vec<Message>,
    /// How often it was handed to the store.
    pub tries: u32,
}

impl Group {
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }
}

/// What is to be done when a Transition is durable.
pub(crate) struct After {
    pub key: ExecutionKey,
    pub transition: Transition,
    pub start: Option<oneshot::Sender<StartReply>>,
    pub reply: Option<oneshot::Sender<Applied>>,
}

impl After {
    pub fn of(key: ExecutionKey, transition: Transition) -> After {
        After { key, transition, start: None, reply: None }
    }

    pub fn effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.transition.effects)
    }

    /// Frames that were touched.
    pub fn frames(&self) -> BTreeSet<FrameId> {
        self.transition.frames_put.union(&self.transition.frames_removed).copied().collect()
    }

    /// How the execution ended, when this transition ended it.
    pub fn ended(&self) -> Option<Ended> {
        use stepwell_interpreter::Details;
        let (status, stopped) = self.transition.closed?;
        let (mut output, mut failure) = (None, Failure::default());
        match self.transition.events.last().map(|event| &event.details) {
            Some(Details::Output { output: found }) => output = Some(found.clone()),
            Some(Details::Failure(found)) => failure = found.clone(),
            _ => {}
        }
        Some(Ended { status, stopped, output, failure })
    }
}

impl Shard {
    /// Puts a further Transition into the batch; an execution that is not stored goes on at once.
    pub(super) fn write(&mut self, key: ExecutionKey, after: After) {
        let Some(live) = self.lives.get_mut(&key) else { return };
        if !live.stored {
            self.perform(after);
            return;
        }
        live.uncommitted += 1;
        let write = execution_write(key, live, &after.transition);
        self.batch.writes.push(Write::Advance(Box::new(write)));
        let given_up = self.map_runs_given_up(key, &after.transition);
        let after = self.sabotaged(after);
        self.batch.afters.push(after);
        self.write_aborted_map_runs(&given_up);
    }

    /// What a planted bug does too early; nothing otherwise.
    fn sabotaged(&mut self, mut after: After) -> After {
        match self.shared.config.sabotage {
            Some(Sabotage::ReplyBeforeCommit) => {
                let _ = after.start.take().map(|start| start.send(StartReply::Started));
                let _ = after.reply.take().map(|reply| reply.send(Applied::Yes));
            }
            Some(Sabotage::EffectsBeforeCommit) => {
                let early = Transition { effects: after.effects(), ..Transition::default() };
                self.perform(After::of(after.key, early));
            }
            _ => {}
        }
        after
    }

    /// Puts the first Transition of an execution into the batch.
    pub(super) fn write_start(&mut self, key: ExecutionKey, record: ExecutionRecord, after: After) {
        let Some(live) = self.lives.get_mut(&key) else { return };
        live.uncommitted += 1;
        let write = execution_write(key, live, &after.transition);
        self.batch.writes.push(Write::Start { record: Box::new(record), write: Box::new(write) });
        let after = self.sabotaged(after);
        self.batch.afters.push(after);
    }

    /// Hands the batch to the store, unless one is under way.
    pub(super) fn submit(&mut self) {
        if self.committing.is_some() || self.batch.is_empty() {
            return;
        }
        self.committing = Some(std::mem::take(&mut self.batch));
        self.commit_again();
    }

    /// Hands the group that is being committed to the store (again).
    pub(super) fn commit_again(&mut self) {
        let Some(group) = &mut self.committing else { return };
        group.tries += 1;
        let Some(mailbox) = self.shared.mailboxes.get(self.index) else { return };
        let (sender, waiting) = (mailbox.sender.clone(), std::sync::Arc::clone(&mailbox.waiting));
        let done = Box::new(move |outcome| {
            waiting.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let _ = sender.send(Message::Committed(outcome)); // a loop that has ended needs no news
        });
        self.shared.store.commit(group.writes.clone(), done);
    }

    /// The group is durable, or has failed.
    pub(super) fn committed(&mut self, outcome: Committed) {
        match outcome {
            Ok(results) => {
                if self.stalled.take().is_some() {
                    tracing::info!("the store takes writes again");
                }
                let Some(group) = self.committing.take() else { return };
                let again = group.tries > 1;
                let mut conflicts = BTreeSet::new();
                for ((after, write), result) in group.afters.into_iter().zip(&group.writes).zip(results) {
                    // A group that was tried again may have been applied the first time, its answer lost.
                    let result = if again && self.is_applied(write) { Ok(()) } else { result };
                    if matches!(result, Err(WriteError::Conflict { .. })) {
                        conflicts.insert(after.key);
                    }
                    self.settled(after, result);
                }
                for (key, reply) in group.told {
                    let _ = reply.send(if conflicts.contains(&key) { Applied::Failed } else { Applied::Stale });
                }
                for message in group.asked_again {
                    self.take(message);
                }
            }
            Err(error) => self.commit_failed(&error.to_string()),
        }
    }

    /// Whether the store holds what this write was to make of an execution. The group may hold further writes of it, so
    /// the store may be ahead; nobody else writes to an execution of this loop.
    fn is_applied(&self, write: &Write) -> bool {
        let write = match write {
            Write::Start { write, .. } | Write::Advance(write) => write,
            _ => return false,
        };
        if self.shared.config.sabotage == Some(Sabotage::LostAnswer) {
            return false;
        }
        let last_event = write.next_event.saturating_sub(1);
        let stored = self.shared.store.execution(write.key);
        matches!(stored, Ok(Some(record)) if record.last_event >= last_event)
    }

    /// Says that a command came too late. What it came too late for may not be durable yet; then the answer waits for that.
    pub(super) fn tell_stale(&mut self, key: ExecutionKey, reply: oneshot::Sender<Applied>) {
        let at_once = self.shared.config.sabotage == Some(Sabotage::StaleAtOnce);
        let uncommitted = !at_once && self.lives.get(&key).is_some_and(|live| live.uncommitted > 0);
        let group = if self.batch.is_empty() { self.committing.as_mut() } else { Some(&mut self.batch) };
        match group.filter(|_| uncommitted) {
            Some(group) => group.told.push((key, reply)),
            None => drop(reply.send(Applied::Stale)),
        }
    }

    /// Nothing of the group may be assumed; it is tried again until the store takes it. Nobody was told anything yet.
    fn commit_failed(&mut self, why: &str) {
        if self.stalled.is_none() {
            tracing::error!(why, "the store does not take writes; executions stand still until it does");
        }
        self.stalled = Some(why.to_owned());
        let Some(mailbox) = self.shared.mailboxes.get(self.index) else { return };
        let (sender, waiting) = (mailbox.sender.clone(), std::sync::Arc::clone(&mailbox.waiting));
        self.shared.runtime.spawn(async move {
            tokio::time::sleep(RETRY_AFTER).await;
            waiting.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let _ = sender.send(Message::RetryCommit);
        });
    }

    fn settled(&mut self, mut after: After, result: Result<(), WriteError>) {
        if let Some(live) = self.lives.get_mut(&after.key) {
            live.uncommitted = live.uncommitted.saturating_sub(1);
        }
        match result {
            Ok(()) => {
                if let Some(start) = after.start.take() {
                    let _ = start.send(StartReply::Started);
                }
                if let Some(reply) = after.reply.take() {
                    let _ = reply.send(Applied::Yes);
                }
                self.perform(after);
            }
            Err(WriteError::NameTaken { existing }) => {
                self.start_refused(after.key);
                if let Some(start) = after.start.take() {
                    let _ = start.send(StartReply::NameTaken(existing));
                }
            }
            Err(WriteError::Conflict { next_event }) => self.conflict(after, next_event),
        }
    }

    /// The stored execution is not what this loop thinks it is: what is in memory is given up and read again.
    fn conflict(&mut self, mut after: After, next_event: u64) {
        tracing::error!(
            execution = after.key.0,
            next_event,
            "a write did not fit the stored execution; it is read again"
        );
        self.lives.remove(&after.key);
        self.timers.forget(after.key);
        if let Some(reply) = after.reply.take() {
            let _ = reply.send(Applied::Failed);
        }
        if let Err(error) = self.revive(after.key) {
            tracing::error!(execution = after.key.0, %error, "the execution cannot be read");
        }
    }
}

/// The write of a Transition.
fn execution_write(key: ExecutionKey, live: &super::Live, transition: &Transition) -> ExecutionWrite {
    let execution = &live.execution;
    let frames = transition.frames_put.iter().filter_map(|id| execution.frames.get(id).cloned());
    ExecutionWrite {
        key,
        expected_next_event: transition.expected_next_event,
        events: transition.events.clone(),
        frames_put: frames.collect(),
        frames_removed: transition.frames_removed.iter().copied().collect(),
        contents_put: transition.contents_put.clone(),
        contents_removed: transition.contents_removed.clone(),
        next_event: execution.next_event,
        next_frame: execution.next_frame,
        next_content: execution.next_content,
        redrive_count: execution.redrive_count,
        redriven: execution.redriven,
        closed: transition.closed,
    }
}
