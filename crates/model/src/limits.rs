//! Every limit of the service, in one place.
//!
//! A limit is AWS's unless the operator says otherwise: [`Limits::aws`] are AWS's values, [`Limits::unbounded`] lifts
//! those that only protect a shared service. Constraints of the wire (names, ARNs, tags) are the model's and are not
//! switched.

/// Names of state machines, executions, activities, aliases, states and variables: characters. API model, `Name`.
pub const NAME_LENGTH_MAX: usize = 80;
/// Greatest page. API model, `PageSize`.
pub const PAGE_SIZE_MAX: usize = 1000;
/// The page when `maxResults` is absent or 0. API reference, ListExecutions.
pub const PAGE_SIZE_DEFAULT: usize = 100;
/// Longest page token of every list but that of executions. API model, `PageToken`.
pub const PAGE_TOKEN_LENGTH_MAX: usize = 1024;
/// Longest page token of ListExecutions. API model, `ListExecutionsPageToken`.
pub const LIST_EXECUTIONS_PAGE_TOKEN_LENGTH_MAX: usize = 3096;
/// How long a page token may be used: 24 hours. API reference, `nextToken`.
pub const PAGE_TOKEN_LIFETIME_SECONDS: u64 = 24 * 60 * 60;
/// Task tokens. API model, `TaskToken`.
pub const TASK_TOKEN_LENGTH_MAX: usize = 2048;
/// Diagnostics of ValidateStateMachineDefinition when `maxResults` is absent or 0. API reference.
pub const DIAGNOSTICS_DEFAULT: usize = 100;
/// How long GetActivityTask waits for a task. API reference.
pub const ACTIVITY_POLL_SECONDS: u64 = 60;
/// A Task without TimeoutSeconds: 99,999,999 s. ASL specification, Task.
pub const TASK_TIMEOUT_SECONDS_DEFAULT: u64 = 99_999_999;
/// Routes of an alias. API model, `RoutingConfigurationList`.
pub const ALIAS_ROUTES_MAX: usize = 2;
/// Nested calls of intrinsic functions. Developer guide, intrinsic functions.
pub const INTRINSIC_DEPTH_MAX: usize = 10;

/// The limits that an operator may lift.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes in UTF-8 of an input, output, result or effective parameters: 262,144. Developer guide, quotas.
    pub payload_bytes_max: u64,
    /// Characters of a definition: 1,048,576. API model, `Definition`.
    pub definition_length_max: u64,
    /// Bytes of a whole request: 1,048,576. Developer guide, quotas.
    pub request_bytes_max: u64,
    /// Events in the history of a Standard execution: 25,000, the last of which says that it failed. Developer guide,
    /// quotas.
    pub history_events_max: u64,
    /// How long a Standard execution may run: 1 year. Developer guide, quotas.
    pub standard_seconds_max: u64,
    /// How long an Express execution may run: 5 minutes. Developer guide, quotas.
    pub express_seconds_max: u64,
    /// How long a closed Standard execution is kept: 90 days. Developer guide, quotas.
    pub retention_seconds: u64,
    /// How long after its end an execution may be redriven: 14 days. Developer guide, redrive.
    pub redrive_seconds_max: u64,
    /// How often an execution may be redriven: 1,000. Developer guide, redrive.
    pub redrives_max: u64,
    /// Executions of an account and region that are open at a time: 1,000,000. Developer guide, quotas.
    pub open_executions_max: u64,
    /// Map Runs of an account and region that are open at a time: 1,000. Developer guide, quotas.
    pub open_map_runs_max: u64,
    /// Iterations of an inline Map that run at a time: 40. Developer guide, Map state.
    pub inline_map_concurrency_max: u64,
    /// Children of a Distributed Map that run at a time: 10,000. Developer guide, Map state.
    pub distributed_map_concurrency_max: u64,
    /// Items that a Distributed Map reads: 100,000,000. Developer guide, ItemReader.
    pub map_items_max: u64,
    /// State machines of an account and region: 100,000. Developer guide, quotas.
    pub state_machines_max: u64,
    /// Activities of an account and region: 100,000. Developer guide, quotas.
    pub activities_max: u64,
    /// Workers that poll one activity: 1,000. Developer guide, quotas.
    pub activity_pollers_max: u64,
    /// Versions of a state machine: 1,000. Developer guide, quotas.
    pub versions_max: u64,
    /// Aliases of a state machine: 100. Developer guide, quotas.
    pub aliases_max: u64,
    /// Tags of a resource: 50. Developer guide, quotas.
    pub tags_max: u64,
    /// Bytes of one variable, and of all that one Assign assigns: 262,144. Developer guide, variables.
    pub variable_bytes_max: u64,
    /// Bytes of all variables of an execution: 10 MiB. Developer guide, variables.
    pub variables_bytes_max: u64,
    /// Seconds that an HTTP task may take: 60. Developer guide, HTTP tasks.
    pub http_task_seconds_max: u64,
}

impl Limits {
    /// AWS's limits.
    pub fn aws() -> Limits {
        const DAY_SECONDS: u64 = 24 * 60 * 60;
        Limits {
            payload_bytes_max: 262_144,
            definition_length_max: 1_048_576,
            request_bytes_max: 1_048_576,
            history_events_max: 25_000,
            standard_seconds_max: 365 * DAY_SECONDS,
            express_seconds_max: 300,
            retention_seconds: 90 * DAY_SECONDS,
            redrive_seconds_max: 14 * DAY_SECONDS,
            redrives_max: 1000,
            open_executions_max: 1_000_000,
            open_map_runs_max: 1000,
            inline_map_concurrency_max: 40,
            distributed_map_concurrency_max: 10_000,
            map_items_max: 100_000_000,
            state_machines_max: 100_000,
            activities_max: 100_000,
            activity_pollers_max: 1000,
            versions_max: 1000,
            aliases_max: 100,
            tags_max: 50,
            variable_bytes_max: 262_144,
            variables_bytes_max: 10 * 1_048_576,
            http_task_seconds_max: 60,
        }
    }

    /// No limit on sizes, counts and lengths of time. What is kept, and for how long, stays AWS's.
    pub fn unbounded() -> Limits {
        Limits {
            payload_bytes_max: u64::MAX,
            definition_length_max: u64::MAX,
            request_bytes_max: u64::MAX,
            history_events_max: u64::MAX,
            standard_seconds_max: u64::MAX,
            express_seconds_max: u64::MAX,
            redrive_seconds_max: u64::MAX,
            redrives_max: u64::MAX,
            open_executions_max: u64::MAX,
            open_map_runs_max: u64::MAX,
            inline_map_concurrency_max: u64::MAX,
            distributed_map_concurrency_max: u64::MAX,
            map_items_max: u64::MAX,
            state_machines_max: u64::MAX,
            activities_max: u64::MAX,
            activity_pollers_max: u64::MAX,
            versions_max: u64::MAX,
            aliases_max: u64::MAX,
            tags_max: u64::MAX,
            variable_bytes_max: u64::MAX,
            variables_bytes_max: u64::MAX,
            http_task_seconds_max: u64::MAX,
            ..Limits::aws()
        }
    }
}

impl Default for Limits {
    /// AWS's limits.
    fn default() -> Limits {
        Limits::aws()
    }
}
