//! Executions that are opened again.

use stepwell_interpreter::Status;
use stepwell_store::{Error, ExecutionKey};
use tokio::sync::oneshot;

use super::{Applied, Live, Message, Reopened, Shard};
use crate::shard::commit::After;

impl Shard {
    /// Opens a closed execution again. One that is not closed, or not where its caller has seen it, is `Stale`; one whose
    /// end or other redrive is not durable yet is asked again when it is.
    pub(super) fn redrive(&mut self, reopened: Reopened, reply: oneshot::Sender<Applied>, again: bool) {
        let key = reopened.key;
        if self.stalled.is_some() {
            let _ = reply.send(Applied::Failed);
            return;
        }
        if let Some(live) = self.lives.get(&key) {
            let unsettled = live.uncommitted > 0 && (!again || live.execution.status != Status::Running);
            let group = if self.batch.is_empty() { self.committing.as_mut() } else { Some(&mut self.batch) };
            match group.filter(|_| unsettled) {
                Some(group) => {
                    group.asked_again.push(Message::Redrive { reopened: Box::new(reopened), reply, again: true });
                }
                None => drop(reply.send(Applied::Stale)),
            }
            return;
        }
        match self.is_closed_at(key, reopened.transition.expected_next_event) {
            Ok(true) => self.reopen(reopened, reply),
            Ok(false) => drop(reply.send(Applied::Stale)),
            Err(error) => {
                tracing::error!(execution = key.0, %error, "the execution cannot be read; it is not redriven");
                let _ = reply.send(Applied::Failed);
            }
        }
    }

    fn is_closed_at(&self, key: ExecutionKey, next_event: u64) -> Result<bool, Error> {
        let record = self.shared.store.execution(key)?;
        Ok(record.is_some_and(|record| record.stopped.is_some() && record.last_event + 1 == next_event))
    }

    fn reopen(&mut self, reopened: Reopened, reply: oneshot::Sender<Applied>) {
        let Reopened { key, execution, transition, definition } = reopened;
        self.timers.forget(key);
        self.lives.insert(key, Live { execution, definition, stored: true, uncommitted: 0, ended: None });
        let mut after = After::of(key, transition);
        after.reply = Some(reply);
        self.write(key, after);
    }
}
