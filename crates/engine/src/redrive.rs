//! Redriving: a closed execution is read back from its history, opened again, and goes on in its shard.
//!
//! The history is read and understood here, outside of the loops: it may be long, and it cannot change while the execution
//! is closed. The shard only checks that it still is, and commits.

use std::sync::Arc;

use stepwell_interpreter::{Details, HistoryEvent, Moment, Redrive, Status};
use stepwell_store::record::ExecutionRecord;
use stepwell_store::{Error, ExecutionKey};
use stepwell_value::Timestamp;
use tokio::sync::oneshot;

use crate::handle::Handle;
use crate::shard::{Applied, Message, Reopened};
use crate::token::ExecutionOutside;

/// How many of the last client tokens of an execution are remembered. API reference, RedriveExecution.
const TOKENS_MAX: usize = 10;
/// How long a client token is remembered: 15 minutes. API reference, RedriveExecution.
const TOKEN_SECONDS: u64 = 15 * 60;
/// Events read at a time.
const PAGE: usize = 1000;

/// Why an execution was not redriven.
#[derive(Debug, thiserror::Error)]
pub enum RedriveError {
    /// It runs, has succeeded, is no Standard execution, or its history has no room for a redrive.
    #[error("the execution cannot be redriven")]
    NotRedrivable,
    /// There is no such execution.
    #[error("the execution does not exist")]
    NotFound,
    /// Too much waits to be done.
    #[error("too many requests wait to be done")]
    Throttled,
    /// The store does not take writes now.
    #[error("the store does not take writes")]
    Unavailable,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl Handle {
    /// Lets a closed execution that did not succeed go on where it failed; durable when it returns. Gives the moment of the
    /// redrive: with a client token that was used before, of that one's.
    ///
    /// # Errors
    /// See [`RedriveError`].
    pub async fn redrive(&self, key: ExecutionKey, client_token: Option<Arc<str>>) -> Result<Timestamp, RedriveError> {
        let record = self.store().execution(key)?.ok_or(RedriveError::NotFound)?;
        if let Some(at) = self.redriven_by(&record, client_token.as_deref())? {
            return Ok(at);
        }
        if self.is_overloaded(key) {
            return Err(RedriveError::Throttled);
        }
        let reopened = self.reopened(&record, client_token.clone()).await?.ok_or(RedriveError::NotRedrivable)?;
        let at = reopened.execution.redriven.unwrap_or_default();
        let (reply, applied) = oneshot::channel();
        self.send(key, Message::Redrive { reopened: Box::new(reopened), reply, again: false });
        match applied.await.unwrap_or(Applied::Failed) {
            Applied::Yes => Ok(at),
            Applied::NotOpen | Applied::NoActivity | Applied::Failed => Err(RedriveError::Unavailable),
            // Somebody else was faster; the same caller, perhaps, who has asked twice.
            Applied::Stale => {
                let record = self.store().execution(key)?.ok_or(RedriveError::NotFound)?;
                self.redriven_by(&record, client_token.as_deref())?.ok_or(RedriveError::NotRedrivable)
            }
        }
    }

    /// When an execution was redriven with this client token; `None` when it was not, or long ago.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn redriven_by(
        &self,
        record: &ExecutionRecord,
        client_token: Option<&str>,
    ) -> Result<Option<Timestamp>, Error> {
        let Some(token) = client_token.filter(|_| record.redrive_count > 0) else { return Ok(None) };
        let now = self.now();
        let (mut from, mut seen) = (record.last_event, 0);
        loop {
            let page = self.history(record.key, from, true, PAGE)?;
            for event in &page {
                let Details::ExecutionRedriven { client_token, .. } = &event.details else { continue };
                seen += 1;
                if seen > TOKENS_MAX || now > event.at.plus_seconds(TOKEN_SECONDS) {
                    return Ok(None);
                }
                if client_token.as_deref() == Some(token) {
                    return Ok(Some(event.at));
                }
            }
            match page.last() {
                Some(event) if event.id > 1 => from = event.id - 1,
                _ => return Ok(None),
            }
        }
    }

    /// The execution as it goes on; `None` when it cannot.
    async fn reopened(
        &self,
        record: &ExecutionRecord,
        client_token: Option<Arc<str>>,
    ) -> Result<Option<Reopened>, RedriveError> {
        let closed = matches!(record.status, Status::Failed | Status::TimedOut | Status::Aborted);
        let limits = &self.config().limits;
        let is_full = limits.history_events.is_some_and(|limit| record.last_event + 1 >= limit);
        if !closed || is_full || !record.identity.is_kept() {
            return Ok(None);
        }
        let history = self.whole_history(record).await?;
        let definition = self.definition_of(record)?;
        let outside = ExecutionOutside {
            secret: self.secret(),
            key: record.key,
            activities: self.activities(),
            store: &**self.store(),
        };
        // No state that a redrive evaluates again may depend on chance; the same redrive gives the same frames.
        let moment = Moment { now: self.now(), entropy: record.key.0 ^ record.last_event, outside: &outside };
        let redrive = Redrive {
            identity: Arc::clone(&record.identity),
            history: &history,
            redrive_count: record.redrive_count.saturating_add(1),
            client_token,
        };
        let redriven = stepwell_interpreter::redrive(&definition, &redrive, moment, limits);
        Ok(redriven.map(|(execution, transition)| Reopened { key: record.key, execution, transition, definition }))
    }

    /// The history up to the end that the record tells of: the execution may go on in the meantime.
    pub(crate) async fn whole_history(&self, record: &ExecutionRecord) -> Result<Vec<HistoryEvent>, Error> {
        let mut events: Vec<HistoryEvent> = Vec::new();
        loop {
            let page = self.history(record.key, events.len() as u64 + 1, false, PAGE)?;
            let is_last = page.last().is_none_or(|event| event.id >= record.last_event);
            events.extend(page.into_iter().take_while(|event| event.id <= record.last_event));
            if is_last {
                return Ok(events);
            }
            tokio::task::yield_now().await;
        }
    }
}
