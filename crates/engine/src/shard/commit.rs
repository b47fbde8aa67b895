//! Committing: one group at a time, with everything of the turn in it; replies and effects follow when it is durable.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use stepwell_interpreter::{Effect, FrameId, Transition};
use stepwell_store::record::{ExecutionRecord, ExecutionWrite};
use stepwell_store::{Committed, Error, ExecutionKey, Write, WriteError, merge};
use tokio::sync::oneshot;

use super::{Applied, Ended, Message, Shard, StartReply};
use crate::config::Sabotage;

/// So many Transitions in one group are the work of several callers.
const COMPANY: usize = 8;

/// Writes and what is to be done when they are durable.
#[derive(Default)]
pub(crate) struct Group {
    writes: Vec<Write>,
    /// Each with the index of the write it follows from; writes of one execution may be merged into one.
    afters: Vec<(usize, After)>,
    /// Executions that go on in this group: the index of their last write, and the bytes of payloads in it.
    growing: HashMap<ExecutionKey, (usize, usize)>,
    /// Answers that tell of what these writes do, without writing anything themselves: a stale command's.
    pub told: Vec<(ExecutionKey, oneshot::Sender<Applied>)>,
    /// Map Runs that these writes give up: that they are aborted becomes durable with them.
    pub given_up: Vec<Arc<str>>,
    /// Messages that could not be judged before these writes are durable.
    pub asked_again: Vec<Message>,
    /// How often it was handed to the store.
    pub tries: u32,
}

impl Group {
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// Puts in a write and what is to be done when it is durable.
    pub fn push(&mut self, write: Write, after: After) {
        self.afters.push((self.writes.len(), after));
        self.writes.push(write);
    }

    /// Puts in a further write of an execution: into the one before it, where it can.
    fn advance(&mut self, write: ExecutionWrite, after: After) {
        let (key, bytes) = (write.key, write.payload_bytes());
        if let Some((index, before)) = self.growing.get_mut(&key)
            && let Some(Write::Advance(earlier)) = self.writes.get_mut(*index)
            && merge::can_grow(*before, bytes)
            && earlier.can_merge(&write)
        {
            *before += bytes;
            earlier.merge(write);
            self.afters.push((*index, after));
            return;
        }
        self.growing.insert(key, (self.writes.len(), bytes));
        self.push(Write::Advance(Box::new(write)), after);
    }
}

/// How large groups were lately.
#[derive(Clone, Copy, Default)]
pub(crate) struct Recent {
    /// Transitions in the last one, or half of what it was before.
    size: usize,
    /// Whether most of them were of the same executions.
    merges: bool,
}

impl Recent {
    fn then(self, transitions: usize, writes: usize) -> Recent {
        Recent { size: transitions.max(self.size / 2), merges: transitions >= 2 * writes }
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
        Ended::of(&self.transition)
    }
}

impl Shard {
    /// Puts a further Transition into the batch; an execution that is not stored goes on at once.
    pub(super) fn write(&mut self, key: ExecutionKey, mut after: After) {
        let Some(live) = self.lives.get_mut(&key) else { return };
        if !live.stored {
            self.perform(after);
            return;
        }
        live.uncommitted += 1;
        let write = execution_write(key, live, &mut after.transition);
        let given_up = self.map_runs_given_up(key, &after.transition);
        self.batch.given_up.extend(given_up);
        let after = self.sabotaged(after);
        self.batch.advance(write, after);
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
    pub(super) fn write_start(&mut self, key: ExecutionKey, record: ExecutionRecord, mut after: After) {
        let Some(live) = self.lives.get_mut(&key) else { return };
        live.uncommitted += 1;
        let write = execution_write(key, live, &mut after.transition);
        let after = self.sabotaged(after);
        self.batch.push(Write::Start { record: Box::new(record), write: Box::new(write) }, after);
    }

    /// Whether more is likely to come for the batch in a moment: groups were larger lately. Then it is worth waiting for,
    /// since a commit costs some pages whatever is in it: for all of it where Transitions are of few executions, since
    /// those become one write; for half of it otherwise. A caller who is alone is never waited with.
    pub fn expects_company(&self) -> bool {
        let few = self.batch.afters.len();
        let enough = if self.recent_group.merges { self.recent_group.size } else { self.recent_group.size / 2 };
        self.committing.is_none() && few > 0 && self.recent_group.size >= COMPANY && few < enough
    }

    /// Hands the batch to the store, unless one is under way. When the Map Runs it gives up cannot be read, it waits for the
    /// next turn.
    pub(super) fn submit(&mut self) {
        if self.committing.is_some() || self.batch.is_empty() || !self.write_aborted_map_runs() {
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
        self.shared.store.commit(&group.writes, done);
    }

    /// The group is durable, or has failed.
    pub(super) fn committed(&mut self, outcome: Committed) {
        match outcome {
            Ok(results) => {
                let results = match self.judged(&results) {
                    Ok(judged) => judged,
                    Err(error) => {
                        self.stall(error.to_string());
                        return self.send_later(Message::Committed(Ok(results)));
                    }
                };
                if self.stalled.take().is_some() {
                    tracing::info!("the store takes writes again");
                }
                let Some(group) = self.committing.take() else { return };
                self.recent_group = self.recent_group.then(group.afters.len(), group.writes.len());
                // The store goes on with what has come in the meantime while those who wait for this group are told.
                if results.iter().all(Result::is_ok) && !self.expects_company() {
                    self.submit();
                }
                let mut conflicts = BTreeSet::new();
                for (index, after) in group.afters {
                    let Some(result) = results.get(index).cloned() else { continue };
                    let again = matches!(result, Err(WriteError::Conflict { .. })) && !conflicts.insert(after.key);
                    self.settled(after, result, again);
                }
                for (key, reply) in group.told {
                    let _ = reply.send(if conflicts.contains(&key) { Applied::Failed } else { Applied::Stale });
                }
                for message in group.asked_again {
                    self.take(message);
                }
            }
            // Nothing of the group may be assumed; it is tried again until the store takes it. Nobody was told anything yet.
            Err(error) => {
                self.stall(error.to_string());
                self.send_later(Message::RetryCommit);
            }
        }
    }

    /// What became of the writes of the group. One that was tried again may have been applied the first time, its answer
    /// lost.
    ///
    /// # Errors
    /// When the store cannot be read for a moment.
    fn judged(&self, results: &[Result<(), WriteError>]) -> Result<Vec<Result<(), WriteError>>, Error> {
        let Some(group) = self.committing.as_ref().filter(|group| group.tries > 1) else { return Ok(results.to_vec()) };
        let judge = |(write, result): (&Write, &Result<(), WriteError>)| {
            Ok(if result.is_err() && self.is_applied(write)? { Ok(()) } else { result.clone() })
        };
        group.writes.iter().zip(results).map(judge).collect()
    }

    /// Whether the store holds what this write was to make of an execution. The group may hold further writes of it, so
    /// the store may be ahead; nobody else writes to an execution of this loop.
    fn is_applied(&self, write: &Write) -> Result<bool, Error> {
        let write = match write {
            Write::Start { write, .. } | Write::Advance(write) => write,
            _ => return Ok(false),
        };
        if self.shared.config.sabotage == Some(Sabotage::LostAnswer) {
            return Ok(false);
        }
        let last_event = write.next_event.saturating_sub(1);
        match self.shared.store.execution(write.key) {
            Ok(stored) => Ok(stored.is_some_and(|record| record.last_event >= last_event)),
            Err(error) if error.lasts() => Ok(false),
            Err(error) => Err(error),
        }
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

    /// Executions stand still until a commit succeeds.
    pub(super) fn stall(&mut self, why: String) {
        if self.stalled.is_none() {
            tracing::error!(why, "the store does not take writes; executions stand still until it does");
        }
        self.stalled = Some(why);
    }

    /// A write is durable, or refused; `again`: the same was said of an earlier write of this execution and group.
    fn settled(&mut self, mut after: After, result: Result<(), WriteError>, again: bool) {
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
            Err(WriteError::Conflict { next_event }) => {
                if let Some(reply) = after.reply.take() {
                    let _ = reply.send(Applied::Failed);
                }
                if !again {
                    self.conflict(after.key, next_event);
                }
            }
        }
    }

    /// The stored execution is not what this loop thinks it is: what is in memory is given up and read again.
    fn conflict(&mut self, key: ExecutionKey, next_event: u64) {
        tracing::error!(execution = key.0, next_event, "a write did not fit the stored execution; it is read again");
        self.lives.remove(&key);
        self.timers.forget(key);
        self.revive_when_readable(key);
    }
}

/// The write of a Transition. It takes what only a store needs; how the execution ended stays for [`After::ended`].
fn execution_write(key: ExecutionKey, live: &super::Live, transition: &mut Transition) -> ExecutionWrite {
    let execution = &live.execution;
    let frames = transition.frames_put.iter().filter_map(|id| execution.frames.get(id).cloned());
    let events = std::mem::take(&mut transition.events);
    if transition.closed.is_some() {
        transition.events.extend(events.last().cloned());
    }
    ExecutionWrite {
        key,
        expected_next_event: transition.expected_next_event,
        events,
        frames_put: frames.collect(),
        frames_removed: transition.frames_removed.iter().copied().collect(),
        contents_put: std::mem::take(&mut transition.contents_put),
        contents_removed: std::mem::take(&mut transition.contents_removed),
        next_event: execution.next_event,
        next_frame: execution.next_frame,
        next_content: execution.next_content,
        redrive_count: execution.redrive_count,
        redriven: execution.redriven,
        closed: transition.closed,
    }
}
