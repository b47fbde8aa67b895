//! Forking: a new execution that goes on from a past event of another one.
//!
//! Like a redrive, the history is read and understood here, outside of the loops; what is past does not change, whether
//! the other execution still runs or not.

use std::sync::Arc;

use stepwell_interpreter::{EventId, Fork, ForkRefusal, Identity, Moment};
use stepwell_store::record::{ExecutionRecord, ForkedFrom};
use stepwell_store::{Error, ExecutionKey, Write};
use stepwell_value::Payload;
use tokio::sync::oneshot;

use crate::handle::{Handle, StartError, StartRequest, Started};
use crate::registry::Resolved;
use crate::shard::{Message, NewExecution, StartReply};
use crate::token::ExecutionOutside;

/// A fork that is asked for.
#[derive(Clone, Debug)]
pub struct ForkRequest {
    /// The execution it is made of: Standard, and no child of a Map Run.
    pub source: ExecutionRecord,
    /// The last of its events that count.
    pub event: EventId,
    /// See [`Fork::input`].
    pub input: Option<Payload>,
    /// The machine, and the revision that the new execution runs.
    pub resolved: Resolved,
    /// What has to be stored before it: a revision that is not the source's.
    pub records: Vec<Write>,
    /// The name the caller chose; none: one is made.
    pub name: Option<String>,
}

/// Why an execution was not forked.
#[derive(Debug, thiserror::Error)]
pub enum ForkError {
    /// It cannot be, there or so.
    #[error("the execution cannot be forked: {0}")]
    Refused(ForkRefusal),
    /// It was not started.
    #[error(transparent)]
    Start(#[from] StartError),
}

impl From<Error> for ForkError {
    fn from(error: Error) -> ForkError {
        ForkError::Start(StartError::Store(error))
    }
}

impl Handle {
    /// Starts an execution that goes on from a past event of another one; durable when it returns.
    ///
    /// # Errors
    /// See [`ForkError`].
    pub async fn fork(&self, request: ForkRequest) -> Result<Started, ForkError> {
        let source = &request.source;
        let history = self.whole_history(source).await?;
        let key = self.new_key();
        if self.is_overloaded(key) {
            return Err(ForkError::Start(StartError::Throttled));
        }
        let record = self.forked_record(key, &request);
        let definition = self.definition(&request.resolved)?;
        let outside =
            ExecutionOutside { secret: self.secret(), key, activities: self.activities(), store: &**self.store() };
        let moment = Moment { now: record.identity.started, entropy: key.0, outside: &outside };
        let fork = Fork {
            identity: Arc::clone(&record.identity),
            history: &history,
            source: &*self.definition_of(source)?,
            event: request.event,
            input: request.input.clone(),
        };
        let made = stepwell_interpreter::fork(&definition, &fork, moment, &self.config().limits);
        let (execution, transition) = made.map_err(ForkError::Refused)?;
        if !request.records.is_empty() {
            self.write(request.records.clone()).await?;
        }
        let started = Started::of(&record);
        let (reply, outcome) = oneshot::channel();
        let new = NewExecution { record, execution, definition, reply, ended: None, made: Some(transition) };
        self.send(key, Message::Start(Box::new(new)));
        match outcome.await {
            Ok(StartReply::Started) => Ok(started),
            Ok(StartReply::NameTaken(_)) => Err(StartError::AlreadyExists(started.execution_arn).into()),
            Ok(StartReply::Unavailable(why)) => Err(StartError::Unavailable(why).into()),
            Err(_) => Err(StartError::Unavailable("the server is stopping".to_owned()).into()),
        }
    }

    /// The row of the new execution. It is of the version and alias of the other one as long as it runs the same revision.
    fn forked_record(&self, key: ExecutionKey, request: &ForkRequest) -> ExecutionRecord {
        let source = &request.source;
        let mut record = self.new_record(
            key,
            &StartRequest {
                resolved: request.resolved.clone(),
                name: request.name.clone(),
                input: Payload::default(),
                trace_header: source.trace_header.clone(),
                test_case: source.identity.test_case.clone(),
            },
        );
        if record.revision_id == source.revision_id {
            record.identity = Arc::new(Identity {
                version_arn: source.identity.version_arn.clone(),
                alias_arn: source.identity.alias_arn.clone(),
                ..(*record.identity).clone()
            });
        }
        record.forked_from = Some(Arc::new(ForkedFrom {
            execution_arn: Arc::clone(&source.identity.execution_arn),
            event: request.event,
        }));
        record
    }
}
