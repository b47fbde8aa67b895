//! Callers, operators and workers: what they ask of the engine, and what they make of its answers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use stepwell_engine::{Handle, RedriveError, StartError, StartRequest, Started, TaskError, registry, token};
use stepwell_interpreter::{Failure, Progress};
use stepwell_store::record::{MachineRecord, RecordBody, RevisionRecord};
use stepwell_store::{Error, ExecutionKey, Write};
use stepwell_value::Payload;
use tokio::runtime::Runtime;
use tokio::task::AbortHandle;

use crate::agenda::{Event, StartCall};
use crate::desk::{Desk, SharedDesk};
use crate::disk::Disk;
use crate::seen::{self, Seen};
use crate::workflow;

/// How long a worker waits for a task, with faults and without: then the next thing to happen may be days away.
const POLL_MILLIS: (u64, u64) = (60_000, 21_600_000);
/// Workers for each activity.
const WORKERS: usize = 2;

/// All who use the engine from outside.
pub struct Callers {
    workflows: Vec<Workflow>,
    desk: SharedDesk,
    secret: [u8; 32],
    asked: Arc<Mutex<Asked>>,
}

/// A machine that operators will make.
pub struct Workflow {
    /// Its name.
    pub name: String,
    /// Its definition.
    pub text: String,
    /// Whether it is of type EXPRESS.
    pub express: bool,
}

/// What was asked and not yet answered; a crash cuts it off.
#[derive(Default)]
struct Asked {
    starts: BTreeMap<u64, StartCall>,
    next_start: u64,
    making: BTreeSet<usize>,
    polling: BTreeMap<usize, AbortHandle>,
    /// Callers of StartSyncExecution who wait.
    waiting: BTreeSet<u64>,
}

fn lock(asked: &Mutex<Asked>) -> MutexGuard<'_, Asked> {
    asked.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Callers {
    /// Callers of these workflows.
    pub fn new(workflows: Vec<Workflow>, desk: &SharedDesk, secret: [u8; 32]) -> Callers {
        Callers { workflows, desk: desk.clone(), secret, asked: Arc::default() }
    }

    /// How many machines there will be.
    pub fn machines(&self) -> usize {
        self.workflows.len()
    }

    /// Whether somebody waits for the end of an Express execution.
    pub fn wait_for_express(&self) -> bool {
        !lock(&self.asked).waiting.is_empty()
    }

    /// Whether somebody waits for the answer to a StartExecution.
    pub fn wait_for_start(&self) -> bool {
        !lock(&self.asked).starts.is_empty()
    }

    /// How many workers there are.
    pub fn workers(&self) -> usize {
        WORKERS * workflow::ACTIVITIES.len()
    }

    /// Everything under way was cut off: callers call again, workers ask again.
    pub fn crashed(&mut self) {
        let mut asked = lock(&self.asked);
        let mut desk = self.desk.lock();
        let now = desk.clock.elapsed();
        for call in std::mem::take(&mut asked.starts).into_values() {
            let again = now + desk.rng.below(3_000);
            desk.agenda.push(again, Event::Start(call));
        }
        for worker in std::mem::take(&mut asked.polling).into_keys() {
            let again = now + desk.rng.below(3_000);
            desk.agenda.push(again, Event::Poll(worker));
        }
        asked.making.clear();
        asked.waiting.clear(); // what was under way is lost, as it may be
    }

    /// Does what the agenda says.
    pub fn happen(&mut self, event: Event, handle: &Handle, runtime: &Runtime, disk: &Arc<Disk>) {
        let ask = Ask { desk: self.desk.clone(), disk: Arc::clone(disk), handle: handle.clone() };
        match event {
            Event::Answer(sender, answer) => {
                self.desk.lock().note(&format!("a service answers {answer:?}"));
                let _ = sender.send(answer); // whoever called may have given up
            }
            Event::Report(reporter, progress) => reporter.report(progress),
            Event::Callback(token, progress) => drop(runtime.spawn(ask.callback(token, progress, self.secret))),
            Event::Start(call) => self.start(call, ask, runtime),
            Event::Stop(key) => drop(runtime.spawn(ask.stop(key))),
            Event::Redrive(key, token) => drop(runtime.spawn(ask.redrive(key, token))),
            Event::Await(key) => drop(runtime.spawn(ask.until_ended(key))),
            Event::MakeMachine(index) => self.make_machine(index, ask, runtime),
            Event::Poll(worker) => self.poll(worker, ask, runtime),
            Event::HangUp(worker) => self.hang_up(worker),
            Event::Tick => {}
        }
    }

    fn start(&mut self, call: StartCall, ask: Ask, runtime: &Runtime) {
        let Some(Workflow { name, express, .. }) = self.workflows.get(call.machine) else { return };
        let now = self.desk.lock().clock.elapsed();
        let resolved = match seen::resolve(&*ask.disk, name) {
            Ok(Some(resolved)) => resolved,
            Err(error) => return self.desk.see(&Seen::Refused(&error), &ask.disk),
            Ok(None) => {
                let mut desk = self.desk.lock();
                desk.agenda.push(now, Event::MakeMachine(call.machine));
                return desk.agenda.push(now + 700, Event::Start(call));
            }
        };
        let request = StartRequest {
            test_case: None,
            resolved,
            name: call.name.clone(),
            input: Payload::from_checked_text(call.input.clone()),
            trace_header: None,
        };
        let mut asked = lock(&self.asked);
        asked.next_start += 1;
        let number = asked.next_start;
        if *express {
            asked.waiting.insert(number);
            drop(runtime.spawn(ask.express(number, request, call, Arc::clone(&self.asked))));
            return;
        }
        asked.starts.insert(number, call.clone());
        let calling = runtime.spawn(ask.start(number, request, call, Arc::clone(&self.asked)));
        let mut desk = self.desk.lock();
        let rate = desk.options.hang_up / 4.0;
        if desk.fault(rate) {
            calling.abort(); // before it has even sent its request, or while it waits
            asked.starts.remove(&number);
        }
    }

    fn make_machine(&mut self, index: usize, ask: Ask, runtime: &Runtime) {
        let Some(Workflow { name, text, express }) = self.workflows.get(index) else { return };
        let exists = match seen::resolve(&*ask.disk, name) {
            Ok(found) => found.is_some(),
            Err(error) => return self.desk.see(&Seen::Refused(&error), &ask.disk),
        };
        if exists || !lock(&self.asked).making.insert(index) {
            return;
        }
        let key = ask.handle.new_machine_key();
        let (created, name) = (ask.handle.now(), Arc::<str>::from(name.as_str()));
        let (account, region) = workflow::SCOPE;
        let machine = MachineRecord {
            key,
            arn: format!("arn:aws:states:{region}:{account}:stateMachine:{name}").into(),
            name,
            express: *express,
            created,
            revision_id: Arc::from("r1"),
            next_version: 1,
            deleting: false,
            tags: Vec::new(),
        };
        let revision = RevisionRecord {
            machine: key,
            revision_id: Arc::from("r1"),
            created,
            definition: Arc::from(text.as_str()),
            role_arn: Arc::from("arn:aws:iam::000000000000:role/world"),
            logging: None,
            tracing: None,
            encryption: None,
        };
        let bodies = [RecordBody::Machine(machine), RecordBody::Revision(revision)];
        let writes = bodies.map(|body| Write::Put(Box::new(registry::record(&workflow::scope(), body))));
        let asked = Arc::clone(&self.asked);
        drop(runtime.spawn(async move {
            let made = ask.handle.write(writes.into()).await;
            lock(&asked).making.remove(&index);
            ask.desk.lock().note(&format!("machine {index} made: {}", made.is_ok()));
        }));
    }

    fn poll(&mut self, worker: usize, ask: Ask, runtime: &Runtime) {
        let activity = workflow::ACTIVITIES.get(worker % workflow::ACTIVITIES.len()).copied().unwrap_or("pack");
        let mut asked = lock(&self.asked);
        if asked.polling.contains_key(&worker) {
            return;
        }
        let mut desk = self.desk.lock();
        let wait = if desk.calm { POLL_MILLIS.1 } else { POLL_MILLIS.0 };
        let polling = runtime.spawn(ask.activity_task(worker, activity, wait, self.secret, Arc::clone(&self.asked)));
        asked.polling.insert(worker, polling.abort_handle());
        let now = desk.clock.elapsed();
        desk.agenda.push(now + wait + 1, Event::Tick);
        let rate = desk.options.hang_up;
        if desk.fault(rate) {
            let after = desk.rng.below(3) * desk.rng.below(4_000);
            desk.agenda.push(now + after, Event::HangUp(worker));
        }
    }

    /// A worker hangs up, when it waits for a task.
    pub fn hang_up(&mut self, worker: usize) {
        let Some(polling) = lock(&self.asked).polling.remove(&worker) else { return };
        polling.abort();
        let mut desk = self.desk.lock();
        desk.note(&format!("worker {worker} hangs up"));
        let again = desk.clock.elapsed() + 500;
        desk.agenda.push(again, Event::Poll(worker));
    }
}

/// Whom to ask, and where to report the answer.
struct Ask {
    desk: SharedDesk,
    disk: Arc<Disk>,
    handle: Handle,
}

impl Ask {
    async fn start(self, number: u64, request: StartRequest, call: StartCall, asked: Arc<Mutex<Asked>>) {
        let outcome = self.handle.start(request).await;
        lock(&asked).starts.remove(&number);
        let mut desk = self.desk.lock();
        match outcome {
            Ok(started) => {
                let (name, input) = (call.name.as_deref(), call.input.as_str());
                desk.see(&Seen::Started { key: started.key, arn: &started.execution_arn, name, input }, &self.disk);
                desk.plan_after_start(started.key);
            }
            Err(StartError::AlreadyExists(arn)) => desk.note(&format!("already exists: {arn}")),
            Err(StartError::Store(error)) if error.lasts() => desk.see(&Seen::Refused(&error), &self.disk),
            Err(_) => {
                let again = desk.clock.elapsed() + 500 + desk.rng.below(2_000);
                desk.agenda.push(again, Event::Start(call));
            }
        }
    }

    /// Starts an Express execution, and waits for its end or not.
    async fn express(self, number: u64, request: StartRequest, call: StartCall, asked: Arc<Mutex<Asked>>) {
        let waits = self.desk.lock().rng.chance(0.7);
        let outcome = match waits {
            true => self.handle.start_sync(request).await.map(|result| (result.started.clone(), Some(result))),
            false => self.handle.start(request).await.map(|started| (started, None)),
        };
        lock(&asked).waiting.remove(&number);
        match outcome {
            Ok((Started { key, execution_arn, .. }, result)) => {
                self.desk.see(&Seen::Express { key, arn: &execution_arn, result: result.as_ref() }, &self.disk);
            }
            Err(StartError::Store(error)) if error.lasts() => self.desk.see(&Seen::Refused(&error), &self.disk),
            Err(_) => {
                let mut desk = self.desk.lock();
                let again = desk.clock.elapsed() + 500 + desk.rng.below(2_000);
                desk.agenda.push(again, Event::Start(call));
            }
        }
    }

    async fn stop(self, key: ExecutionKey) {
        match self.handle.stop(key, Failure::named("Stopped")).await {
            Ok(stopped) => self.desk.see(&Seen::Stopped { key, stopped }, &self.disk),
            Err(error @ Error::Damaged { .. }) => self.desk.see(&Seen::Refused(&error), &self.disk),
            Err(error) => self.desk.lock().note(&format!("a stop fails: {error}")),
        }
    }

    async fn redrive(self, key: ExecutionKey, token: Option<Arc<str>>) {
        let outcome = self.handle.redrive(key, token.clone()).await;
        let mut desk = self.desk.lock();
        match outcome {
            Ok(at) => desk.see(&Seen::Redriven { key, token: token.as_deref(), at }, &self.disk),
            Err(RedriveError::NotRedrivable | RedriveError::NotFound) => {
                desk.note("a redrive finds nothing to redrive")
            }
            Err(RedriveError::Store(error)) if error.lasts() => desk.see(&Seen::Refused(&error), &self.disk),
            Err(_) => {
                let again = desk.clock.elapsed() + 500 + desk.rng.below(2_000);
                desk.agenda.push(again, Event::Redrive(key, token));
            }
        }
    }

    async fn until_ended(self, key: ExecutionKey) {
        self.handle.ended(key).await;
        self.desk.see(&Seen::Ended(key), &self.disk);
    }

    async fn callback(self, text: Arc<str>, progress: Progress, secret: [u8; 32]) {
        let ends = matches!(progress, Progress::Succeeded { .. } | Progress::Failed { .. });
        let answer = self.handle.task(&text, progress).await;
        let Some(task) = token::decode(&secret, &text) else { return };
        match answer {
            Ok(()) => self.desk.see(&Seen::Answered { task, ends, accepted: true }, &self.disk),
            Err(TaskError::TaskTimedOut) => {
                self.desk.see(&Seen::Answered { task, ends, accepted: false }, &self.disk);
            }
            Err(TaskError::InvalidToken) => {
                self.desk.lock().violated("tokens", format!("a token of ours is said to be invalid: {text}"));
            }
            Err(TaskError::TaskDoesNotExist) => {
                self.desk
                    .lock()
                    .violated("tokens", "an activity is said to be gone that nobody has deleted".to_owned());
            }
            Err(TaskError::Unavailable) => self.desk.lock().note("a callback finds nobody"),
        }
    }

    async fn activity_task(self, worker: usize, activity: &str, wait: u64, secret: [u8; 32], asked: Arc<Mutex<Asked>>) {
        let (arn, name) = (workflow::activity_arn(activity), Arc::from(format!("worker-{worker}")));
        let found = self.handle.activity_task(&arn, Some(name), Duration::from_millis(wait)).await;
        lock(&asked).polling.remove(&worker);
        let mut desk = self.desk.lock();
        let taken = found.and_then(|found| token::decode(&secret, &found.token).map(|task| (found, task)));
        if let Some((found, task)) = taken {
            desk.see(&Seen::Taken(task), &self.disk);
            let beats = desk.rng.between(1, 10);
            desk.plan_callback(&Arc::from(found.token), Some(beats));
        }
        let again = desk.clock.elapsed() + desk.rng.below(2_000);
        desk.agenda.push(again, Event::Poll(worker));
    }
}

impl Desk {
    /// What callers do with an execution they have started.
    fn plan_after_start(&mut self, key: ExecutionKey) {
        let now = self.clock.elapsed();
        let rate = self.options.stop;
        if self.fault(rate) {
            for _ in 0..self.rng.between(1, 2) {
                let after = self.rng.below(4) * self.rng.below(15_000);
                self.agenda.push(now + after, Event::Stop(key));
            }
        }
        let rate = self.options.redrive;
        if self.fault(rate) {
            for _ in 0..self.rng.between(1, 3) {
                let token = [None, Some("first"), Some("second")];
                let token = self.rng.pick(&token).copied().flatten().map(Arc::from);
                let after = self.rng.below(5) * self.rng.below(25_000);
                self.agenda.push(now + after, Event::Redrive(key, token));
            }
        }
        if self.rng.chance(0.3) {
            let after = self.rng.below(20_000);
            self.agenda.push(now + after, Event::Await(key));
        }
    }
}
