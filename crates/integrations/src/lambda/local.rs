//! The functions that run on this machine.

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, Weak},
    time::Duration,
};

use bytes::Bytes;
use tokio::time::Instant;

use super::{
    answer::REQUEST_BYTES_MAX,
    config::FunctionSpec,
    function_ref::FunctionRef,
    invoke::{InvocationType, InvokeError, InvokeOptions, Invoked},
    logs::LogSink,
    pool::{Pool, Ran},
    runtime::BootstrapFolder,
    runtime_api::Invocation,
};

/// How the functions of a server are run.
#[derive(Debug, Clone)]
pub struct LocalOptions {
    /// The folder in which the bootstraps are put while the server runs; it is made if missing.
    pub runtime_folder: PathBuf,
    /// The region that functions see as `AWS_REGION`.
    pub region: String,
    /// Variables that every function gets, such as `AWS_ENDPOINT_URL_SFN`. A function's own win.
    pub environment: BTreeMap<String, String>,
    /// Processes of one function without a `concurrency` of its own; further invocations queue.
    pub processes_max: usize,
    /// A process that has been idle for so long is stopped.
    pub idle_timeout: Duration,
}

impl Default for LocalOptions {
    /// The system's temporary folder, `us-east-1`, four processes per core and function, five minutes.
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            runtime_folder: std::env::temp_dir(),
            region: "us-east-1".into(),
            environment: BTreeMap::new(),
            processes_max: cores.saturating_mul(4),
            idle_timeout: Duration::from_mins(5),
        }
    }
}

/// What all functions share.
pub(super) struct Surroundings {
    pub(super) region: String,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) processes_max: usize,
    pub(super) bootstraps: BootstrapFolder,
    pub(super) log: Arc<dyn LogSink>,
}

/// Functions run as warm child processes. Dropping it stops them all.
pub struct LocalFunctions {
    surroundings: Arc<Surroundings>,
    pools: Arc<RwLock<BTreeMap<String, Arc<Pool>>>>,
}

impl LocalFunctions {
    /// Makes the functions known; processes are started when they are first called. Needs a running tokio runtime.
    ///
    /// # Errors
    /// Gives the error of making the folder for the bootstraps.
    pub fn new(functions: Vec<FunctionSpec>, options: LocalOptions, log: Arc<dyn LogSink>) -> io::Result<Self> {
        let surroundings = Surroundings {
            bootstraps: BootstrapFolder::create(&options.runtime_folder)?,
            region: options.region,
            environment: options.environment,
            processes_max: options.processes_max.max(1),
            log,
        };
        let made = Self { surroundings: Arc::new(surroundings), pools: Arc::default() };
        made.replace(functions);
        tokio::spawn(stop_idle_ones(Arc::downgrade(&made.pools), options.idle_timeout));
        Ok(made)
    }

    /// Takes a new list of functions, as after a change of `stepwell.toml`. Functions that stay as they were keep their
    /// processes; the processes of changed and removed ones are stopped.
    pub fn replace(&self, functions: Vec<FunctionSpec>) {
        let mut pools = self.pools.write().unwrap_or_else(PoisonError::into_inner);
        let mut old = std::mem::take(&mut *pools);
        for spec in functions {
            let kept = old.remove(&spec.name).filter(|pool| pool.spec == spec).or_else(|| pools.remove(&spec.name));
            let pool = kept.unwrap_or_else(|| Arc::new(Pool::new(spec, self.surroundings.clone())));
            pools.insert(pool.spec.name.clone(), pool);
        }
        old.values().for_each(|pool| pool.close());
    }

    /// Says whether there is a function of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.pools().contains_key(name)
    }

    /// Gives all functions, in the order of their names.
    pub fn list(&self) -> Vec<FunctionSpec> {
        self.pools().values().map(|pool| pool.spec.clone()).collect()
    }

    /// Calls a function. Any version or alias is the one that is here.
    ///
    /// # Errors
    /// `ResourceNotFoundException` for an unknown name, `TooManyRequestsException` when its `concurrency` is used up,
    /// `RequestTooLargeException`, `InvalidRequestContentException` for an event that is no JSON, `ServiceException` when the
    /// machine gives no process.
    pub async fn invoke(
        &self,
        function: &FunctionRef,
        payload: &str,
        options: &InvokeOptions,
    ) -> Result<Invoked, InvokeError> {
        let pool = self.pools().get(&function.name).cloned().ok_or_else(|| InvokeError::not_found(function))?;
        check_payload(payload)?;
        let invocation = Invocation {
            request_id: crate::ids::request_id(),
            function_arn: function.to_string(),
            payload: Bytes::copy_from_slice(if payload.is_empty() { b"{}" } else { payload.as_bytes() }),
            deadline_ms: 0,
            trace_id: options.trace_id.clone().unwrap_or_else(crate::ids::trace_id),
            client_context: options.client_context.clone(),
        };
        let call = Call { version: version_of(function), invocation, log_tail: options.log_tail };
        match options.invocation_type {
            InvocationType::DryRun => Ok(call.without_answer(204)),
            InvocationType::Event => {
                let early = call.without_answer(202);
                tokio::spawn(async move { call.run(&pool).await });
                Ok(early)
            }
            // A task of its own, so that a function which has begun runs to its end even if nobody waits any more.
            InvocationType::RequestResponse => tokio::spawn(async move { call.run(&pool).await })
                .await
                .unwrap_or_else(|_| Err(InvokeError::new("ServiceException", "the server is shutting down", 500))),
        }
    }

    /// Stops all processes, busy ones too, and forgets the functions.
    pub fn shutdown(&self) {
        let pools = std::mem::take(&mut *self.pools.write().unwrap_or_else(PoisonError::into_inner));
        pools.values().for_each(|pool| pool.close());
    }

    fn pools(&self) -> RwLockReadGuard<'_, BTreeMap<String, Arc<Pool>>> {
        self.pools.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a function and its processes.
    #[cfg(test)]
    pub(super) fn pool(&self, name: &str) -> Arc<Pool> {
        self.pools()[name].clone()
    }
}

impl Drop for LocalFunctions {
    fn drop(&mut self) {
        self.shutdown();
    }
}

/// Looks for idle processes now and then, until the functions are gone.
async fn stop_idle_ones(pools: Weak<RwLock<BTreeMap<String, Arc<Pool>>>>, idle_timeout: Duration) {
    let mut interval = tokio::time::interval((idle_timeout / 4).max(Duration::from_secs(1)));
    loop {
        interval.tick().await;
        let Some(pools) = pools.upgrade() else { return };
        let pools: Vec<Arc<Pool>> = pools.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        pools.iter().for_each(|pool| pool.stop_idle(idle_timeout, Instant::now()));
    }
}

fn check_payload(payload: &str) -> Result<(), InvokeError> {
    if payload.len() > REQUEST_BYTES_MAX {
        let text = format!(
            "{} byte payload is too large for the RequestResponse invocation type (limit {REQUEST_BYTES_MAX} bytes)",
            payload.len()
        );
        return Err(InvokeError::new("RequestTooLargeException", text, 413));
    }
    if payload.is_empty() {
        return Ok(());
    }
    serde_json::from_str::<serde::de::IgnoredAny>(payload).map(drop).map_err(|error| {
        InvokeError::new(
            "InvalidRequestContentException",
            format!("Could not parse request body into json: {error}"),
            400,
        )
    })
}

/// Gives the version that is said to have run: the one asked for, if that is a number.
fn version_of(function: &FunctionRef) -> String {
    let number = function.qualifier.as_ref().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    number.cloned().unwrap_or_else(|| "$LATEST".into())
}

/// One call of a local function.
struct Call {
    version: String,
    invocation: Invocation,
    log_tail: bool,
}

impl Call {
    async fn run(self, pool: &Pool) -> Result<Invoked, InvokeError> {
        let place = pool.place().await?;
        let Ran { answer, log_tail } = pool.run(self.invocation.clone(), place).await?;
        let mut invoked = self.without_answer(200);
        invoked.function_error = answer.failed.then(|| "Unhandled".to_owned());
        invoked.log_result = self.log_tail.then_some(log_tail);
        invoked.headers = self.headers(answer.payload.len(), &invoked);
        invoked.payload = answer.payload;
        Ok(invoked)
    }

    fn without_answer(&self, status_code: u16) -> Invoked {
        let mut invoked = Invoked {
            status_code,
            payload: String::new(),
            function_error: None,
            executed_version: Some(self.version.clone()).filter(|_| status_code == 200),
            request_id: self.invocation.request_id.clone(),
            log_result: None,
            headers: Vec::new(),
        };
        invoked.headers = self.headers(0, &invoked);
        invoked
    }

    /// Gives the headers that Lambda sends, in the order in which AWS's histories list them.
    fn headers(&self, length: usize, invoked: &Invoked) -> Vec<(String, String)> {
        let root = self.invocation.trace_id.split(';').next().unwrap_or_default();
        let all = [
            ("X-Amz-Function-Error", invoked.function_error.clone()),
            ("X-Amz-Log-Result", invoked.log_result.clone()),
            ("X-Amz-Executed-Version", invoked.executed_version.clone()),
            ("x-amzn-Remapped-Content-Length", Some("0".to_owned())),
            ("Connection", Some("keep-alive".to_owned())),
            ("x-amzn-RequestId", Some(invoked.request_id.clone())),
            ("Content-Length", Some(length.to_string())),
            ("Date", Some(crate::ids::http_date())),
            ("X-Amzn-Trace-Id", Some(format!("{root};Sampled=0"))),
            ("Content-Type", Some("application/json".to_owned())),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}
