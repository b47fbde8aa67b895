//! The wiring: a store, the engine over it, the integrations it calls, the API in front. Everything is joined here and
//! nowhere else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use stepwell_api::{Access, Api, Caller as ApiCaller, TestCases};
use stepwell_engine::{BoxFuture, Dispatcher, Engine, Scope, SystemClock};
use stepwell_iam::{Body, PathStyle, SignedRequest, Signer};
use stepwell_integrations::lambda::{
    self, FunctionLogs, FunctionSpec, Lambda, LocalFunctions, LocalOptions, RemoteLambda,
};
use stepwell_integrations::{Mock, Router, ServiceError, StepFunctionsApi};
use stepwell_model::ApiError;
use stepwell_store::{MemoryStore, Store};
use stepwell_store_sqlite::SqliteStore;
use stepwell_value::Value;

use crate::call::Caller;
use crate::client::variable;
use crate::config::Config;
use crate::problem::Problem;

/// How often closed executions are looked through for those whose time is over.
const RETENTION_INTERVAL: Duration = Duration::from_hours(1);
/// How long after the start retention begins.
const RETENTION_STARTS: Duration = Duration::from_mins(1);
/// Executions removed at a time; the writer does other work in between.
const EXPIRED_AT_A_TIME: usize = 500;
/// Milliseconds of a day.
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// Where executions are kept.
#[derive(Clone, Debug)]
pub enum Storage {
    /// In memory: gone with the process.
    Memory,
    /// In a data folder.
    Folder(PathBuf),
}

/// What a server is made of.
pub struct Plan<'a> {
    /// The settings.
    pub config: &'a Config,
    /// Where executions are kept.
    pub storage: Storage,
    /// Whether to go on without the commits behind a damage in the store's log.
    pub accept_wal_truncation: bool,
    /// Who may call.
    pub access: Access,
    /// The functions that run here.
    pub functions: Vec<FunctionSpec>,
    /// Variables that every function gets.
    pub function_environment: BTreeMap<String, String>,
}

/// A server without its listeners.
pub struct System {
    engine: Engine,
    /// The API.
    pub api: Arc<Api>,
    /// The functions that run here.
    pub functions: Arc<LocalFunctions>,
    /// Account and region of those who call from here.
    pub scope: Scope,
}

/// What every function gets of a server that accepts any credentials, so that it can call it with any SDK.
pub fn open_environment(url: &str) -> BTreeMap<String, String> {
    let variables = [
        ("AWS_ENDPOINT_URL_SFN", url),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_DISABLE_HOST_PREFIX_INJECTION", "true"),
    ];
    variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// The account and region of a configuration.
pub fn scope(config: &Config) -> Scope {
    let account = config.server.account.clone();
    let region = config.server.region.clone().or_else(|| variable(&["AWS_REGION", "AWS_DEFAULT_REGION"]));
    Scope {
        account: account.unwrap_or_else(|| "123456789012".to_owned()),
        region: region.unwrap_or_else(|| "us-east-1".to_owned()),
    }
}

impl Storage {
    /// The data folder with a path that means the same in every directory: functions run in their own.
    fn absolute(self) -> Storage {
        match self {
            Storage::Memory => Storage::Memory,
            Storage::Folder(folder) => Storage::Folder(std::path::absolute(&folder).unwrap_or(folder)),
        }
    }
}

/// What to do about damage.
const DAMAGED: &str = "what is damaged in a data folder: stepwell doctor --verify --data FOLDER";

/// Starts everything but the listeners: opens the store, and takes up what was running.
///
/// # Errors
/// When the data folder cannot be used, a function's runtime cannot be set up, or the Lambda endpoint is none.
pub async fn start(mut plan: Plan<'_>) -> Result<System, Problem> {
    plan.storage = plan.storage.absolute();
    let config = plan.config;
    let scope = scope(config);
    let remote = config.lambda.endpoint.as_deref().map(remote_lambda).transpose()?.map(Arc::new);
    let (store, secret) = open_store(&plan.storage, plan.accept_wal_truncation)?;
    let functions = Arc::new(local_functions(&plan, &scope)?);
    let lambda = Lambda::new(Some(Arc::clone(&functions)), remote);
    let mut api = None;
    let mock = mock(config);
    let api_config = api_config(config, plan.access, mock.clone());
    let engine = Engine::start(engine_config(config, secret), Arc::clone(&store), Arc::new(SystemClock), |handle| {
        let made = Arc::new(Api::new(handle.clone(), api_config));
        api = Some(Arc::clone(&made));
        let router = Router::new(lambda, Arc::new(FromWithin(made)), handle);
        Arc::new(router.with_mock(mock)) as Arc<dyn Dispatcher>
    });
    let engine = engine.await.map_err(|error| Problem::failed(error.to_string()).help(DAMAGED))?;
    let Some(api) = api else { return Err(Problem::failed("a bug: the engine asked for no dispatcher")) };
    if engine.recovered > 0 {
        tracing::info!(executions = engine.recovered, "took up the executions that were running");
    }
    if engine.quarantined > 0 {
        tracing::error!(executions = engine.quarantined, "some executions are damaged and stand still; {DAMAGED}");
    }
    tokio::spawn(expire_from_time_to_time(store, config.retention.days));
    tokio::spawn(end_overdue_from_time_to_time(engine.handle()));
    Ok(System { engine, api, functions, scope })
}

impl System {
    /// A way to call the API in process, as account and region of this server.
    pub fn caller(&self) -> InProcess {
        InProcess { api: Arc::clone(&self.api), caller: ApiCaller::internal(&self.scope) }
    }

    /// Stops the loops and closes the store, then stops the functions: in this order, so that no execution sees its
    /// function end. Calls under way are made again after the next start.
    pub async fn stop(self) {
        let engine = self.engine;
        let _ = tokio::task::spawn_blocking(move || engine.shutdown()).await; // it fails only by a panic, which was shown
        self.functions.shutdown();
    }
}

fn open_store(storage: &Storage, accept_wal_truncation: bool) -> Result<(Arc<dyn Store>, [u8; 32]), Problem> {
    match storage {
        Storage::Memory => {
            let mut secret = [0; 32];
            getrandom::fill(&mut secret).map_err(|error| Problem::failed(format!("no random numbers: {error}")))?;
            Ok((Arc::new(MemoryStore::new()), secret))
        }
        Storage::Folder(folder) => {
            let defaults = stepwell_store_sqlite::Options::new(folder);
            let store = SqliteStore::open(&stepwell_store_sqlite::Options { accept_wal_truncation, ..defaults })
                .map_err(|error| {
                    Problem::failed(error.to_string())
                        .help("another data folder: --data FOLDER; nothing kept: stepwell dev --ephemeral")
                })?;
            let secret = store.secret();
            Ok((Arc::new(store), secret))
        }
    }
}

fn engine_config(config: &Config, secret: [u8; 32]) -> stepwell_engine::Config {
    let mut engine = stepwell_engine::Config::new(secret);
    engine.retention_days = config.retention.days;
    if config.limits.are_lifted() {
        engine.limits = stepwell_interpreter::Limits::UNBOUNDED;
    }
    engine
}

/// The mock configuration. One that cannot be used is told of now; a test case that needs it says so again.
fn mock(config: &Config) -> Option<Mock> {
    let path = config.mock.config.as_ref()?;
    let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
    let mock = Mock::new(path, config.mock.sdk_metadata);
    mock.load();
    Some(mock)
}

fn api_config(config: &Config, access: Access, mock: Option<Mock>) -> stepwell_api::Config {
    let mut limits = stepwell_model::Limits::aws();
    if config.limits.are_lifted() {
        limits = stepwell_model::Limits::unbounded();
    }
    limits.retention_seconds = u64::from(config.retention.days) * 24 * 60 * 60;
    let version = Arc::from(env!("CARGO_PKG_VERSION"));
    let test_cases = mock.map(|mock| Arc::new(MockedCases(mock)) as Arc<dyn TestCases>);
    let quotas = config.quotas.quotas();
    stepwell_api::Config { access, limits, version, test_cases, quotas, ..Default::default() }
}

fn local_functions(plan: &Plan<'_>, scope: &Scope) -> Result<LocalFunctions, Problem> {
    let (runtime, logs) = match &plan.storage {
        Storage::Memory => (std::env::temp_dir(), None),
        Storage::Folder(folder) => (folder.join("runtime"), Some(folder.join("logs"))),
    };
    let told = |error: std::io::Error| Problem::failed(format!("functions cannot be set up: {error}"));
    let log = Arc::new(FunctionLogs::new(true, logs).map_err(told)?);
    let options = LocalOptions {
        runtime_folder: runtime,
        region: scope.region.clone(),
        environment: plan.function_environment.clone(),
        ..LocalOptions::default()
    };
    LocalFunctions::new(plan.functions.clone(), options, log).map_err(told)
}

/// The functions of a folder: declared in its `stepwell.toml`, or found by convention.
///
/// # Errors
/// Names the file, the key, and what to do.
pub fn functions_of(folder: &Path) -> Result<Vec<FunctionSpec>, Problem> {
    lambda::discover(folder).map_err(|error| Problem::usage(error.to_string()))
}

/// Functions behind another Lambda API; calls are signed when the environment holds credentials.
fn remote_lambda(endpoint: &str) -> Result<RemoteLambda, Problem> {
    let key = variable(&["AWS_ACCESS_KEY_ID"]).zip(variable(&["AWS_SECRET_ACCESS_KEY"]));
    let signer = key.map(|(access_key, secret)| signer(access_key, secret, variable(&["AWS_SESSION_TOKEN"])));
    RemoteLambda::new(endpoint, signer).map_err(|error| {
        Problem::usage(error.to_string())
            .help("it is named by `[lambda] endpoint`, STEPWELL_LAMBDA_ENDPOINT or AWS_ENDPOINT_URL_LAMBDA")
    })
}

fn signer(access_key: String, secret: String, session_token: Option<String>) -> lambda::Signer {
    Arc::new(move |request| {
        let signer = Signer {
            access_key: access_key.clone(),
            secret: secret.clone(),
            session_token: session_token.clone(),
            region: request.region.to_owned(),
            service: "lambda".to_owned(),
            path_style: PathStyle::Normalized,
        };
        let mut headers = vec![("host", request.host)];
        headers.extend(request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let to_sign = SignedRequest {
            method: request.method,
            path: request.path,
            query: request.query,
            headers: &headers,
            body: Body::Bytes(request.body),
        };
        let added = signer.sign(&to_sign, stepwell_engine::Clock::now(&SystemClock));
        added.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    })
}

/// Retention: removes closed executions whose time is over, a minute after the start, so that what was open goes on first, and
/// then now and then.
async fn expire_from_time_to_time(store: Arc<dyn Store>, days: u32) {
    let mut interval = tokio::time::interval_at(tokio::time::Instant::now() + RETENTION_STARTS, RETENTION_INTERVAL);
    loop {
        interval.tick().await;
        let before = stepwell_value::Timestamp(
            stepwell_engine::Clock::now(&SystemClock).0.saturating_sub(i64::from(days) * DAY_MILLIS),
        );
        loop {
            let store = Arc::clone(&store);
            let expired = tokio::task::spawn_blocking(move || store.expire(before, EXPIRED_AT_A_TIME)).await;
            match expired {
                Ok(Ok(0)) => break,
                Ok(Ok(_)) => {} // more, or what was kept for those that are gone now
                Ok(Err(error)) => {
                    tracing::error!(%error, "closed executions cannot be removed; tried again in an hour");
                    break;
                }
                Err(_) => return, // the runtime ends
            }
        }
    }
}

/// Ends executions that have run as long as they may.
async fn end_overdue_from_time_to_time(handle: stepwell_engine::Handle) {
    let mut interval = tokio::time::interval(RETENTION_INTERVAL);
    loop {
        interval.tick().await;
        match handle.end_overdue().await {
            Ok(0) => {}
            Ok(executions) => tracing::info!(executions, "ended executions that have run for a year"),
            Err(error) => tracing::error!(%error, "executions that have run too long cannot be read"),
        }
    }
}

/// The test cases of the mock configuration, as the API asks for them.
#[derive(Debug)]
struct MockedCases(Mock);

impl TestCases for MockedCases {
    fn check(&self, state_machine: &str, test_case: &str) -> Result<(), String> {
        self.0.check(state_machine, test_case)
    }
}

/// The API as tasks call it.
struct FromWithin(Arc<Api>);

impl StepFunctionsApi for FromWithin {
    fn call(&self, scope: Scope, operation: &str, input: Value) -> BoxFuture<'static, Result<Value, ServiceError>> {
        let (api, operation) = (Arc::clone(&self.0), operation.to_owned());
        Box::pin(async move {
            let answer = api.perform(&ApiCaller::internal(&scope), &operation, &input).await;
            answer.map_err(|error| ServiceError {
                code: error.code.to_owned(),
                message: error.message,
                status: error.http_status,
            })
        })
    }
}

/// The API as commands call it that run the server themselves.
#[derive(Clone)]
pub struct InProcess {
    api: Arc<Api>,
    caller: ApiCaller,
}

impl Caller for InProcess {
    fn call<'a>(&'a self, operation: &'a str, input: Value) -> BoxFuture<'a, Result<Value, Problem>> {
        Box::pin(async move {
            let answer = self.api.perform(&self.caller, operation, &input).await;
            answer.map_err(|error: ApiError| Problem::refused(error.code, &error.message))
        })
    }
}
