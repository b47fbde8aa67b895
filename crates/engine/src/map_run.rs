//! Map Runs: the child executions of a Map in mode DISTRIBUTED.
//!
//! A Map Run is carried out by one async task. It keeps nothing that is not stored: the names of the children follow from
//! the run's ARN and the item's index, so that after a restart the task is simply begun again and finds what there is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use stepwell_interpreter::{Failure, Identity, MapRunOutcome, MapRunRedrive, MapRunRequest, Status};
use stepwell_store::record::{ExecutionRecord, MachineRecord, MapRunCounts, MapRunRecord, RecordBody, RevisionRecord};
use stepwell_store::{Error, ExecutionFilter, ExecutionKey, Write};
use stepwell_value::{Payload, Value};
use tokio::task::JoinSet;

use crate::handle::{Handle, StartError, StartRequest};
use crate::redrive::RedriveError;
use crate::registry::{self, Resolved, Scope};
use crate::shard::again::RETRY_AFTER;

/// Children that run at a time when the state asks for no limit or a greater one (AWS: 10,000).
const CONCURRENCY_MAX: u64 = 1_000;

/// Carries out a Map Run, from its beginning or from where it was before a restart. Trouble with the store is no failure
/// of the workflow: the run goes on when it is over, as after a restart.
pub(crate) async fn carry_out(
    handle: &Handle,
    key: ExecutionKey,
    identity: &Identity,
    request: &MapRunRequest,
) -> MapRunOutcome {
    loop {
        match run(handle, key, identity, request).await {
            Ok(outcome) => return outcome,
            Err(error) if passes(&error) => {
                tracing::warn!(arn = %request.map_run_arn, %error, "the Map Run waits");
                tokio::time::sleep(RETRY_AFTER).await;
            }
            // Neither is a child a failure that is damaged, or too new for this program: it may be restored, or read by the
            // newer one.
            Err(StartError::Store(error)) if error.lasts() => {
                tracing::error!(arn = %request.map_run_arn, %error, "the Map Run stands still");
                std::future::pending::<()>().await;
            }
            Err(error) => {
                tracing::error!(arn = %request.map_run_arn, %error, "the Map Run cannot go on");
                let cause = format!("The Map Run cannot go on: {error}");
                return MapRunOutcome::Failed(Failure::new("States.Runtime", cause));
            }
        }
    }
}

/// Whether trying again may help.
fn passes(error: &StartError) -> bool {
    match error {
        StartError::Throttled | StartError::Unavailable(_) => true,
        StartError::Store(error) => !error.lasts(),
        StartError::AlreadyExists(_) => false,
    }
}

async fn run(
    handle: &Handle,
    key: ExecutionKey,
    identity: &Identity,
    request: &MapRunRequest,
) -> Result<MapRunOutcome, StartError> {
    let inputs = match request.inputs.value() {
        Value::Array(items) => Arc::clone(items),
        _ => Arc::default(),
    };
    handle.map_run_stops().wait(&request.map_run_arn).await;
    let mut changes = handle.changeable_map_runs().open(&request.map_run_arn);
    let (mut record, redrive) = begin(handle, key, identity, request, inputs.len()).await?;
    changes.tell(record.counts);
    let resolved = resolved(identity, request, &record);
    let mut outputs = BTreeMap::new();
    let mut running: JoinSet<(usize, Result<Child, StartError>)> = JoinSet::new();
    let mut next = 0;
    let mut failure = None;
    loop {
        while failure.is_none() && next < inputs.len() && (running.len() as u64) < at_once(&record) {
            let start = StartRequest {
                resolved: resolved.clone(),
                name: None,
                input: Payload::from_value(inputs.get(next).cloned().unwrap_or_default()),
                trace_header: None,
                test_case: identity.test_case.clone(),
            };
            let child = child(handle.clone(), child_name(&request.map_run_arn, next), start, redrive);
            let index = next;
            running.spawn(async move { (index, child.await) });
            next += 1;
        }
        let ended = tokio::select! {
            biased; // changes first, for they are rare; and nothing here is left to chance
            (update, reply) = changes.next() => {
                update.apply(&mut record);
                let _ = reply.send(save(handle, &record).await); // whoever asked may have gone
                if failure.is_none() && exceeds(&record) {
                    failure = Some(threshold_exceeded(Failure::default()));
                    running.abort_all();
                }
                continue;
            }
            ended = running.join_next() => ended,
        };
        let Some(ended) = ended else { break };
        let Ok((index, ended)) = ended else { continue };
        let ended = ended?;
        count(&mut record.counts, ended.status);
        changes.tell(record.counts);
        match ended.output.filter(|_| ended.status == Status::Succeeded) {
            Some(output) => {
                outputs.insert(index, output);
            }
            None if failure.is_none() && exceeds(&record) => {
                failure = Some(threshold_exceeded(ended.failure));
                running.abort_all();
            }
            None => {}
        }
    }
    let outcome = match failure {
        None => MapRunOutcome::Succeeded(joined(&outputs)),
        Some(failure) => {
            stop_children(handle, &record).await?;
            MapRunOutcome::Failed(failure)
        }
    };
    finish(handle, record, &outcome).await?;
    Ok(outcome)
}

/// How many children may run at a time.
fn at_once(record: &MapRunRecord) -> u64 {
    match record.max_concurrency {
        0 => CONCURRENCY_MAX,
        asked => asked.min(CONCURRENCY_MAX),
    }
}

/// How a child ended.
struct Child {
    status: Status,
    output: Option<Payload>,
    failure: Failure,
}

/// The redrive that children take part in.
#[derive(Clone, Copy)]
struct Redrive {
    of_run: MapRunRedrive,
    /// Whether it begins now, so that all children there are, and no others, are of the time before. After a restart only
    /// the clock tells them apart, which may have been set back.
    begins: bool,
}

impl Redrive {
    /// Whether a child that has ended has to be redriven. Counts bound it, whatever the clock says: it is never redriven
    /// more often than its Map Run.
    fn takes(self, child: &ExecutionRecord, existed: bool) -> bool {
        let before =
            child.redriven.map_or(child.identity.started <= self.of_run.at, |redriven| redriven < self.of_run.at);
        u64::from(child.redrive_count) < self.of_run.count && if self.begins { existed } else { before }
    }
}

/// Starts a child, or finds it where it was started before, and waits for its end. One of the time before its Map Run was
/// redriven that has failed, or fails yet, is redriven too.
async fn child(
    handle: Handle,
    name: String,
    start: StartRequest,
    mut redrive: Option<Redrive>,
) -> Result<Child, StartError> {
    let machine = start.resolved.machine.key;
    let existed = handle.find(machine, &name)?.is_some();
    if !existed {
        match handle.start(StartRequest { name: Some(name.clone()), ..start }).await {
            Ok(_) | Err(StartError::AlreadyExists(_)) => {}
            Err(error) => return Err(error),
        }
    }
    let missing = || Error::Damaged { what: format!("child {name} of a Map Run"), why: "it is gone".to_owned() };
    loop {
        let key = handle.find(machine, &name)?.ok_or_else(missing)?.key;
        handle.ended(key).await;
        let record = handle.find(machine, &name)?.ok_or_else(missing)?;
        if redrive.is_some_and(|redrive| redrive.takes(&record, existed)) && redrive_child(&handle, &record).await? {
            redrive = None;
            continue;
        }
        let (output, failure) = handle.outcome_of(&record)?;
        return Ok(Child { status: record.status, output, failure });
    }
}

/// Redrives a child. `false`: it has succeeded, or cannot be redriven.
async fn redrive_child(handle: &Handle, child: &ExecutionRecord) -> Result<bool, StartError> {
    match handle.redrive(child.key, None).await {
        Ok(_) => Ok(true),
        Err(RedriveError::NotRedrivable | RedriveError::NotFound) => Ok(false),
        Err(RedriveError::Throttled) => Err(StartError::Throttled),
        Err(RedriveError::Unavailable) => Err(StartError::Unavailable("a child cannot be redriven now".to_owned())),
        Err(RedriveError::Store(error)) => Err(StartError::Store(error)),
    }
}

/// The name of a child: like a UUID, the same for the same run and item.
fn child_name(map_run_arn: &str, index: usize) -> String {
    let digest = Sha256::digest(format!("{map_run_arn}#{index}").as_bytes());
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-4{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

/// Writes the run's record and the definition of its children, unless they are there; gives the redrive that children take
/// part in.
async fn begin(
    handle: &Handle,
    key: ExecutionKey,
    identity: &Identity,
    request: &MapRunRequest,
    total: usize,
) -> Result<(MapRunRecord, Option<Redrive>), Error> {
    if let Some(mut before) = registry::map_run(&**handle.store(), &request.map_run_arn)? {
        before.counts = MapRunCounts { total: before.counts.total, ..MapRunCounts::default() };
        before.execution = Some(key); // one that an older version began does not know it
        if before.stopped.is_some() && request.redriven.is_none_or(|redrive| redrive.count <= before.redrive_count) {
            // It has ended, and nobody knows yet: its children, and what they run, must be there when their results are put
            // together again.
            (before.status, before.stopped) = (Status::Running, None);
            save_all(handle, identity, request, &before).await?;
        }
        let Some(of_run) = request.redriven else { return Ok((before, None)) };
        let begins = before.redrive_count < of_run.count;
        if begins {
            (before.status, before.stopped) = (Status::Running, None);
            (before.redrive_count, before.redriven) = (of_run.count, Some(of_run.at));
            save_all(handle, identity, request, &before).await?;
        }
        return Ok((before, Some(Redrive { of_run, begins })));
    }
    let record = MapRunRecord {
        children: handle.new_machine_key(),
        arn: Arc::clone(&request.map_run_arn),
        execution_arn: Arc::clone(&identity.execution_arn),
        execution: Some(key),
        state_machine_arn: Arc::clone(&identity.state_machine_arn),
        status: Status::Running,
        started: handle.now(),
        stopped: None,
        max_concurrency: request.max_concurrency,
        tolerated_count: request.tolerated_count,
        tolerated_percentage: request.tolerated_percentage,
        counts: MapRunCounts { total: total as u64, ..MapRunCounts::default() },
        redrive_count: 0,
        redriven: None,
    };
    save_all(handle, identity, request, &record).await?;
    Ok((record, None))
}

/// Writes the run's record and the definition of its children.
async fn save_all(
    handle: &Handle,
    identity: &Identity,
    request: &MapRunRequest,
    record: &MapRunRecord,
) -> Result<(), Error> {
    let bodies = [RecordBody::MapRun(record.clone()), RecordBody::Revision(revision(identity, request, record))];
    let scope = Scope::of_arn(&record.arn);
    let writes = bodies.map(|body| Write::Put(Box::new(registry::record(&scope, body))));
    handle.write(writes.into()).await.map(|_| ())
}

/// Writes the run's record.
async fn save(handle: &Handle, record: &MapRunRecord) -> Result<(), Error> {
    let body = RecordBody::MapRun(record.clone());
    let write = Write::Put(Box::new(registry::record(&Scope::of_arn(&record.arn), body)));
    handle.write(vec![write]).await.map(|_| ())
}

/// The run's UUID: the revision id of its children.
fn uuid_of(map_run_arn: &str) -> Arc<str> {
    Arc::from(map_run_arn.rsplit(':').next().unwrap_or_default())
}

fn revision(identity: &Identity, request: &MapRunRequest, record: &MapRunRecord) -> RevisionRecord {
    RevisionRecord {
        machine: record.children,
        revision_id: uuid_of(&request.map_run_arn),
        created: record.started,
        definition: Arc::clone(&request.child_definition),
        role_arn: Arc::clone(&identity.role_arn),
        logging: None,
        tracing: None,
        encryption: None,
    }
}

/// The children's machine, `NAME/LABEL`: it is in no listing.
fn resolved(identity: &Identity, request: &MapRunRequest, record: &MapRunRecord) -> Resolved {
    let name = registry::map_run_name(&request.map_run_arn);
    let name = name.rsplit_once(':').map_or(name, |(name, _)| name);
    let label = name.split_once('/').map_or(name, |(_, label)| label);
    let machine = MachineRecord {
        key: record.children,
        arn: Arc::from(format!("{}/{label}", identity.state_machine_arn)),
        name: Arc::from(format!("{}/{label}", identity.state_machine_name)),
        express: request.express_children,
        created: record.started,
        revision_id: uuid_of(&request.map_run_arn),
        next_version: 1,
        deleting: false,
        tags: Vec::new(),
    };
    let revision = Arc::new(revision(identity, request, record));
    Resolved { machine: Arc::new(machine), revision, version: None, alias: None }
}

fn count(counts: &mut MapRunCounts, status: Status) {
    match status {
        Status::Succeeded => counts.succeeded += 1,
        Status::TimedOut => counts.timed_out += 1,
        Status::Aborted => counts.aborted += 1,
        _ => counts.failed += 1,
    }
}

/// Whether more children have failed than is tolerated. Without a tolerance the first one is too many.
fn exceeds(record: &MapRunRecord) -> bool {
    let counts = &record.counts;
    let failed = counts.failed + counts.timed_out + counts.aborted;
    let by_count = record.tolerated_count.is_some_and(|tolerated| failed > tolerated);
    let share = failed as f64 * 100.0 / counts.total.max(1) as f64;
    let by_percentage = record.tolerated_percentage.is_some_and(|tolerated| share > tolerated);
    let none_tolerated = record.tolerated_count.is_none() && record.tolerated_percentage.is_none();
    by_count || by_percentage || (none_tolerated && failed > 0)
}

fn threshold_exceeded(last: Failure) -> Failure {
    let cause = match last.cause.filter(|cause| !cause.is_empty()) {
        Some(cause) => format!("The specified tolerated failure threshold was exceeded: {cause}"),
        None => "The specified tolerated failure threshold was exceeded".to_owned(),
    };
    Failure::new("States.ExceedToleratedFailureThreshold", cause)
}

/// The outputs of the children that succeeded, as one JSON array.
fn joined(outputs: &BTreeMap<usize, Payload>) -> Payload {
    let texts: Vec<&str> = outputs.values().map(|payload| &**payload.text()).collect();
    Payload::from_checked_text(format!("[{}]", texts.join(",")))
}

/// Stops the children that still run. One that is damaged or too new cannot be stopped; that is said when all others are.
async fn stop_children(handle: &Handle, record: &MapRunRecord) -> Result<(), Error> {
    let filter = ExecutionFilter {
        machine: record.children,
        status: Some(Status::Running),
        redriven: None,
        qualifier_arn: None,
    };
    let (mut damaged, mut told) = (BTreeSet::new(), Ok(()));
    loop {
        let running = handle.executions(&filter, None, 100 + damaged.len())?.into_iter().map(|record| record.key);
        let running: Vec<ExecutionKey> = running.filter(|key| !damaged.contains(key)).collect();
        if running.is_empty() {
            return told;
        }
        for key in running {
            match handle.stop(key, Failure::default()).await {
                Ok(_) => {}
                Err(error) if error.lasts() => {
                    damaged.insert(key);
                    told = Err(error);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Stops everything that is left of a Map Run which was given up, and counts how its children ended.
///
/// # Errors
/// When the store fails.
pub(crate) async fn stop_all(handle: &Handle, map_run_arn: &str) -> Result<(), Error> {
    /// A child that was on its way when the run was given up has started by then.
    const SETTLED: Duration = Duration::from_millis(500);
    let Some(mut record) = registry::map_run(&**handle.store(), map_run_arn)? else { return Ok(()) };
    stop_children(handle, &record).await?;
    tokio::time::sleep(SETTLED).await;
    stop_children(handle, &record).await?;
    record.counts = MapRunCounts { total: record.counts.total, ..MapRunCounts::default() };
    let filter = ExecutionFilter { machine: record.children, status: None, redriven: None, qualifier_arn: None };
    let mut before = None;
    loop {
        let page = handle.executions(&filter, before, 500)?;
        let Some(last) = page.last() else { break };
        before = Some(last.place());
        page.iter().for_each(|child| count(&mut record.counts, child.status));
    }
    let counts = record.counts;
    let ended = counts.succeeded + counts.failed + counts.timed_out + counts.aborted;
    record.counts.aborted += counts.total.saturating_sub(ended);
    if record.status == Status::Running {
        // A change of the run that came at the same moment was written after its end.
        (record.status, record.stopped) = (Status::Aborted, Some(handle.now()));
    }
    save(handle, &record).await
}

/// Writes how the run ended.
async fn finish(handle: &Handle, mut record: MapRunRecord, outcome: &MapRunOutcome) -> Result<(), Error> {
    record.status = match outcome {
        MapRunOutcome::Succeeded(_) => Status::Succeeded,
        MapRunOutcome::Failed(_) => Status::Failed,
    };
    let counts = record.counts;
    let ended = counts.succeeded + counts.failed + counts.timed_out + counts.aborted;
    record.counts.aborted += counts.total.saturating_sub(ended);
    record.stopped = Some(handle.now());
    save(handle, &record).await
}
