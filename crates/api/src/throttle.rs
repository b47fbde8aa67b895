//! Quotas: how often an account may call an operation, and how much it may have, as AWS names them.
//!
//! Off unless the operator asks for them. Requests are limited by a token bucket for each operation, account and region
//! (ThrottlingException, `Rate exceeded`); resources by counting them (ExecutionLimitExceeded, StateMachineLimitExceeded,
//! ActivityLimitExceeded). Only requests that come in over HTTP take from a bucket; resources are counted whoever makes
//! them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use stepwell_engine::{Handle, Scope};
use stepwell_model::ApiError;
use stepwell_store::RecordKind;
use stepwell_value::Timestamp;

use crate::access::Caller;
use crate::wire::store_failure;

/// How often an operation may be called.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Calls at once, after a rest.
    pub size: u32,
    /// Calls a second, in the long run.
    pub per_second: f64,
}

/// How much one account may ask for in one region. The default is no limit at all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quotas {
    /// Buckets by the operation's name; an operation without one is not limited.
    pub requests: BTreeMap<String, Bucket>,
    /// Standard executions that are open at a time; the children of Map Runs are not counted.
    pub open_executions: Option<u64>,
    /// State machines.
    pub state_machines: Option<u64>,
    /// Activities.
    pub activities: Option<u64>,
}

/// AWS's buckets in its greatest regions (us-east-1, us-west-2, eu-west-1). Developer guide, quotas. Operations that it
/// does not name are not limited.
const AWS_BUCKETS: &[(&str, u32, f64)] = &[
    ("CreateActivity", 100, 1.0),
    ("CreateStateMachine", 100, 1.0),
    ("DeleteActivity", 100, 1.0),
    ("DeleteStateMachine", 100, 1.0),
    ("DescribeActivity", 200, 1.0),
    ("DescribeExecution", 300, 15.0),
    ("DescribeStateMachine", 200, 20.0),
    ("DescribeStateMachineForExecution", 200, 1.0),
    ("GetActivityTask", 3000, 500.0),
    ("GetExecutionHistory", 400, 20.0),
    ("ListActivities", 100, 10.0),
    ("ListExecutions", 200, 5.0),
    ("ListStateMachines", 100, 5.0),
    ("ListTagsForResource", 100, 1.0),
    ("SendTaskFailure", 3000, 500.0),
    ("SendTaskHeartbeat", 3000, 500.0),
    ("SendTaskSuccess", 3000, 500.0),
    ("StartExecution", 1300, 300.0),
    ("StopExecution", 1000, 200.0),
    ("TagResource", 200, 1.0),
    ("UntagResource", 200, 1.0),
    ("UpdateStateMachine", 100, 1.0),
];

impl Quotas {
    /// AWS's default quotas.
    pub fn aws() -> Quotas {
        let limits = stepwell_model::Limits::aws();
        let bucket = |(name, size, per_second): &(&str, u32, f64)| {
            ((*name).to_owned(), Bucket { size: *size, per_second: *per_second })
        };
        Quotas {
            requests: AWS_BUCKETS.iter().map(bucket).collect(),
            open_executions: Some(limits.open_executions_max),
            state_machines: Some(limits.state_machines_max),
            activities: Some(limits.activities_max),
        }
    }
}

/// Buckets that are kept; beyond that the full ones are forgotten, which changes nothing.
const LEVELS_MAX: usize = 10_000;
/// Records read at a time while they are counted. When these are all, they may be counted again at once.
const PAGE: usize = 1000;
/// More are counted again only after so many times as long as it took, so that counting takes a tenth of the time at most.
const REST: u32 = 10;

/// How full the buckets are, and how much there is.
pub(crate) struct Throttle {
    quotas: Quotas,
    levels: Mutex<HashMap<(String, String, &'static str), Level>>,
    counts: tokio::sync::Mutex<HashMap<(Resource, String), Count>>,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Resource {
    OpenExecutions,
    StateMachines,
    Activities,
}

/// How full a bucket was at a moment.
#[derive(Clone, Copy, Debug)]
struct Level {
    tokens: f64,
    at: Timestamp,
}

/// How much there may be at most: what was counted and what was added since. What has gone since is not known.
struct Count {
    at_most: u64,
    again: Instant,
}

impl Level {
    fn filled(self, bucket: Bucket, now: Timestamp) -> Level {
        let gained = now.millis_since(self.at) as f64 / 1000.0 * bucket.per_second;
        Level { tokens: (self.tokens + gained).min(f64::from(bucket.size)), at: now.max(self.at) }
    }
}

impl Throttle {
    pub fn new(quotas: Quotas) -> Throttle {
        Throttle { quotas, levels: Mutex::default(), counts: tokio::sync::Mutex::default() }
    }

    /// Takes one call of an operation from its bucket.
    ///
    /// # Errors
    /// ThrottlingException when there is none left.
    pub fn admit(&self, caller: &Caller, operation: &'static str, now: Timestamp) -> Result<(), ApiError> {
        let Some(bucket) = self.quotas.requests.get(operation).copied() else { return Ok(()) };
        let mut levels = self.levels.lock().unwrap_or_else(PoisonError::into_inner);
        if levels.len() >= LEVELS_MAX {
            self.forget_full(&mut levels, now);
        }
        let place = (caller.account.to_string(), caller.region.to_string(), operation);
        let full = Level { tokens: f64::from(bucket.size), at: now };
        let level = levels.entry(place).or_insert(full);
        *level = level.filled(bucket, now);
        if level.tokens < 1.0 {
            return Err(ApiError::throttling());
        }
        level.tokens -= 1.0;
        Ok(())
    }

    fn forget_full(&self, levels: &mut HashMap<(String, String, &'static str), Level>, now: Timestamp) {
        levels.retain(|(_, _, operation), level| {
            let bucket = self.quotas.requests.get(*operation);
            bucket.is_some_and(|bucket| level.filled(*bucket, now).tokens < f64::from(bucket.size))
        });
    }

    /// Makes room for one more open execution, beside those of an ARN's account and region.
    ///
    /// # Errors
    /// As [`Throttle::make_room`].
    pub async fn make_room_beside(&self, engine: &Handle, arn: &str) -> Result<(), ApiError> {
        match self.quotas.open_executions {
            Some(_) => self.make_room(engine, Resource::OpenExecutions, &Scope::of_arn(arn)).await,
            None => Ok(()),
        }
    }

    /// Makes room for one more. Requests under way at the same time may go beyond the quota by as many as they are.
    ///
    /// # Errors
    /// ExecutionLimitExceeded, StateMachineLimitExceeded, ActivityLimitExceeded; InternalFailure when the store fails.
    pub async fn make_room(&self, engine: &Handle, resource: Resource, scope: &Scope) -> Result<(), ApiError> {
        let (max, refused): (_, fn() -> ApiError) = match resource {
            Resource::OpenExecutions => (self.quotas.open_executions, ApiError::execution_limit_exceeded),
            Resource::StateMachines => (self.quotas.state_machines, ApiError::state_machine_limit_exceeded),
            Resource::Activities => (self.quotas.activities, ApiError::activity_limit_exceeded),
        };
        let Some(max) = max else { return Ok(()) };
        let mut counts = self.counts.lock().await;
        let unknown = || Count { at_most: u64::MAX, again: Instant::now() };
        let count = counts.entry((resource, scope.to_string())).or_insert_with(unknown);
        if count.at_most >= max && Instant::now() >= count.again {
            let begun = Instant::now();
            let counted = counted(engine, resource, scope).await?;
            let rest = if counted.read > PAGE { begun.elapsed() * REST } else { Duration::ZERO };
            *count = Count { at_most: counted.found, again: Instant::now() + rest };
        }
        if count.at_most >= max {
            return Err(refused());
        }
        count.at_most += 1;
        Ok(())
    }
}

/// What a count has come to.
#[derive(Default)]
struct Counted {
    /// How much there is.
    found: u64,
    /// How many records were read for it.
    read: usize,
}

/// How much there is.
async fn counted(engine: &Handle, resource: Resource, scope: &Scope) -> Result<Counted, ApiError> {
    let (engine, scope) = (engine.clone(), scope.clone());
    let counting = tokio::task::spawn_blocking(move || match resource {
        Resource::OpenExecutions => open_executions(&engine, &scope),
        Resource::StateMachines => records(&engine, RecordKind::Machine, &scope),
        Resource::Activities => records(&engine, RecordKind::Activity, &scope),
    });
    match counting.await {
        Ok(counted) => counted.map_err(store_failure),
        Err(_) => Err(ApiError::internal_failure("the resources could not be counted; the server's log says more")),
    }
}

fn records(engine: &Handle, kind: RecordKind, scope: &Scope) -> Result<Counted, stepwell_store::Error> {
    let mut after: Option<String> = None;
    let mut counted = Counted::default();
    loop {
        let page = engine.store().records(kind, &scope.to_string(), "", after.as_deref(), PAGE)?;
        counted.found += page.len() as u64;
        counted.read += page.len();
        match page.last() {
            Some(last) if page.len() == PAGE => after = Some(last.name.to_string()),
            _ => return Ok(counted),
        }
    }
}

fn open_executions(engine: &Handle, scope: &Scope) -> Result<Counted, stepwell_store::Error> {
    let prefix = format!(":states:{}:{}:execution:", scope.region, scope.account);
    let mut after = None;
    let mut counted = Counted::default();
    loop {
        let page = engine.store().open_executions(after, PAGE)?;
        let is_counted = |record: &stepwell_store::ExecutionRecord| {
            let identity = &record.identity;
            identity.execution_arn.contains(&*prefix) && !identity.is_child()
        };
        counted.found += page.executions.iter().filter(|open| is_counted(&open.record)).count() as u64;
        counted.read += page.count();
        match page.last {
            Some(last) if page.count() == PAGE => after = Some(last),
            _ => return Ok(counted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Bucket, Quotas, Throttle};
    use crate::access::Caller;
    use stepwell_engine::Scope;
    use stepwell_value::Timestamp;

    fn caller(account: &str, region: &str) -> Caller {
        Caller::internal(&Scope { account: account.to_owned(), region: region.to_owned() })
    }

    /// Rows of (milliseconds, account, region, operation, whether it is admitted), with a bucket of 2 and 4 a second.
    #[test]
    fn buckets() {
        let quotas = Quotas {
            requests: [("TagResource".to_owned(), Bucket { size: 2, per_second: 4.0 })].into(),
            ..Quotas::default()
        };
        let throttle = Throttle::new(quotas);
        for (millis, account, region, operation, expected) in [
            (0, "1", "a", "TagResource", true),
            (0, "1", "a", "TagResource", true),
            (0, "1", "a", "TagResource", false),
            (0, "1", "a", "StopExecution", true),
            (0, "2", "a", "TagResource", true),
            (0, "1", "b", "TagResource", true),
            (249, "1", "a", "TagResource", false),
            (250, "1", "a", "TagResource", true),
            (250, "1", "a", "TagResource", false),
            (0, "1", "a", "TagResource", false), // a clock that goes back gives nothing
            (400, "1", "a", "TagResource", false),
            (60_000, "1", "a", "TagResource", true),
            (60_000, "1", "a", "TagResource", true),
            (60_000, "1", "a", "TagResource", false),
        ] {
            let admitted = throttle.admit(&caller(account, region), operation, Timestamp(millis));
            assert_eq!(admitted.is_ok(), expected, "{millis} {account} {region} {operation}");
            if let Err(error) = admitted {
                assert_eq!(
                    (error.code, &*error.message, error.http_status),
                    ("ThrottlingException", "Rate exceeded", 400)
                );
            }
        }
    }

    #[test]
    fn buckets_of_many_accounts_are_forgotten() {
        let throttle = Throttle::new(Quotas::aws());
        for number in 0..30_000 {
            let admitted = throttle.admit(&caller(&number.to_string(), "a"), "StartExecution", Timestamp(number * 10));
            assert!(admitted.is_ok());
        }
        assert!(throttle.levels.lock().unwrap().len() <= super::LEVELS_MAX);
    }

    #[test]
    fn aws_names_operations_that_exist() {
        for name in Quotas::aws().requests.keys() {
            assert!(stepwell_model::Operation::find(name).is_some(), "{name}");
        }
        assert!(Quotas::default().requests.is_empty());
    }
}
