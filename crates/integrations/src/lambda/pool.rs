//! The processes of one function: kept warm, started when needed up to a limit, replaced when the code changes.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use super::{
    answer::Answer,
    code::CodeStamp,
    config::FunctionSpec,
    invoke::InvokeError,
    local::Surroundings,
    logs::{FunctionLog, LogStream},
    process::Group,
    runtime,
    runtime_api::{Invocation, RuntimeApi},
    worker::{Run, Start, Worker},
};

/// How often an invocation is given to another process because a warm one turned out to be gone.
const HANDOVERS_MAX: usize = 8;

/// A function and its processes.
pub(super) struct Pool {
    pub(super) spec: FunctionSpec,
    surroundings: Arc<Surroundings>,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Worker>>,
    groups: Mutex<BTreeMap<u64, Group>>,
    group_number: AtomicU64,
    closed: AtomicBool,
}

/// An answer and, when wanted, the end of the log.
pub(super) struct Ran {
    pub(super) answer: Answer,
    pub(super) log_tail: String,
}

impl Pool {
    pub(super) fn new(spec: FunctionSpec, surroundings: Arc<Surroundings>) -> Self {
        let limit = spec.concurrency.map_or(surroundings.processes_max, |limit| limit.get() as usize);
        Self {
            spec,
            surroundings,
            permits: Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS))),
            idle: Mutex::default(),
            groups: Mutex::default(),
            group_number: AtomicU64::new(0),
            closed: AtomicBool::new(false),
        }
    }

    /// Takes a place for one invocation.
    ///
    /// # Errors
    /// With a `concurrency` of its own, a function that is busy refuses, as reserved concurrency does in AWS. Without one,
    /// invocations queue for a free process.
    pub(super) async fn place(&self) -> Result<OwnedSemaphorePermit, InvokeError> {
        let closed = || InvokeError::new("ServiceException", "the server is shutting down", 500);
        if self.spec.concurrency.is_none() {
            return self.permits.clone().acquire_owned().await.map_err(|_| closed());
        }
        self.permits.clone().try_acquire_owned().map_err(|error| match error {
            tokio::sync::TryAcquireError::Closed => closed(),
            tokio::sync::TryAcquireError::NoPermits => {
                InvokeError::new("TooManyRequestsException", "Rate Exceeded.", 429)
            }
        })
    }

    /// Runs an invocation in a warm process, or in a new one.
    pub(super) async fn run(&self, invocation: Invocation, _place: OwnedSemaphorePermit) -> Result<Ran, InvokeError> {
        let stamp = self.stamp().await;
        for _ in 0..HANDOVERS_MAX {
            let (number, mut worker) = match self.take(stamp).await {
                Ok(taken) => taken,
                Err(NoWorker::Internal(error)) => return Err(error),
                Err(NoWorker::NotStartable(why)) => return Ok(self.not_started(&invocation.request_id, &why)),
            };
            let run = worker.run(invocation.clone()).await;
            self.groups().remove(&number);
            if let Run::Done { answer, warm } = run {
                let log_tail = worker.log_tail();
                self.give_back(worker, warm);
                return Ok(Ran { answer, log_tail });
            }
        }
        Err(InvokeError::new("ServiceException", "the processes of the function end as soon as they are idle", 500))
    }

    /// Stops the processes that have been idle for so long.
    pub(super) fn stop_idle(&self, idle_for: Duration, now: Instant) {
        self.idle().retain(|worker| worker.is_running() && now.saturating_duration_since(worker.idle_since) < idle_for);
    }

    /// Stops all processes, busy ones too, and takes no further invocation.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.permits.close();
        for group in std::mem::take(&mut *self.groups()).into_values() {
            group.kill();
        }
        self.idle().clear();
    }

    /// Gives the process groups of idle processes.
    #[cfg(test)]
    pub(super) fn idle_groups(&self) -> Vec<Group> {
        self.idle().iter().map(Worker::group).collect()
    }

    async fn stamp(&self) -> CodeStamp {
        let folder = self.spec.code.clone();
        let stamp = tokio::task::spawn_blocking(move || CodeStamp::of(&folder)).await;
        stamp.unwrap_or_else(|_| CodeStamp::of(&self.spec.code))
    }

    /// Takes a warm process with the present code, or starts one. Those with older code are stopped.
    async fn take(&self, stamp: CodeStamp) -> Result<(u64, Worker), NoWorker> {
        let warm = {
            let mut idle = self.idle();
            idle.retain(|worker| worker.is_running() && worker.stamp == stamp);
            idle.pop()
        };
        let worker = match warm {
            Some(worker) => worker,
            None => self.start(stamp).await?,
        };
        let number = self.group_number.fetch_add(1, Ordering::Relaxed);
        self.groups().insert(number, worker.group());
        if self.closed.load(Ordering::SeqCst) {
            return Err(NoWorker::Internal(InvokeError::new("ServiceException", "the server is shutting down", 500)));
        }
        Ok((number, worker))
    }

    async fn start(&self, stamp: CodeStamp) -> Result<Worker, NoWorker> {
        let internal = |error: std::io::Error| {
            NoWorker::Internal(InvokeError::new(
                "ServiceException",
                format!("a process of the function cannot be started: {error}"),
                500,
            ))
        };
        let words = runtime::command_line(&self.spec, &self.surroundings.bootstraps).map_err(NoWorker::NotStartable)?;
        let api = RuntimeApi::start().await.map_err(internal)?;
        let environment =
            runtime::environment(&self.spec, &self.surroundings.region, &api.address(), &self.surroundings.environment);
        let log = self.log();
        Worker::start(&self.spec, api, Start { words, environment, log, stamp }).map_err(internal)
    }

    fn give_back(&self, worker: Worker, warm: bool) {
        if warm && !self.closed.load(Ordering::SeqCst) {
            self.idle().push(worker);
        }
        if self.closed.load(Ordering::SeqCst) {
            self.idle().clear();
        }
    }

    fn not_started(&self, request_id: &str, why: &str) -> Ran {
        let log = self.log();
        log.line(LogStream::Stderr, &format!("[ERROR] {why}"));
        Ran { answer: Answer::not_started(request_id, why), log_tail: log.tail() }
    }

    fn log(&self) -> FunctionLog {
        FunctionLog::new(&self.spec.name, self.surroundings.log.clone())
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Worker>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn groups(&self) -> MutexGuard<'_, BTreeMap<u64, Group>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why there is no process for an invocation.
enum NoWorker {
    /// The function cannot be started as it is: the user has to change something.
    NotStartable(String),
    /// We or the machine are at fault.
    Internal(InvokeError),
}
