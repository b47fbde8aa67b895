//! What others may ask of the engine.

use std::sync::Arc;
use std::time::Duration;

use stepwell_asl::Definition;
use stepwell_interpreter::{
    Command, Details, EventId, Execution, Failure, HistoryEvent, Identity, Progress, Status, TaskRequest,
};
use stepwell_store::record::ExecutionRecord;
use stepwell_store::{Error, ExecutionFilter, ExecutionKey, MachineKey, Place, Store, Write, WriteError};
use stepwell_value::{Payload, Timestamp};
use tokio::sync::{MutexGuard, oneshot};

use crate::activities::{Activities, ActivityTask, Offer};
use crate::integration::{Answer, Call, Cancelled, Reporter};
use crate::names;
use crate::registry::Resolved;
use crate::shard::again::RETRY_AFTER;
use crate::shard::{Applied, Ended, Message, NewExecution, StartReply};
use crate::shared::Shared;
use crate::token::{self, TaskRef};
use crate::unstored;

/// A cheap handle of the engine.
#[derive(Clone)]
pub struct Handle(Arc<Shared>);

/// An execution to start.
#[derive(Clone, Debug)]
pub struct StartRequest {
    /// Which machine, in which revision.
    pub resolved: Resolved,
    /// The name the caller chose; none: one is made.
    pub name: Option<String>,
    /// The input.
    pub input: Payload,
    /// `traceHeader`
    pub trace_header: Option<Arc<str>>,
    /// The test case of the mock configuration, when tasks are to be answered from there.
    pub test_case: Option<Arc<str>>,
}

/// A started execution.
#[derive(Clone, Debug, PartialEq)]
pub struct Started {
    /// Its key.
    pub key: ExecutionKey,
    /// Its ARN.
    pub execution_arn: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// When it was started.
    pub started: Timestamp,
}

impl Started {
    pub(crate) fn of(record: &ExecutionRecord) -> Started {
        let identity = &record.identity;
        Started {
            key: record.key,
            execution_arn: Arc::clone(&identity.execution_arn),
            name: Arc::clone(&identity.name),
            started: identity.started,
        }
    }
}

/// How an Express execution ended that was started synchronously.
#[derive(Clone, Debug, PartialEq)]
pub struct SyncResult {
    /// The execution.
    pub started: Started,
    /// When it ended.
    pub stopped: Timestamp,
    /// How it ended.
    pub status: Status,
    /// Its output, when it succeeded.
    pub output: Option<Payload>,
    /// Error and cause, when it did not.
    pub failure: Failure,
}

/// Why an execution was not started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An execution of this name exists: it is closed, or has another input.
    #[error("execution already exists: {0}")]
    AlreadyExists(Arc<str>),
    /// Too much waits to be done.
    #[error("too many requests wait to be done")]
    Throttled,
    /// The store does not take writes now.
    #[error("the store does not take writes: {0}")]
    Unavailable(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Why a task's answer was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    /// The text is no token of this server.
    #[error("invalid token")]
    InvalidToken,
    /// Nobody waits for the task any more: it was answered, has timed out, or its execution has ended.
    #[error("the task has ended")]
    TaskTimedOut,
    /// The activity that the task is one of does not exist any more.
    #[error("the activity does not exist")]
    TaskDoesNotExist,
    /// The store could not be read or written.
    #[error("the store is not available")]
    Unavailable,
}

impl Handle {
    pub(crate) fn new(shared: Arc<Shared>) -> Handle {
        Handle(shared)
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// The store, for reading. Reads are short and may be made from async code.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    /// The activities that are known to the loops; kept in step with the registry by those who change it.
    pub fn activities(&self) -> &Activities {
        &self.0.activities
    }

    /// The secret of this installation: the key for page tokens and the like.
    pub fn secret(&self) -> &[u8; 32] {
        &self.0.config.secret
    }

    /// The settings.
    pub fn config(&self) -> &crate::Config {
        &self.0.config
    }

    /// The lock that makes read-check-write on the registry atomic.
    pub async fn lock_registry(&self) -> MutexGuard<'_, ()> {
        self.0.registry_lock.lock().await
    }

    /// A number for a new machine: never used before.
    pub fn new_machine_key(&self) -> MachineKey {
        MachineKey(self.0.new_key().0)
    }

    /// Writes records; durable when it returns.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn write(&self, writes: Vec<Write>) -> Result<Vec<Result<(), WriteError>>, Error> {
        let (sender, receiver) = oneshot::channel();
        let done = Box::new(move |outcome| {
            let _ = sender.send(outcome); // the caller may have gone
        });
        self.0.store.commit(&writes, done);
        let outcome = receiver.await;
        self.0.known_machines.forget(); // whatever became of the writes
        outcome.map_err(|_| Error::Backend("the store was closed".to_owned()))?
    }

    /// The Map Runs that take changes.
    pub(crate) fn changeable_map_runs(&self) -> &crate::map_run_updates::Changeable {
        &self.0.map_runs
    }

    pub(crate) fn map_run_stops(&self) -> &crate::map_run_stops::Stops {
        &self.0.map_run_stops
    }

    /// What the ARN of a machine without version or alias means, when it was looked up lately; never one that is being
    /// deleted.
    pub fn known_machine(&self, arn: &str) -> Option<Resolved> {
        self.0.known_machines.get(arn).ok()
    }

    /// The machines that were looked up lately.
    pub(crate) fn known_machines(&self) -> &crate::known::KnownMachines {
        &self.0.known_machines
    }

    /// The compiled definition of a revision.
    ///
    /// # Errors
    /// When the store fails or the text does not compile.
    pub fn definition(&self, resolved: &Resolved) -> Result<Arc<Definition>, Error> {
        let scope = crate::registry::Scope::of_arn(&resolved.machine.arn).to_string();
        self.0.definitions.get(&*self.0.store, &scope, resolved.machine.key, &resolved.revision.revision_id)
    }

    /// Keeps a definition that was just compiled, so that the first start need not.
    pub fn keep_definition(&self, machine: MachineKey, revision_id: &Arc<str>, definition: Arc<Definition>) {
        self.0.definitions.put(machine, revision_id, definition);
    }

    // ------------------------------------------------------------------ executions

    /// Starts an execution; durable when it returns. The same name with the same input while the execution runs gives
    /// that execution.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(&self, request: StartRequest) -> Result<Started, StartError> {
        // Whether a chosen name is taken is found out by the write that takes it: a read beforehand costs as much again.
        let (input, test_case) = (request.input.clone(), request.test_case.clone());
        let (reply, outcome) = oneshot::channel();
        let (started, over) = self.send_start(request, reply, None)?;
        if over.is_some() {
            return Ok(started);
        }
        match outcome.await {
            Ok(StartReply::Started) => Ok(started),
            Ok(StartReply::NameTaken(existing)) => self.already_started(existing, &input, test_case.as_deref()),
            Ok(StartReply::Unavailable(why)) => Err(StartError::Unavailable(why)),
            Err(_) => Err(StartError::Unavailable("the server is stopping".to_owned())),
        }
    }

    /// Starts an Express execution and waits for its end.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start_sync(&self, request: StartRequest) -> Result<SyncResult, StartError> {
        let (reply, _) = oneshot::channel();
        let (sender, ended) = oneshot::channel();
        let (started, over) = self.send_start(request, reply, Some(sender))?;
        let stopping = || StartError::Unavailable("the execution was cut off".to_owned());
        let ended = match over {
            Some(ended) => ended,
            None => ended.await.map_err(|_| stopping())?,
        };
        Ok(SyncResult {
            started,
            stopped: ended.stopped,
            status: ended.status,
            output: ended.output,
            failure: ended.failure,
        })
    }

    /// Hands a start to the loop of the execution, unless it has ended already.
    fn send_start(
        &self,
        request: StartRequest,
        reply: oneshot::Sender<StartReply>,
        ended: Option<oneshot::Sender<Ended>>,
    ) -> Result<(Started, Option<Ended>), StartError> {
        let key = self.0.new_key();
        if self.0.is_overloaded(key) {
            return Err(StartError::Throttled);
        }
        let definition = self.definition(&request.resolved)?;
        let record = self.new_record(key, &request);
        let started = Started::of(&record);
        let mut execution = Execution::new(Arc::clone(&record.identity), request.input);
        let mut made = None;
        if unstored::is_meant(&self.0, &execution, &definition) {
            let first = unstored::first_step(&self.0, key, &mut execution, &definition);
            let transition = first.map_err(StartError::Unavailable)?;
            if unstored::is_over(&transition) {
                return Ok((started, Ended::of(&transition)));
            }
            made = Some(transition);
        }
        let new = NewExecution { record, execution, definition, reply, ended, made };
        self.0.send(key, Message::Start(Box::new(new)));
        Ok((started, None))
    }

    /// A number for a new execution.
    pub(crate) fn new_key(&self) -> ExecutionKey {
        self.0.new_key()
    }

    pub(crate) fn new_record(&self, key: ExecutionKey, request: &StartRequest) -> ExecutionRecord {
        let resolved = &request.resolved;
        let machine = &resolved.machine;
        // The children of a Map Run of type EXPRESS are stored, and named like those of type STANDARD.
        let is_child = machine.name.contains('/');
        let name = request.name.clone().unwrap_or_else(|| names::generate(self.secret(), key));
        let short_lived = machine.express && !is_child;
        let base = machine.arn.replacen(":stateMachine:", if short_lived { ":express:" } else { ":execution:" }, 1);
        let execution_arn = match short_lived {
            true => format!("{base}:{name}:{}", names::express_part(self.secret(), self.0.incarnation, key)),
            false => format!("{base}:{name}"),
        };
        let identity = Identity {
            execution_arn: Arc::from(execution_arn),
            name: Arc::from(name),
            state_machine_arn: Arc::clone(&machine.arn),
            state_machine_name: Arc::clone(&machine.name),
            version_arn: resolved.version_arn(),
            alias_arn: resolved.alias_arn(),
            role_arn: Arc::clone(&resolved.revision.role_arn),
            region: Arc::from(machine.arn.split(':').nth(3).unwrap_or_default()),
            started: self.now(),
            express: machine.express,
            test_case: request.test_case.clone(),
        };
        ExecutionRecord {
            key,
            machine: machine.key,
            revision_id: Arc::clone(&resolved.revision.revision_id),
            identity: Arc::new(identity),
            generated_name: request.name.is_none(),
            status: Status::Running,
            stopped: None,
            last_event: 0,
            redrive_count: 0,
            redriven: None,
            trace_header: request.trace_header.clone(),
            forked_from: None,
        }
    }

    /// The name is taken: fine when that execution runs and has the same input and test case.
    fn already_started(
        &self,
        existing: ExecutionKey,
        input: &Payload,
        test_case: Option<&str>,
    ) -> Result<Started, StartError> {
        let Some(record) = self.0.store.execution(existing)? else {
            return Err(StartError::Unavailable("the execution of this name is being removed; try again".to_owned()));
        };
        let identity = &record.identity;
        let same = record.status == Status::Running && identity.test_case.as_deref() == test_case;
        if !same || self.input_of(existing)?.value() != input.value() {
            return Err(StartError::AlreadyExists(Arc::clone(&identity.execution_arn)));
        }
        Ok(Started::of(&record))
    }

    /// The input of an execution.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn input_of(&self, key: ExecutionKey) -> Result<Payload, Error> {
        let events = self.0.store.history(key, 1, false, 1)?;
        Ok(match events.first().map(|event| &event.details) {
            Some(Details::ExecutionStarted { input, .. }) => input.clone(),
            _ => Payload::default(),
        })
    }

    /// The output of a closed execution, or its error and cause.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn outcome_of(&self, record: &ExecutionRecord) -> Result<(Option<Payload>, Failure), Error> {
        if record.status == Status::Running {
            return Ok((None, Failure::default()));
        }
        let events = self.0.store.history(record.key, record.last_event, false, 1)?;
        Ok(match events.first().map(|event| &event.details) {
            Some(Details::Output { output }) => (Some(output.clone()), Failure::default()),
            Some(Details::Failure(failure)) => (None, failure.clone()),
            _ => (None, Failure::default()),
        })
    }

    /// The execution of this machine and name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn find(&self, machine: MachineKey, name: &str) -> Result<Option<ExecutionRecord>, Error> {
        let key = match names::key_of(self.secret(), name) {
            Some(key) => Some(key),
            None => self.0.store.execution_named(machine, name)?,
        };
        let Some(key) = key else { return Ok(None) };
        let record = self.0.store.execution(key)?;
        Ok(record.filter(|record| record.machine == machine && &*record.identity.name == name))
    }

    /// Events of an execution; see [`Store::history`].
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn history(
        &self,
        key: ExecutionKey,
        from: EventId,
        reverse: bool,
        limit: usize,
    ) -> Result<Vec<HistoryEvent>, Error> {
        self.0.store.history(key, from, reverse, limit)
    }

    /// Executions of a machine, the newest first; see [`Store::executions`].
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn executions(
        &self,
        filter: &ExecutionFilter,
        before: Option<Place>,
        limit: usize,
    ) -> Result<Vec<ExecutionRecord>, Error> {
        self.0.store.executions(filter, before, limit)
    }

    /// Stops an execution; durable when it returns. `false`: it was closed already.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn stop(&self, key: ExecutionKey, failure: Failure) -> Result<bool, Error> {
        match self.command(key, Command::Stop { failure }).await {
            Applied::Yes => Ok(true),
            Applied::Stale | Applied::NotOpen | Applied::NoActivity => Ok(false),
            Applied::Failed => Err(self.0.quarantine.error(&*self.0.store, key)),
        }
    }

    /// Waits until an execution has ended.
    pub async fn ended(&self, key: ExecutionKey) {
        let (reply, ended) = oneshot::channel();
        self.0.send(key, Message::WhenEnded { key, reply });
        if ended.await.is_err() {
            std::future::pending::<()>().await; // the server stops; nobody is told anything any more
        }
    }

    /// Performs the call of a task that belongs to no execution (TestState), and gives its answer.
    pub async fn call_once(&self, request: TaskRequest, identity: Arc<Identity>) -> Answer {
        let task = TaskRef { key: self.0.new_key(), frame: request.frame, epoch: request.epoch };
        let token = Arc::from(token::encode(self.secret(), task));
        let reporter = Reporter::new(|_| {}); // nobody is told of progress
        self.0.dispatcher.call(Call { request, identity, token, reporter, cancelled: Cancelled::default() }).await
    }

    /// The definition that an execution runs.
    ///
    /// # Errors
    /// When the store fails or the text does not compile.
    pub(crate) fn definition_of(&self, record: &ExecutionRecord) -> Result<Arc<Definition>, Error> {
        self.0.definition_of(record)
    }

    pub(crate) fn is_overloaded(&self, key: ExecutionKey) -> bool {
        self.0.is_overloaded(key)
    }

    pub(crate) fn send(&self, key: ExecutionKey, message: Message) {
        self.0.send(key, message);
    }

    pub(crate) async fn command(&self, key: ExecutionKey, command: Command) -> Applied {
        let (reply, applied) = oneshot::channel();
        self.0.send(key, Message::Command { key, command, reply: Some(reply) });
        applied.await.unwrap_or(Applied::Failed)
    }

    // ------------------------------------------------------------------ tasks

    /// News of a task by its token; durable when it returns.
    ///
    /// # Errors
    /// See [`TaskError`].
    pub async fn task(&self, token: &str, progress: Progress) -> Result<(), TaskError> {
        let task = token::decode(self.secret(), token).ok_or(TaskError::InvalidToken)?;
        match self.tell(task, progress).await {
            Applied::Yes => Ok(()),
            Applied::Stale | Applied::NotOpen => Err(TaskError::TaskTimedOut),
            Applied::NoActivity => Err(TaskError::TaskDoesNotExist),
            Applied::Failed => Err(TaskError::Unavailable),
        }
    }

    async fn tell(&self, task: TaskRef, progress: Progress) -> Applied {
        let (reply, applied) = oneshot::channel();
        self.0.send(task.key, Message::Task { task, progress, from_call: false, reply: Some(reply) });
        applied.await.unwrap_or(Applied::Failed)
    }

    /// A task of an activity for a worker; waits so long for one. The task's ActivityStarted is durable when it returns.
    pub async fn activity_task(
        &self,
        arn: &str,
        worker_name: Option<Arc<str>>,
        wait: Duration,
    ) -> Option<ActivityTask> {
        let until = tokio::time::Instant::now() + wait;
        loop {
            let offer = match self.0.activities.take(arn) {
                Ok(offer) => offer,
                Err(coming) => coming.until(until).await?,
            };
            let handed = ActivityTask { token: token::encode(self.secret(), offer.task), input: offer.input.clone() };
            // Beside the worker's request: when it hangs up, its task is cared for all the same.
            let handing = self.clone().hand_over(Arc::from(arn), offer, worker_name.clone());
            // A task that was given up in the meantime is passed over.
            if self.0.runtime.spawn(handing).await.unwrap_or(false) {
                return Some(handed);
            }
        }
    }

    /// Tells an execution that a worker has its task; whether that is so. When it cannot be read for a moment, the task is
    /// offered again after a pause: nobody else would.
    async fn hand_over(self, arn: Arc<str>, offer: Offer, worker_name: Option<Arc<str>>) -> bool {
        let key = offer.task.key;
        let applied = self.tell(offer.task, Progress::Started { worker_name }).await;
        if applied == Applied::Failed && !self.0.quarantine.has(key) {
            let shared = self.0;
            shared.runtime.clone().spawn(async move {
                tokio::time::sleep(RETRY_AFTER).await;
                shared.activities.offer(&arn, offer);
            });
        }
        applied == Applied::Yes
    }
}
