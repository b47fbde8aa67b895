//! Redriving over the in-memory store: from the failed state, only the failed parts, by token, across restarts, Map Runs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may stop where it stands

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use stepwell_engine::{
    Answer, BoxFuture, Call, Config, Dispatcher, Engine, ForkError, ForkRequest, Handle, RedriveError, Resolved, Scope,
    StartRequest, SystemClock, TaskError, registry,
};
use stepwell_interpreter::{Details, EventType, FailedStage, Failure, Progress, Status};
use stepwell_store::memory::MemoryStore;
use stepwell_store::record::{ExecutionRecord, MachineRecord, RecordBody, RevisionRecord};
use stepwell_store::{ExecutionKey, Store, Write};
use stepwell_value::{Payload, Value};

/// Functions `echo`, and `odd`, which fails on odd numbers as long as it is broken; both count their calls.
#[derive(Default)]
struct Services {
    repaired: AtomicBool,
    calls: AtomicUsize,
}

struct Dispatch(Arc<Services>);

impl Dispatcher for Dispatch {
    fn call(&self, call: Call) -> BoxFuture<'static, Answer> {
        let services = Arc::clone(&self.0);
        Box::pin(async move {
            let arn = call.request.resource.arn.to_string();
            if arn.ends_with("waitForTaskToken") {
                return Answer::Submitted(Payload::default());
            }
            services.calls.fetch_add(1, Ordering::SeqCst);
            let odd = call.request.parameters.value().as_i64().is_some_and(|number| number % 2 == 1);
            if odd && arn.ends_with(":odd") && !services.repaired.load(Ordering::SeqCst) {
                return Answer::Failed(Failure::new("Odd", "an odd number"), FailedStage::Run);
            }
            Answer::Succeeded(call.request.parameters)
        })
    }
}

const SCOPE: &str = "arn:aws:states:us-east-1:123456789012";

struct World {
    engine: Engine,
    handle: Handle,
    services: Arc<Services>,
    store: Arc<MemoryStore>,
}

impl World {
    async fn new(store: Arc<MemoryStore>, services: Arc<Services>) -> World {
        let config = Config { loops: 2, ..Config::new([5; 32]) };
        let dispatcher = Dispatch(Arc::clone(&services));
        let shared: Arc<dyn Store> = store.clone();
        let engine = Engine::start(config, shared, Arc::new(SystemClock), |_| Arc::new(dispatcher)).await.unwrap();
        World { handle: engine.handle(), engine, services, store }
    }

    async fn machine(&self, name: &str, definition: &str) -> Resolved {
        let definition = definition.replace("F:", "arn:aws:lambda:us-east-1:123456789012:function:");
        let scope = Scope { account: "123456789012".into(), region: "us-east-1".into() };
        let key = self.handle.new_machine_key();
        let machine = MachineRecord {
            key,
            arn: Arc::from(format!("{SCOPE}:stateMachine:{name}")),
            name: Arc::from(name),
            express: false,
            created: self.handle.now(),
            revision_id: Arc::from("r1"),
            next_version: 1,
            deleting: false,
            tags: Vec::new(),
        };
        let revision = RevisionRecord {
            machine: key,
            revision_id: Arc::from("r1"),
            created: self.handle.now(),
            definition: Arc::from(definition),
            role_arn: Arc::from("arn:aws:iam::123456789012:role/any"),
            logging: None,
            tracing: None,
            encryption: None,
        };
        let records = [RecordBody::Machine(machine.clone()), RecordBody::Revision(revision.clone())];
        let writes = records.map(|body| Write::Put(Box::new(registry::record(&scope, body))));
        self.handle.write(writes.into()).await.unwrap();
        Resolved { machine: Arc::new(machine), revision: Arc::new(revision), version: None, alias: None }
    }

    async fn start(&self, resolved: &Resolved, input: &str) -> ExecutionKey {
        let request = StartRequest {
            resolved: resolved.clone(),
            name: Some("run".to_owned()),
            input: Payload::from_text(input).unwrap(),
            trace_header: None,
            test_case: None,
        };
        self.handle.start(request).await.unwrap().key
    }

    async fn end_of(&self, key: ExecutionKey) -> ExecutionRecord {
        tokio::time::timeout(Duration::from_secs(10), self.handle.ended(key)).await.unwrap();
        self.store.execution(key).unwrap().unwrap()
    }

    fn output(&self, record: &ExecutionRecord) -> String {
        let (output, failure) = self.handle.outcome_of(record).unwrap();
        output.unwrap_or_else(|| panic!("{failure:?}")).text().to_string()
    }

    fn types(&self, key: ExecutionKey) -> Vec<EventType> {
        self.handle.history(key, 1, false, 1000).unwrap().iter().map(|event| event.event_type).collect()
    }

    /// Waits until the history of an execution has so many of these events; gives their tokens.
    async fn tokens(&self, key: ExecutionKey, count: usize) -> Vec<String> {
        for _ in 0..1000 {
            let submitted = self.types(key).iter().filter(|found| **found == EventType::TaskSubmitted).count();
            if submitted == count {
                let events = self.handle.history(key, 1, false, 1000).unwrap();
                let token = |details: &Details| match details {
                    Details::TaskScheduled { parameters, .. } => {
                        parameters.value().get("Payload").and_then(Value::as_str).map(str::to_owned)
                    }
                    _ => None,
                };
                return events.iter().filter_map(|event| token(&event.details)).collect();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{:?}", self.types(key));
    }
}

fn fork_of(source: &ExecutionRecord, resolved: &Resolved, event: u64, name: &str) -> ForkRequest {
    let (source, resolved) = (source.clone(), resolved.clone());
    ForkRequest { source, event, input: None, resolved, records: Vec::new(), name: Some(name.to_owned()) }
}

fn not_redrivable<T>(result: Result<T, RedriveError>) -> bool {
    matches!(result, Err(RedriveError::NotRedrivable))
}

const MAP: &str = r#"{"StartAt":"M","States":{"M":{"Type":"Map","End":true,"ItemProcessor":{PROCESSOR
    "StartAt":"T","States":{"T":{"Type":"Task","Resource":"F:odd","End":true}}}}}}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_failed_is_called_again() {
    let world = World::new(Arc::default(), Arc::default()).await;
    let resolved = world.machine("map", &MAP.replace("PROCESSOR", "")).await;
    let key = world.start(&resolved, "[2,4,3]").await;
    let failed = world.end_of(key).await;
    assert_eq!((failed.status, failed.redrive_count), (Status::Failed, 0));
    let calls = world.services.calls.load(Ordering::SeqCst);
    let succeeded = world.types(key).iter().filter(|found| **found == EventType::MapIterationSucceeded).count();

    world.services.repaired.store(true, Ordering::SeqCst);
    let at = world.handle.redrive(key, None).await.unwrap();
    let record = world.end_of(key).await;
    assert_eq!((record.status, record.redrive_count, record.redriven), (Status::Succeeded, 1, Some(at)));
    assert_eq!(world.output(&record), "[2,4,3]");
    assert_eq!(world.services.calls.load(Ordering::SeqCst), calls + 3 - succeeded);
    assert!(not_redrivable(world.handle.redrive(key, None).await));
    assert!(matches!(world.handle.redrive(ExecutionKey(9_999), None).await, Err(RedriveError::NotFound)));
    world.engine.shutdown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_token_redrives_once() {
    let world = World::new(Arc::default(), Arc::default()).await;
    let definition = r#"{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"F:odd","End":true}}}"#;
    let resolved = world.machine("task", definition).await;
    let key = world.start(&resolved, "1").await;
    world.end_of(key).await;
    let token = |text: &str| Some(Arc::<str>::from(text));
    let mut same = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let handle = world.handle.clone();
        same.spawn(async move { handle.redrive(key, Some(Arc::from("one"))).await.unwrap() });
    }
    let mut moments = same.join_all().await;
    moments.dedup();
    assert_eq!(moments.len(), 1);
    let record = world.end_of(key).await;
    assert_eq!((record.status, record.redrive_count), (Status::Failed, 1));
    assert_eq!(world.handle.redrive(key, token("one")).await.unwrap(), moments[0]);
    assert_eq!(world.handle.redriven_by(&record, Some("two")).unwrap(), None);
    world.handle.redrive(key, token("two")).await.unwrap();
    let record = world.end_of(key).await;
    assert_eq!((record.status, record.redrive_count), (Status::Failed, 2));
    // Ten others later the first token is forgotten.
    for number in 0..10 {
        world.handle.redrive(key, token(&format!("n{number}"))).await.unwrap();
        world.end_of(key).await;
    }
    let record = world.store.execution(key).unwrap().unwrap();
    assert_eq!(world.handle.redriven_by(&record, Some("one")).unwrap(), None);
    assert_eq!(world.handle.redriven_by(&record, Some("n9")).unwrap(), record.redriven);
    world.engine.shutdown();
}

const CALLBACK: &str = r#"{"StartAt":"A","States":{"A":{"Type":"Task","End":true,
    "Resource":"arn:aws:states:::lambda:invoke.waitForTaskToken",
    "Parameters":{"FunctionName":"f","Payload.$":"$$.Task.Token"}}}}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_of_the_time_before_are_stale_and_a_restart_changes_nothing() {
    let services = Arc::<Services>::default();
    let world = World::new(Arc::default(), Arc::clone(&services)).await;
    let resolved = world.machine("callback", CALLBACK).await;
    let key = world.start(&resolved, "{}").await;
    world.tokens(key, 1).await;
    assert!(not_redrivable(world.handle.redrive(key, None).await), "it runs");
    assert!(world.handle.stop(key, Failure::default()).await.unwrap());
    world.handle.redrive(key, Some(Arc::from("token"))).await.unwrap();
    let tokens = world.tokens(key, 2).await;
    let answer = || Progress::Succeeded { output: Payload::from_text("7").unwrap() };
    assert_eq!(world.handle.task(&tokens[0], answer()).await, Err(TaskError::TaskTimedOut));
    let store = Arc::new(world.store.reopen());
    world.engine.shutdown();

    let world = World::new(store, services).await;
    assert_eq!(world.engine.recovered, 1);
    let record = world.store.execution(key).unwrap().unwrap();
    assert_eq!((record.status, record.redrive_count), (Status::Running, 1));
    let again = world.handle.redrive(key, Some(Arc::from("token"))).await.unwrap();
    assert_eq!(Some(again), record.redriven);
    assert_eq!(world.handle.task(&tokens[0], answer()).await, Err(TaskError::TaskTimedOut));
    world.handle.task(&tokens[1], answer()).await.unwrap();
    let record = world.end_of(key).await;
    assert_eq!((record.status, world.output(&record)), (Status::Succeeded, "7".to_owned()));
    world.engine.shutdown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_map_run_goes_on_with_its_failed_children() {
    let world = World::new(Arc::default(), Arc::default()).await;
    let distributed = r#""ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"#;
    let resolved = world.machine("spread", &MAP.replace("PROCESSOR", distributed)).await;
    let key = world.start(&resolved, "[2,3,4,5,6]").await;
    assert_eq!(world.end_of(key).await.status, Status::Failed);
    let events = world.handle.history(key, 1, false, 1000).unwrap();
    let arn = events.iter().find_map(|event| match &event.details {
        Details::MapRunStarted { map_run_arn } => Some(map_run_arn.clone()),
        _ => None,
    });
    let arn = arn.unwrap();
    let run = registry::map_run(&*world.store, &arn).unwrap().unwrap();
    assert_eq!((run.status, run.redrive_count, run.redriven), (Status::Failed, 0, None));

    world.services.repaired.store(true, Ordering::SeqCst);
    let at = world.handle.redrive(key, None).await.unwrap();
    let record = world.end_of(key).await;
    assert_eq!((record.status, world.output(&record)), (Status::Succeeded, "[2,3,4,5,6]".to_owned()));
    assert!(world.types(key).contains(&EventType::MapRunRedriven));
    let run = registry::map_run(&*world.store, &arn).unwrap().unwrap();
    assert_eq!((run.status, run.redrive_count, run.redriven), (Status::Succeeded, 1, Some(at)));
    assert_eq!((run.counts.total, run.counts.succeeded), (5, 5));
    let filter =
        stepwell_store::ExecutionFilter { machine: run.children, status: None, redriven: None, qualifier_arn: None };
    let children = world.handle.executions(&filter, None, 100).unwrap();
    assert_eq!(children.len(), 5, "no child was started twice");
    assert!(children.iter().any(|child| child.redrive_count == 1));
    world.engine.shutdown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_map_run_is_redriven_while_its_children_are_being_stopped() {
    let world = World::new(Arc::default(), Arc::default()).await;
    let distributed = r#""ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"#;
    let waits = MAP.replace("PROCESSOR", distributed).replace(
        r#""T":{"Type":"Task","Resource":"F:odd","End":true}"#,
        r#""T":{"Type":"Wait","Seconds":1,"End":true}"#,
    );
    let resolved = world.machine("waits", &waits).await;
    let key = world.start(&resolved, "[1,2,3]").await;
    tokio::time::sleep(Duration::from_millis(50)).await; // the children are under way, or about to be
    assert!(world.handle.stop(key, Failure::default()).await.unwrap());
    world.handle.redrive(key, None).await.unwrap();
    let record = world.end_of(key).await;
    assert_eq!((record.status, world.output(&record)), (Status::Succeeded, "[1,2,3]".to_owned()));
    world.engine.shutdown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fork_calls_what_was_not_done_and_the_source_stays_as_it_is() {
    let world = World::new(Arc::default(), Arc::default()).await;
    let resolved = world.machine("map", &MAP.replace("PROCESSOR", "")).await;
    let key = world.start(&resolved, "[2,4,3]").await;
    let failed = world.end_of(key).await;
    let (calls, history) = (world.services.calls.load(Ordering::SeqCst), world.types(key));
    let succeeded = history.iter().filter(|found| **found == EventType::MapIterationSucceeded).count();
    world.services.repaired.store(true, Ordering::SeqCst);
    let forked = world.handle.fork(fork_of(&failed, &resolved, failed.last_event, "fork")).await.unwrap();
    let record = world.end_of(forked.key).await;
    assert_eq!((record.status, world.output(&record)), (Status::Succeeded, "[2,4,3]".to_owned()));
    assert_eq!(world.services.calls.load(Ordering::SeqCst), calls + 3 - succeeded);
    let from = record.forked_from.clone().unwrap();
    assert_eq!((&from.execution_arn, from.event), (&failed.identity.execution_arn, failed.last_event));
    assert_eq!((world.types(key), world.store.execution(key).unwrap().unwrap()), (history, failed.clone()));

    let taken = world.handle.fork(fork_of(&failed, &resolved, 1, "fork")).await;
    assert!(matches!(taken, Err(ForkError::Start(_))), "{taken:?}");
    let beyond = world.handle.fork(fork_of(&failed, &resolved, failed.last_event + 1, "other")).await;
    assert!(matches!(beyond, Err(ForkError::Refused(_))), "{beyond:?}");
    world.engine.shutdown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fork_of_a_running_execution_survives_a_restart() {
    let services = Arc::<Services>::default();
    let world = World::new(Arc::default(), Arc::clone(&services)).await;
    let resolved = world.machine("callback", CALLBACK).await;
    let key = world.start(&resolved, "{}").await;
    let token = world.tokens(key, 1).await;
    let source = world.store.execution(key).unwrap().unwrap();
    let request = ForkRequest { input: Some(Payload::from_text("5").unwrap()), ..fork_of(&source, &resolved, 2, "b") };
    let forked = world.handle.fork(request).await.unwrap();
    let own = world.tokens(forked.key, 1).await;
    assert_ne!(token, own);
    let store = Arc::new(world.store.reopen());
    world.engine.shutdown();

    let world = World::new(store, services).await;
    assert_eq!(world.engine.recovered, 2);
    let answer = || Progress::Succeeded { output: Payload::from_text("7").unwrap() };
    world.handle.task(&own[0], answer()).await.unwrap();
    let record = world.end_of(forked.key).await;
    assert_eq!((record.status, world.output(&record)), (Status::Succeeded, "7".to_owned()));
    assert_eq!(record.forked_from.unwrap().event, 2);
    assert_eq!(world.store.execution(key).unwrap().unwrap().status, Status::Running);
    let history = world.handle.history(forked.key, 1, false, 100).unwrap();
    let inputs: Vec<String> = history
        .iter()
        .filter_map(|event| match &event.details {
            Details::StateEntered { input, .. } => Some(input.text().to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(inputs, ["5"]);
    world.engine.shutdown();
}
