//! What a loop could not do, since the store could not be read for a moment: it is done again after a pause, until the store can
//! be read. Nobody else would ask for it: a timer fires once, and a service answers once.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use stepwell_store::{Error, ExecutionKey};

use super::{Message, Shard};
use crate::config::Sabotage;
use crate::timers::Which;

/// How long a loop waits before it tries again what the store has refused.
pub(crate) const RETRY_AFTER: Duration = Duration::from_millis(500);

impl Shard {
    /// Sends itself a message after a pause.
    pub(super) fn send_later(&self, message: Message) {
        let Some(mailbox) = self.shared.mailboxes.get(self.index) else { return };
        let (sender, waiting) = (mailbox.sender.clone(), Arc::clone(&mailbox.waiting));
        self.shared.runtime.spawn(async move {
            tokio::time::sleep(RETRY_AFTER).await;
            waiting.fetch_add(1, Ordering::Relaxed);
            let _ = sender.send(message); // a loop that has ended needs no news
        });
    }

    /// Takes a message again after a pause.
    pub(super) fn ask_again(&mut self, message: Message, error: &Error) {
        if self.loses(error) {
            return;
        }
        self.put_off += 1;
        self.send_later(Message::Again(Box::new(message)));
    }

    /// Lets a timer fire again after a pause. It is a timer again until then, so that it is forgotten with the others.
    pub(super) fn fire_again(&mut self, key: ExecutionKey, which: Which, error: &Error) {
        if self.loses(error) {
            return;
        }
        let pause = i64::try_from(RETRY_AFTER.as_millis()).unwrap_or_default();
        let at = self.shared.clock.now().0.saturating_add(pause);
        self.timers.set(key, stepwell_value::Timestamp(at), which);
    }

    /// Reads an execution that was given up in memory, and sets up what it waits for.
    pub(super) fn revive_when_readable(&mut self, key: ExecutionKey) {
        match self.revive(key) {
            Ok(()) => {}
            Err(error) if error.lasts() => self.shared.quarantine.put(&*self.shared.store, key, error.to_string()),
            Err(error) => self.ask_again(Message::Revive { key }, &error),
        }
    }

    /// Says so, unless it was said; whether a planted bug loses what is to be done again.
    fn loses(&self, error: &Error) -> bool {
        if self.put_off == 0 {
            tracing::error!(%error, "the store cannot be read; what has to be read is tried again until it can");
        }
        self.shared.config.sabotage == Some(Sabotage::LostReads)
    }
}
