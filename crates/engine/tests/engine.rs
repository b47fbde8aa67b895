//! The engine over the in-memory store: starts, tasks, callbacks, activities, idempotency, restarts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may stop where it stands

mod faulty;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use faulty::{Faulty, Read};

use stepwell_engine::config::Sabotage;
use stepwell_engine::{
    Answer, BoxFuture, Call, Config, Dispatcher, Engine, Handle, Resolved, Scope, StartError, StartRequest,
    SystemClock, TaskError, registry,
};
use stepwell_interpreter::{EventType, FailedStage, Failure, Progress, Status};
use stepwell_store::memory::{MemoryStore, Verdict};
use stepwell_store::record::{ActivityRecord, ExecutionRecord, MachineRecord, RecordBody, RevisionRecord};
use stepwell_store::{Error, ExecutionFilter, ExecutionKey, Store, Write};
use stepwell_value::{Payload, Value};

/// Functions `echo` (answers its input), `later` (the same after a moment), `fail`, `slow` (never answers), and `ask` for a callback.
struct Services;

impl Dispatcher for Services {
    fn call(&self, call: Call) -> BoxFuture<'static, Answer> {
        Box::pin(async move {
            let arn = call.request.resource.arn.to_string();
            match arn.rsplit(':').next().unwrap_or("") {
                "echo" => Answer::Succeeded(call.request.parameters),
                "later" => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    Answer::Succeeded(call.request.parameters)
                }
                "fail" => Answer::Failed(Failure::new("Broken", "as asked"), FailedStage::Run),
                "invoke.waitForTaskToken" => Answer::Submitted(Payload::default()),
                _ => std::future::pending().await,
            }
        })
    }
}

const SCOPE: &str = "arn:aws:states:us-east-1:123456789012";

async fn engine(store: Arc<dyn Store>) -> Engine {
    let config = Config { loops: 2, ..Config::new([5; 32]) };
    Engine::start(config, store, Arc::new(SystemClock), |_| Arc::new(Services)).await.unwrap()
}

async fn machine(handle: &Handle, name: &str, express: bool, states: &str) -> Resolved {
    let definition = format!(r#"{{"StartAt":"A","States":{states}}}"#);
    let scope = Scope { account: "123456789012".into(), region: "us-east-1".into() };
    let key = handle.new_machine_key();
    let machine = MachineRecord {
        key,
        arn: Arc::from(format!("{SCOPE}:stateMachine:{name}")),
        name: Arc::from(name),
        express,
        created: handle.now(),
        revision_id: Arc::from("r1"),
        next_version: 1,
        deleting: false,
        tags: Vec::new(),
    };
    let revision = RevisionRecord {
        machine: key,
        revision_id: Arc::from("r1"),
        created: handle.now(),
        definition: Arc::from(definition),
        role_arn: Arc::from("arn:aws:iam::123456789012:role/any"),
        logging: None,
        tracing: None,
        encryption: None,
    };
    let records = [RecordBody::Machine(machine.clone()), RecordBody::Revision(revision.clone())];
    let writes = records.map(|body| Write::Put(Box::new(registry::record(&scope, body))));
    handle.write(writes.into()).await.unwrap();
    Resolved { machine: Arc::new(machine), revision: Arc::new(revision), version: None, alias: None }
}

fn request(resolved: &Resolved, name: Option<&str>, input: &str) -> StartRequest {
    StartRequest {
        test_case: None,
        resolved: resolved.clone(),
        name: name.map(str::to_owned),
        input: Payload::from_text(input).unwrap(),
        trace_header: None,
    }
}

async fn end_of(handle: &Handle, resolved: &Resolved, name: &str) -> (ExecutionRecord, Option<Payload>, Failure) {
    let record = handle.find(resolved.machine.key, name).unwrap().unwrap();
    tokio::time::timeout(Duration::from_secs(10), handle.ended(record.key)).await.unwrap();
    let record = handle.find(resolved.machine.key, name).unwrap().unwrap();
    let (output, failure) = handle.outcome_of(&record).unwrap();
    (record, output, failure)
}

fn types(handle: &Handle, record: &ExecutionRecord) -> Vec<EventType> {
    handle.history(record.key, 1, false, 1000).unwrap().iter().map(|event| event.event_type).collect()
}

/// Waits until the history of an execution has this event.
async fn until(handle: &Handle, record: &ExecutionRecord, event_type: EventType) {
    for _ in 0..1000 {
        if types(handle, record).contains(&event_type) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("no {event_type:?} in {:?}", types(handle, record));
}

const ECHO: &str =
    r#"{"A":{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:123456789012:function:echo","End":true}}"#;
const SLOW: &str =
    r#"{"A":{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:123456789012:function:slow","End":true}}"#;
const CALLBACK: &str = r#"{"A":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke.waitForTaskToken",
    "Parameters":{"FunctionName":"f","Payload":{"token.$":"$$.Task.Token"}},"End":true}}"#;
const FIVE: &str = r#"{"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Pass","Next":"C"},"C":{"Type":"Pass","Next":"D"},
    "D":{"Type":"Pass","Next":"E"},"E":{"Type":"Pass","End":true}}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_pass_states_are_one_durable_commit() {
    let store = Arc::new(MemoryStore::new());
    let engine = engine(store.clone()).await;
    let handle = engine.handle();
    let resolved = machine(&handle, "five", false, FIVE).await;
    let before = store.commits();
    let started = handle.start(request(&resolved, None, r#"{"a":1}"#)).await.unwrap();
    assert_eq!(store.commits() - before, 1);
    let (record, output, _) = end_of(&handle, &resolved, &started.name).await;
    assert_eq!((record.status, record.last_event), (Status::Succeeded, 12));
    assert_eq!(output.unwrap().text().as_ref(), r#"{"a":1}"#);
    assert!(!record.identity.name.is_empty() && record.generated_name);
    engine.shutdown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_succeed_and_fail() {
    let engine = engine(Arc::new(MemoryStore::new())).await;
    let handle = engine.handle();
    let resolved = machine(&handle, "echo", false, ECHO).await;
    handle.start(request(&resolved, Some("one"), r#"{"a": [1, 2]}"#)).await.unwrap();
    let (record, output, _) = end_of(&handle, &resolved, "one").await;
    assert_eq!(output.unwrap().text().as_ref(), r#"{"a": [1, 2]}"#);
    assert_eq!(types(&handle, &record).len(), 7);

    let failing = machine(&handle, "failing", false, &ECHO.replace("echo", "fail")).await;
    handle.start(request(&failing, Some("two"), "{}")).await.unwrap();
    let (record, _, failure) = end_of(&handle, &failing, "two").await;
    assert_eq!((record.status, failure), (Status::Failed, Failure::new("Broken", "as asked")));
    engine.shutdown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_name_starts_once() {
    let engine = engine(Arc::new(MemoryStore::new())).await;
    let handle = engine.handle();
    let resolved = machine(&handle, "slow", false, SLOW).await;
    let starts = (0..20).map(|_| handle.start(request(&resolved, Some("same"), r#"{"a":1}"#)));
    let mut keys: Vec<_> = Vec::new();
    for start in starts.collect::<Vec<_>>() {
        keys.push(start.await.unwrap().key);
    }
    keys.dedup();
    assert_eq!(keys.len(), 1);
    let other = handle.start(request(&resolved, Some("same"), r#"{"a":2}"#)).await;
    assert!(matches!(other, Err(StartError::AlreadyExists(_))), "{other:?}");
    assert!(handle.stop(keys[0], Failure::new("Stopped", "by test")).await.unwrap());
    let closed = handle.start(request(&resolved, Some("same"), r#"{"a":1}"#)).await;
    assert!(matches!(closed, Err(StartError::AlreadyExists(_))), "{closed:?}");
    let (record, _, failure) = end_of(&handle, &resolved, "same").await;
    assert_eq!((record.status, failure.name()), (Status::Aborted, "Stopped"));
    assert!(!handle.stop(keys[0], Failure::default()).await.unwrap());
    engine.shutdown();
}

/// The token in the parameters of the only TaskScheduled event.
fn token_of(handle: &Handle, record: &ExecutionRecord) -> String {
    let events = handle.history(record.key, 1, false, 100).unwrap();
    let scheduled = events.iter().find_map(|event| match &event.details {
        stepwell_interpreter::Details::TaskScheduled { parameters, .. } => Some(parameters.clone()),
        _ => None,
    });
    let parameters = scheduled.unwrap();
    parameters.value().get("Payload").and_then(|p| p.get("token")).and_then(Value::as_str).unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callback_is_taken_once_and_survives_a_restart() {
    let store = Arc::new(MemoryStore::new());
    let first = engine(store.clone()).await;
    let handle = first.handle();
    let resolved = machine(&handle, "callback", false, CALLBACK).await;
    let started = handle.start(request(&resolved, None, "{}")).await.unwrap();
    let record = handle.find(resolved.machine.key, &started.name).unwrap().unwrap();
    until(&handle, &record, EventType::TaskSubmitted).await;
    let token = token_of(&handle, &record);
    first.shutdown();

    let second = engine(Arc::new(store.reopen())).await;
    assert_eq!(second.recovered, 1);
    let handle = second.handle();
    let wrong = handle.task("bm8gdG9rZW4=", Progress::Heartbeat).await;
    assert_eq!(wrong, Err(TaskError::InvalidToken));
    let answer = || Progress::Succeeded { output: Payload::from_text(r#"{"approved": true}"#).unwrap() };
    handle.task(&token, answer()).await.unwrap();
    assert_eq!(handle.task(&token, answer()).await, Err(TaskError::TaskTimedOut));
    let (record, output, _) = end_of(&handle, &resolved, &started.name).await;
    assert_eq!(record.status, Status::Succeeded);
    assert_eq!(output.unwrap().text().as_ref(), r#"{"approved": true}"#);
    second.shutdown();
}

/// A server over which the program panics for executions named `poisoned`, in one of two places.
async fn poisoned(store: &MemoryStore, sabotage: Sabotage) -> Engine {
    let config = Config { loops: 2, sabotage: Some(sabotage), ..Config::new([5; 32]) };
    let store = Arc::new(store.reopen());
    Engine::start(config, store, Arc::new(SystemClock), |_| Arc::new(Services)).await.unwrap()
}

/// An execution over which the program panics is left alone, in each start again; the others go on, and it does itself
/// when the program is mended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_panics_is_quarantined() {
    let store = Arc::new(MemoryStore::new());
    let first = engine(store.clone()).await;
    let handle = first.handle();
    let waits = r#"{"A":{"Type":"Wait","Seconds":1,"End":true}}"#;
    let waiting = machine(&handle, "waiting", false, waits).await;
    for name in ["poisoned", "also"] {
        handle.start(request(&waiting, Some(name), "{}")).await.unwrap();
    }
    first.shutdown();

    let panics = poisoned(&store, Sabotage::PoisonedRecovery).await;
    assert_eq!((panics.recovered, panics.quarantined), (1, 1));
    assert_eq!(end_of(&panics.handle(), &waiting, "also").await.0.status, Status::Succeeded);
    panics.shutdown();

    let panics = poisoned(&store, Sabotage::PoisonedSteps).await;
    assert_eq!(panics.recovered + panics.quarantined, 2, "as the store was before; its wait may be over by now");
    let handle = panics.handle();
    assert_eq!(end_of(&handle, &waiting, "also").await.0.status, Status::Succeeded);
    let record = handle.find(waiting.machine.key, "poisoned").unwrap().unwrap();
    let refused = handle.stop(record.key, Failure::default()).await.unwrap_err().to_string();
    assert!(refused.ends_with("the program panics over it: planted"), "{refused}");
    assert_eq!(types(&handle, &record).len(), 2, "nothing is written");
    panics.shutdown();

    let mended = engine(Arc::new(store.reopen())).await;
    assert_eq!(end_of(&mended.handle(), &waiting, "poisoned").await.0.status, Status::Succeeded);
    mended.shutdown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_activity_worker_gets_its_task() {
    let engine = engine(Arc::new(MemoryStore::new())).await;
    let handle = engine.handle();
    let arn = format!("{SCOPE}:activity:pack");
    let activity = ActivityRecord {
        arn: Arc::from(arn.as_str()),
        name: Arc::from("pack"),
        created: handle.now(),
        encryption: None,
        tags: Vec::new(),
    };
    let scope = Scope::of_arn(&arn);
    let record = registry::record(&scope, RecordBody::Activity(activity));
    handle.write(vec![Write::Put(Box::new(record))]).await.unwrap();
    let states = format!(r#"{{"A":{{"Type":"Task","Resource":"{arn}","End":true}}}}"#);
    let resolved = machine(&handle, "packing", false, &states).await;

    let worker = handle.clone();
    let waiting = tokio::spawn(async move {
        worker.activity_task(&format!("{SCOPE}:activity:pack"), Some(Arc::from("me")), Duration::from_secs(10)).await
    });
    let started = handle.start(request(&resolved, None, r#"{"box":7}"#)).await.unwrap();
    let task = waiting.await.unwrap().unwrap();
    assert_eq!(task.input.text().as_ref(), r#"{"box":7}"#);
    handle.task(&task.token, Progress::Heartbeat).await.unwrap();
    let failure = Failure::new("TooBig", "the box");
    handle.task(&task.token, Progress::Failed { failure, stage: FailedStage::Run }).await.unwrap();
    let (record, _, failure) = end_of(&handle, &resolved, &started.name).await;
    assert_eq!((record.status, failure.name()), (Status::Failed, "TooBig"));
    let none = handle.activity_task(&arn, None, Duration::from_millis(20)).await;
    assert_eq!(none, None);
    engine.shutdown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn timers_and_interrupted_calls_go_on_after_a_restart() {
    let store = Arc::new(MemoryStore::new());
    let first = engine(store.clone()).await;
    let handle = first.handle();
    let waits = r#"{"A":{"Type":"Wait","Seconds":1,"End":true}}"#;
    let waiting = machine(&handle, "waiting", false, waits).await;
    let started = handle.start(request(&waiting, None, "{}")).await.unwrap();
    let limited = SLOW.replace(r#""End""#, r#""TimeoutSeconds":1,"End""#);
    let slow = machine(&handle, "limited", false, &limited).await;
    let timed = handle.start(request(&slow, None, "{}")).await.unwrap();
    first.shutdown();

    let second = engine(Arc::new(store.reopen())).await;
    assert_eq!(second.recovered, 2);
    let handle = second.handle();
    let (record, _, _) = end_of(&handle, &waiting, &started.name).await;
    assert_eq!(record.status, Status::Succeeded);
    assert!(record.stopped.unwrap().millis_since(record.identity.started) >= 1000);
    let (record, _, failure) = end_of(&handle, &slow, &timed.name).await;
    assert_eq!((record.status, failure.name()), (Status::Failed, "States.Timeout"));
    assert!(types(&handle, &record).contains(&EventType::LambdaFunctionTimedOut));
    second.shutdown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn express_runs_in_memory_and_answers_synchronously() {
    let store = Arc::new(MemoryStore::new());
    let engine = engine(store.clone()).await;
    let handle = engine.handle();
    let resolved = machine(&handle, "express", true, ECHO).await;
    let before = store.commits();
    let result = handle.start_sync(request(&resolved, Some("run"), r#"{"x":1}"#)).await.unwrap();
    assert_eq!(result.status, Status::Succeeded);
    assert_eq!(result.output.unwrap().text().as_ref(), r#"{"x":1}"#);
    assert!(result.started.execution_arn.starts_with(&format!("{SCOPE}:express:express:run:")));
    assert_eq!(store.commits(), before);
    engine.shutdown();
}

/// What ends in its first step never sees its loop; what is longer, waits, or is in JSONata goes on there. All end the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn express_executions_end_the_same_wherever_they_begin() {
    let engine = engine(Arc::new(MemoryStore::new())).await;
    let handle = engine.handle();
    let turns = r#"{"A":{"Type":"Choice","Choices":[{"Variable":"$.n","NumericLessThan":300,"Next":"B"}],"Default":"C"},
        "B":{"Type":"Pass","Parameters":{"n.$":"States.MathAdd($.n, 1)"},"Next":"A"},"C":{"Type":"Succeed"}}"#;
    let waits = r#"{"A":{"Type":"Wait","Seconds":1,"Next":"B"},"B":{"Type":"Pass","Result":{"n":300},"End":true}}"#;
    let jsonata = r#"{"A":{"Type":"Pass","QueryLanguage":"JSONata","Output":"{% {'n': 300} %}","End":true}}"#;
    let passes = r#"{"A":{"Type":"Pass","Result":{"n":300},"End":true}}"#;
    let called = r#"{"A":{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:123456789012:function:echo",
        "Parameters":{"n":300},"End":true}}"#;
    for (number, states) in [turns, waits, jsonata, passes, called].into_iter().enumerate() {
        let resolved = machine(&handle, &format!("express-{number}"), true, states).await;
        let result = handle.start_sync(request(&resolved, None, r#"{"n":0}"#)).await.unwrap();
        assert_eq!(result.output.unwrap().text().as_ref(), r#"{"n":300}"#, "{states}");
        handle.start(request(&resolved, None, r#"{"n":0}"#)).await.unwrap();
    }
    let fails = r#"{"A":{"Type":"Parallel","End":true,"Branches":[
        {"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:123456789012:function:slow","End":true}}},
        {"StartAt":"F","States":{"F":{"Type":"Fail","Error":"no"}}}]}}"#;
    let resolved = machine(&handle, "express-fails", true, fails).await;
    let result = handle.start_sync(request(&resolved, None, "{}")).await.unwrap();
    assert_eq!((result.status, result.failure.name()), (Status::Failed, "no"));
    engine.shutdown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parked_executions_leave_memory_and_come_back() {
    let config = Config { loops: 1, executions_in_memory: 5, ..Config::new([5; 32]) };
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let engine = Engine::start(config, store, Arc::new(SystemClock), |_| Arc::new(Services)).await.unwrap();
    let handle = engine.handle();
    let resolved = machine(&handle, "callback", false, CALLBACK).await;
    let mut started = Vec::new();
    for _ in 0..50 {
        started.push(handle.start(request(&resolved, None, "{}")).await.unwrap());
    }
    for start in started {
        let record = handle.find(resolved.machine.key, &start.name).unwrap().unwrap();
        until(&handle, &record, EventType::TaskSubmitted).await;
        let output = Payload::from_text("1").unwrap();
        handle.task(&token_of(&handle, &record), Progress::Succeeded { output }).await.unwrap();
        let (record, _, _) = end_of(&handle, &resolved, &start.name).await;
        assert_eq!(record.status, Status::Succeeded);
    }
    engine.shutdown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_distributed_map_runs_child_executions() {
    let store = Arc::new(MemoryStore::new());
    let engine = engine(store.clone()).await;
    let handle = engine.handle();
    let states = r#"{"A":{"Type":"Map","MaxConcurrency":2,"ItemSelector":{"n.$":"$$.Map.Item.Value"},"End":true,
        "ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"P",
            "States":{"P":{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:123456789012:function:WORK","End":true}}}}}"#;
    let resolved = machine(&handle, "spread", false, &states.replace("WORK", "echo")).await;
    handle.start(request(&resolved, Some("one"), "[1,2,3,4,5]")).await.unwrap();
    let (record, output, _) = end_of(&handle, &resolved, "one").await;
    assert_eq!(record.status, Status::Succeeded);
    assert_eq!(output.unwrap().text().as_ref(), r#"[{"n":1},{"n":2},{"n":3},{"n":4},{"n":5}]"#);
    let events = handle.history(record.key, 1, false, 100).unwrap();
    let arn = events.iter().find_map(|event| match &event.details {
        stepwell_interpreter::Details::MapRunStarted { map_run_arn } => Some(map_run_arn.clone()),
        _ => None,
    });
    let run = registry::map_run(&*handle.store().clone(), &arn.unwrap()).unwrap().unwrap();
    assert_eq!((run.status, run.counts.total, run.counts.succeeded), (Status::Succeeded, 5, 5));
    let filter =
        stepwell_store::ExecutionFilter { machine: run.children, status: None, redriven: None, qualifier_arn: None };
    assert_eq!(handle.executions(&filter, None, 100).unwrap().len(), 5);
    let listed = stepwell_store::ExecutionFilter { machine: resolved.machine.key, ..filter };
    assert_eq!(handle.executions(&listed, None, 100).unwrap().len(), 1);

    let failing = machine(&handle, "failing-spread", false, &states.replace("WORK", "fail")).await;
    handle.start(request(&failing, Some("two"), "[1,2,3,4,5]")).await.unwrap();
    let (record, _, failure) = end_of(&handle, &failing, "two").await;
    assert_eq!((record.status, failure.name()), (Status::Failed, "States.ExceedToleratedFailureThreshold"));
    engine.shutdown();
}

/// Children of type EXPRESS may run as long as an Express execution, and no longer; they are kept all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn express_children_have_the_limit_of_express_executions() {
    let store: Arc<MemoryStore> = Arc::default();
    let mut config = Config { loops: 2, ..Config::new([5; 32]) };
    config.limits.express_seconds = Some(1);
    let start = |config: &Config, store: &Arc<MemoryStore>| {
        Engine::start(config.clone(), store.clone(), Arc::new(SystemClock), |_| Arc::new(Services))
    };
    let states = r#"{"A":{"Type":"Map","ToleratedFailurePercentage":100,"End":true,
        "ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"EXPRESS"},"StartAt":"P",
            "States":{"P":{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:123456789012:function:slow","End":true}}}}}"#;
    let first = start(&config, &store).await.unwrap();
    let resolved = machine(&first.handle(), "brief", false, states).await;
    first.handle().start(request(&resolved, Some("one"), "[1,2]")).await.unwrap();
    let record = first.handle().find(resolved.machine.key, "one").unwrap().unwrap();
    let running = map_run_with(&first.handle(), &record, 2).await;
    first.shutdown();

    let second = start(&config, &Arc::new(store.reopen())).await.unwrap();
    assert_eq!(second.recovered, 3);
    let handle = second.handle();
    assert_eq!(end_of(&handle, &resolved, "one").await.0.status, Status::Succeeded);
    let ended = stepwell_store::ExecutionFilter { status: Some(Status::TimedOut), ..running };
    assert_eq!(handle.executions(&ended, None, 100).unwrap().len(), 2);
    second.shutdown();
}

/// A function that answers its own task before it returns.
struct AnswersItself(Handle);

impl Dispatcher for AnswersItself {
    fn call(&self, call: Call) -> BoxFuture<'static, Answer> {
        let handle = self.0.clone();
        Box::pin(async move {
            let output = Payload::from_text(r#""by myself""#).unwrap();
            handle.task(&call.token, Progress::Succeeded { output }).await.unwrap();
            Answer::Submitted(Payload::default())
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_may_answer_its_own_task() {
    let config = Config { loops: 1, ..Config::new([5; 32]) };
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let dispatcher = |handle| Arc::new(AnswersItself(handle)) as Arc<dyn Dispatcher>;
    let engine = Engine::start(config, store, Arc::new(SystemClock), dispatcher).await.unwrap();
    let handle = engine.handle();
    let resolved = machine(&handle, "callback", false, CALLBACK).await;
    let started = handle.start(request(&resolved, None, "{}")).await.unwrap();
    let (record, output, _) = end_of(&handle, &resolved, &started.name).await;
    assert_eq!(record.status, Status::Succeeded);
    assert_eq!(output.unwrap().text().as_ref(), r#""by myself""#);
    engine.shutdown();
}

/// A Map in mode DISTRIBUTED whose children never end by themselves.
const SPREAD: &str = r#"{"A":{"Type":"Map","End":true,
    "ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"P",
        "States":{"P":{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:123456789012:function:slow","End":true}}}}}"#;

/// The Map Run of an execution, once it has this many children.
async fn map_run_with(handle: &Handle, record: &ExecutionRecord, children: usize) -> stepwell_store::ExecutionFilter {
    until(handle, record, EventType::MapRunStarted).await;
    let events = handle.history(record.key, 1, false, 100).unwrap();
    let arn = events.iter().find_map(|event| match &event.details {
        stepwell_interpreter::Details::MapRunStarted { map_run_arn } => Some(map_run_arn.clone()),
        _ => None,
    });
    let arn = arn.unwrap();
    for _ in 0..1000 {
        if let Some(run) = registry::map_run(&**handle.store(), &arn).unwrap() {
            let machine = run.children;
            let status = Some(Status::Running);
            let filter = stepwell_store::ExecutionFilter { machine, status, redriven: None, qualifier_arn: None };
            if handle.executions(&filter, None, 100).unwrap().len() == children {
                return filter;
            }
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the Map Run does not have {children} running children");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_an_execution_aborts_its_map_run() {
    let engine = engine(Arc::new(MemoryStore::new())).await;
    let handle = engine.handle();
    let resolved = machine(&handle, "spread", false, SPREAD).await;
    let started = handle.start(request(&resolved, None, "[1,2,3]")).await.unwrap();
    let record = handle.find(resolved.machine.key, &started.name).unwrap().unwrap();
    let running = map_run_with(&handle, &record, 3).await;
    assert!(handle.stop(record.key, Failure::default()).await.unwrap());
    for _ in 0..1000 {
        if handle.executions(&running, None, 100).unwrap().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let ended = stepwell_store::ExecutionFilter { status: Some(Status::Aborted), ..running };
    assert_eq!(handle.executions(&ended, None, 100).unwrap().len(), 3);
    engine.shutdown();
}

/// What a crash leaves behind right after an execution was stopped: three children of its Map Run that still run; and the
/// filter that finds them.
async fn left_over() -> (MemoryStore, ExecutionFilter) {
    // Nothing is committed any more after the execution was stopped and before its children are.
    let stopped = std::sync::atomic::AtomicBool::new(false);
    let store = Arc::new(MemoryStore::with_gate(Box::new(move |writes| {
        let aborts = |write: &Write| match write {
            Write::Put(record) => matches!(&record.body, RecordBody::MapRun(run) if run.status == Status::Aborted),
            _ => false,
        };
        if stopped.load(std::sync::atomic::Ordering::SeqCst) {
            return Verdict::Hold;
        }
        stopped.store(writes.iter().any(aborts), std::sync::atomic::Ordering::SeqCst);
        Verdict::Apply
    })));
    let first = engine(store.clone()).await;
    let handle = first.handle();
    let resolved = machine(&handle, "spread", false, SPREAD).await;
    let started = handle.start(request(&resolved, None, "[1,2,3]")).await.unwrap();
    let record = handle.find(resolved.machine.key, &started.name).unwrap().unwrap();
    let running = map_run_with(&handle, &record, 3).await;
    assert!(handle.stop(record.key, Failure::default()).await.unwrap());
    let crashed = store.reopen();
    drop(first);
    assert_eq!(crashed.executions(&running, None, 100).unwrap().len(), 3);
    (crashed, running)
}

/// Waits until no more than so many are left of what a filter finds.
async fn until_left(handle: &Handle, running: &ExecutionFilter, most: usize) {
    for _ in 0..1000 {
        if handle.executions(running, None, 100).unwrap().len() <= most {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("more than {most} are left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn children_left_over_by_a_crash_are_stopped() {
    let (crashed, running) = left_over().await;
    let second = engine(Arc::new(crashed)).await;
    until_left(&second.handle(), &running, 0).await;
    let ended = ExecutionFilter { status: Some(Status::Aborted), ..running };
    assert_eq!(second.handle().executions(&ended, None, 100).unwrap().len(), 3);
    second.shutdown();
}

/// One that is damaged cannot be stopped; the others are all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_child_keeps_no_other_from_being_stopped() {
    let (crashed, running) = left_over().await;
    let newest = crashed.executions(&running, None, 1).unwrap().remove(0).key;
    let damaged = move |read| match read {
        Read::Open(key) | Read::Load(key) if key == newest => {
            Some(Error::Damaged { what: "a frame".to_owned(), why: "planted".to_owned() })
        }
        _ => None,
    };
    let second = engine(Arc::new(Faulty::new(crashed, damaged))).await;
    until_left(&second.handle(), &running, 1).await;
    assert_eq!(second.handle().executions(&running, None, 100).unwrap().remove(0).key, newest);
    second.shutdown();
}

/// A clock that is set by hand.
struct Wound(std::sync::atomic::AtomicI64);

impl stepwell_engine::Clock for Wound {
    fn now(&self) -> stepwell_value::Timestamp {
        stepwell_value::Timestamp(self.0.load(std::sync::atomic::Ordering::SeqCst))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standard_execution_ends_after_a_year() {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    let clock = Arc::new(Wound(1_700_000_000_000.into()));
    let config = Config { loops: 2, ..Config::new([5; 32]) };
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let engine = Engine::start(config, store, clock.clone(), |_| Arc::new(Services)).await.unwrap();
    let handle = engine.handle();
    let states = r#"{"A":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke.waitForTaskToken","Parameters":{"FunctionName":"f","Payload.$":"$$.Task.Token"},"End":true}}"#;
    let resolved = machine(&handle, "long", false, states).await;
    let old = handle.start(request(&resolved, Some("old"), "{}")).await.unwrap();
    clock.0.fetch_add(100 * DAY, std::sync::atomic::Ordering::SeqCst);
    let young = handle.start(request(&resolved, Some("young"), "{}")).await.unwrap();
    clock.0.fetch_add(265 * DAY, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(handle.end_overdue().await.unwrap(), 0, "a year is not over yet");
    clock.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(handle.end_overdue().await.unwrap(), 1);
    let status = |key| handle.store().execution(key).unwrap().unwrap().status;
    assert_eq!((status(old.key), status(young.key)), (Status::TimedOut, Status::Running));
    let last = handle.history(old.key, 1, false, 100).unwrap().pop().unwrap();
    assert_eq!(last.event_type, EventType::ExecutionTimedOut);
    engine.shutdown();
}

/// An engine that keeps nothing in memory, over a store of which so many reads of open executions will fail.
async fn forgetful() -> (Engine, Arc<AtomicU32>) {
    let failing = Arc::new(AtomicU32::new(0));
    let left = Arc::clone(&failing);
    let store = Faulty::new(MemoryStore::new(), move |read| {
        let fails = |left: u32| left.checked_sub(1);
        let failed =
            matches!(read, Read::Load(_)) && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails).is_ok();
        failed.then(|| Error::Backend("planted".to_owned()))
    });
    let config = Config { loops: 2, executions_in_memory: 0, ..Config::new([5; 32]) };
    let engine = Engine::start(config, Arc::new(store), Arc::new(SystemClock), |_| Arc::new(Services)).await.unwrap();
    (engine, failing)
}

/// A timer, a call's answer and the end of a Map Run are not lost when the store cannot be read for
/// a moment just then.
#[track_caller]
fn goes_on_when_it_can_be_read(states: &'static str) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        let (engine, failing) = forgetful().await;
        let handle = engine.handle();
        let resolved = machine(&handle, "waits", false, states).await;
        failing.store(2, Ordering::SeqCst);
        let started = handle.start(request(&resolved, Some("one"), "[1]")).await.unwrap();
        for _ in 0..1000 {
            let record = handle.store().execution(started.key).unwrap().unwrap();
            if record.status != Status::Running {
                assert_eq!(record.status, Status::Succeeded, "{caller}");
                assert_eq!(failing.load(Ordering::SeqCst), 0, "{caller}");
                return engine.shutdown();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{caller}: it does not go on");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_while_the_store_cannot_be_read_is_not_lost() {
    let wait = r#"{"A":{"Type":"Wait","Seconds":1,"End":true}}"#;
    let later = r#"{"A":{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:1:function:later","End":true}}"#;
    let map = r#"{"A":{"Type":"Map","End":true,"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED",
        "ExecutionType":"STANDARD"},"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}}}"#;
    tokio::join!(
        goes_on_when_it_can_be_read(wait),
        goes_on_when_it_can_be_read(later),
        goes_on_when_it_can_be_read(map),
    );
}

/// Whoever asks gets the failure at once, and asks again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_while_the_store_cannot_be_read_is_told() {
    let (engine, failing) = forgetful().await;
    let handle = engine.handle();
    let resolved = machine(&handle, "slow", false, SLOW).await;
    let started = handle.start(request(&resolved, Some("one"), "{}")).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await; // it leaves memory after its first turn
    failing.store(1, Ordering::SeqCst);
    let ended = tokio::time::timeout(Duration::from_millis(100), handle.ended(started.key)).await;
    assert!(ended.is_err(), "it has not ended, whether it can be read or not");
    failing.store(u32::MAX, Ordering::SeqCst);
    assert!(matches!(handle.stop(started.key, Failure::default()).await, Err(Error::Backend(_))));
    failing.store(0, Ordering::SeqCst);
    assert!(handle.stop(started.key, Failure::default()).await.unwrap());
    engine.shutdown();
}

/// A worker that asks just then gets its task a moment later, or the next worker does when it has gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_activity_task_is_offered_again_when_it_could_not_be_read() {
    let (engine, failing) = forgetful().await;
    let handle = engine.handle();
    let arn = format!("{SCOPE}:activity:pack");
    handle.activities().add(Arc::from(arn.as_str()));
    let states = format!(r#"{{"A":{{"Type":"Task","Resource":"{arn}","End":true}}}}"#);
    let resolved = machine(&handle, "packs", false, &states).await;
    handle.start(request(&resolved, Some("one"), r#""a""#)).await.unwrap();
    failing.store(2, Ordering::SeqCst);
    assert_eq!(handle.activity_task(&arn, None, Duration::from_millis(50)).await, None);
    let task = handle.activity_task(&arn, None, Duration::from_secs(5)).await.unwrap();
    assert_eq!((&**task.input.text(), failing.load(Ordering::SeqCst)), (r#""a""#, 0));
    handle.task(&task.token, Progress::Succeeded { output: task.input }).await.unwrap();
    engine.shutdown();
}

/// A Map Run stands still while one of its children is of a newer version of the program, as over a damaged one; its workflow
/// has not failed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_map_run_stands_still_over_a_child_that_is_too_new() {
    const MACHINE_AND_PARENT: ExecutionKey = ExecutionKey(2);
    let told = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&told);
    let store = Faulty::new(MemoryStore::new(), move |read| {
        let is_of_child = matches!(read, Read::Execution(key) | Read::Load(key) if key > MACHINE_AND_PARENT);
        is_of_child.then(|| {
            count.fetch_add(1, Ordering::SeqCst);
            Error::TooNew { place: "the row of a child".to_owned(), found: 9, known: 1 }
        })
    });
    let engine = engine(Arc::new(store)).await;
    let handle = engine.handle();
    let resolved = machine(&handle, "spread", false, SPREAD).await;
    let started = handle.start(request(&resolved, None, "[1]")).await.unwrap();
    assert_eq!(started.key, MACHINE_AND_PARENT);
    while told.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let record = handle.store().execution(started.key).unwrap().unwrap();
    assert_eq!(record.status, Status::Running);
    assert!(handle.stop(started.key, Failure::default()).await.unwrap(), "it can be stopped");
    engine.shutdown();
}
