//! The API as one value: settings, the engine, and the way from a request to its operation.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use stepwell_engine::Handle;
use stepwell_model::{ApiError, Limits, Operation, Request, validate_within};
use stepwell_value::Value;
use tokio::sync::watch;

use crate::access::{Access, Caller};
use crate::awake::Awake;
use crate::call::Call;
use crate::in_flight::InFlight;
use crate::pollers::Pollers;
use crate::sts::Sessions;
use crate::test_cases::TestCases;
use crate::throttle::{Quotas, Throttle};
use crate::{operations, own};

/// Settings of the API.
#[derive(Clone, Debug)]
pub struct Config {
    /// Who may call.
    pub access: Access,
    /// Limits of requests.
    pub limits: Limits,
    /// Whether DescribeStateMachine shows `encryptionConfiguration` of machines that were made without one, as
    /// `{"type": "AWS_OWNED_KEY"}`. AWS began to in 2024; what was recorded before does not have it. Default: yes.
    pub shows_default_encryption: bool,
    /// What `GET /_stepwell/version` answers.
    pub version: Arc<str>,
    /// The test cases of the mock configuration, when there is one.
    pub test_cases: Option<Arc<dyn TestCases>>,
    /// How much one account may ask for. Default: as much as it likes.
    pub quotas: Quotas,
    /// How many bytes of requests may be worked on at a time; beyond it large ones are throttled. Default: 64 MiB.
    pub request_bytes_in_flight_max: u64,
    /// How many bytes of answers may wait for their clients to take them; beyond it large answers of operations that only
    /// read are throttled. Default: 64 MiB.
    pub answer_bytes_in_flight_max: u64,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            access: Access::default(),
            limits: Limits::aws(),
            shows_default_encryption: true,
            version: Arc::from(env!("CARGO_PKG_VERSION")),
            test_cases: None,
            quotas: Quotas::default(),
            request_bytes_in_flight_max: 64 * 1_048_576,
            answer_bytes_in_flight_max: 64 * 1_048_576,
        }
    }
}

/// The API of a running engine.
pub struct Api {
    pub(crate) engine: Handle,
    pub(crate) config: Config,
    pub(crate) throttle: Throttle,
    pub(crate) pollers: Pollers,
    /// Requests that are worked on.
    pub(crate) in_flight: Arc<InFlight>,
    /// Answers that are not sent yet.
    pub(crate) answers: Arc<InFlight>,
    /// Keeps a processor awake for one client that waits for each answer.
    pub(crate) awake: Awake,
    sessions: Sessions,
    stopping: watch::Sender<bool>,
}

impl Api {
    /// The API of this engine.
    pub fn new(engine: Handle, config: Config) -> Api {
        let sessions = Sessions::new(engine.secret());
        let throttle = Throttle::new(config.quotas.clone());
        let (pollers, stopping) = (Pollers::default(), watch::Sender::new(false));
        let (in_flight, answers) = (Arc::default(), Arc::default());
        let awake = Awake::new();
        Api { engine, config, throttle, pollers, in_flight, answers, awake, sessions, stopping }
    }

    /// The engine.
    pub fn engine(&self) -> &Handle {
        &self.engine
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The sessions of assumed roles.
    pub(crate) fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// Performs an operation (`StartExecution`) for a caller who has been authenticated: checks the request against the
    /// service model, then does what the operation does. Also the way in for tasks that call Step Functions itself.
    ///
    /// # Errors
    /// The operation's errors, as AWS answers them; UnknownOperationException for a name that is none.
    pub async fn perform(&self, caller: &Caller, operation: &str, body: &Value) -> Result<Value, ApiError> {
        let operation = Operation::find(operation).ok_or_else(ApiError::unknown_operation)?;
        self.perform_operation(caller, operation, body).await
    }

    /// The same for an operation that is known, Stepwell's own as well.
    ///
    /// # Errors
    /// The operation's errors, as AWS answers them.
    pub async fn perform_operation(
        &self,
        caller: &Caller,
        operation: &'static Operation,
        body: &Value,
    ) -> Result<Value, ApiError> {
        validate_within(operation, body, &self.config.limits)?;
        let call = Call { api: self, caller, request: Request::new(body), operation };
        let run = if operation.is_own() { own::run(&call) } else { operations::run(&call) };
        match CatchPanic(run).await {
            Ok(answer) => answer,
            Err(()) => {
                tracing::error!(operation = operation.name(), "a bug: the operation panicked");
                Err(ApiError::internal_failure("the operation failed by a bug in the server; its log says more"))
            }
        }
    }

    /// Ends long polls, so that connections can be closed.
    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Waits until the server is to stop.
    pub(crate) async fn stopped(&self) {
        let mut stopping = self.stopping.subscribe();
        let _ = stopping.wait_for(|stopping| *stopping).await; // the sender lives as long as `self`
    }
}

/// A future whose panic is an outcome: one broken operation does not take its connection along.
struct CatchPanic<'a, T>(Pin<Box<dyn Future<Output = T> + Send + 'a>>);

impl<T> Future for CatchPanic<'_, T> {
    type Output = Result<T, ()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T, ()>> {
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(context)));
        match polled {
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(_) => Poll::Ready(Err(())), // the panic hook has printed it
        }
    }
}

#[cfg(test)]
mod tests {
    use super::CatchPanic;

    #[tokio::test]
    async fn a_panic_is_an_outcome() {
        let quiet = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let broken = async { std::hint::black_box(None::<i32>).expect("boom") };
        let outcome = CatchPanic(Box::pin(broken) as _).await;
        std::panic::set_hook(quiet);
        assert_eq!(outcome, Err(()));
        assert_eq!(CatchPanic(Box::pin(async { 7 }) as _).await, Ok(7));
    }
}
