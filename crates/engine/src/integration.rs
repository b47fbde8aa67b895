//! What tasks call: the border between the engine and the services.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use stepwell_interpreter::{FailedStage, Failure, Identity, Progress, TaskRequest};
use stepwell_value::Payload;

/// A boxed future.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Performs the calls of tasks. The binary hands in one that knows all integrations.
pub trait Dispatcher: Send + Sync + 'static {
    /// Performs a call. Dropping the future cancels it: nobody waits for the answer any more. When it was dropped because
    /// the task was given up, and not because the server stops, [`Call::cancelled`] says so.
    fn call(&self, call: Call) -> BoxFuture<'static, Answer>;
}

/// One call of a task.
#[derive(Clone)]
pub struct Call {
    /// What is called and with what.
    pub request: TaskRequest,
    /// The execution it is for.
    pub identity: Arc<Identity>,
    /// The task's token; also a name for the call that is the same when it is made again after a restart.
    pub token: Arc<str>,
    /// Where to report progress before the answer.
    pub reporter: Reporter,
    /// Whether the task was given up.
    pub cancelled: Cancelled,
}

/// Whether a task was given up: its execution was stopped, it has timed out, or a branch beside it has failed.
#[derive(Clone, Debug, Default)]
pub struct Cancelled(Arc<AtomicBool>);

impl Cancelled {
    /// Whether it was.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Notes that it was.
    pub fn set(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The task is done, with this output.
    Succeeded(Payload),
    /// The call was made; the task ends with a callback (`.waitForTaskToken`).
    Submitted(Payload),
    /// The task failed.
    Failed(Failure, FailedStage),
}

impl Answer {
    /// A task that ran and failed.
    pub fn failed(failure: Failure) -> Answer {
        Answer::Failed(failure, FailedStage::Run)
    }
}

/// Tells the shard what happens to a task while its call goes on.
#[derive(Clone)]
pub struct Reporter(Arc<dyn Fn(Progress) + Send + Sync>);

impl Reporter {
    /// Makes a reporter of a function.
    pub fn new(report: impl Fn(Progress) + Send + Sync + 'static) -> Reporter {
        Reporter(Arc::new(report))
    }

    /// Reports progress.
    pub fn report(&self, progress: Progress) {
        (self.0)(progress);
    }
}
