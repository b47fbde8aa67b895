//! The limits of a step.

use stepwell_asl::Definition;

use crate::execution::Identity;

/// What bounds an execution. `None` lifts a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a state's input, output or result (AWS: 262,144).
    pub payload_bytes: Option<usize>,
    /// Bytes of the variables that one `Assign` sets, and so of each variable (AWS: 262,144).
    pub assign_bytes: Option<usize>,
    /// Bytes of all variables of an execution at a time (AWS: 10 MiB).
    pub variables_bytes: Option<usize>,
    /// Events of an execution's history; the last one is ExecutionFailed (AWS: 25,000).
    pub history_events: Option<u64>,
    /// Iterations of an inline Map that run at a time when `MaxConcurrency` asks for no limit or a greater one (AWS: 40).
    pub inline_map_concurrency: Option<u32>,
    /// Seconds that an Express execution may run (AWS: 300).
    pub express_seconds: Option<u64>,
    /// Seconds that a Standard execution may run (AWS: a year). No step looks at it: the engine ends what is older.
    pub standard_seconds: Option<u64>,
    /// State transitions in one step; then the execution goes to the back of the queue. Stepwell's own.
    pub transitions_per_step: u32,
}

impl Limits {
    /// AWS's limits. Sources: "Service quotas" of the Step Functions developer guide.
    pub const AWS: Limits = Limits {
        payload_bytes: Some(262_144),
        assign_bytes: Some(262_144),
        variables_bytes: Some(10 * 1024 * 1024),
        history_events: Some(25_000),
        inline_map_concurrency: Some(40),
        express_seconds: Some(300),
        standard_seconds: Some(365 * 24 * 60 * 60),
        transitions_per_step: 512,
    };

    /// Seconds that an execution may run, by its definition and its type.
    pub(crate) fn seconds(&self, definition: &Definition, identity: &Identity) -> Option<u64> {
        let limit = self.express_seconds.filter(|_| identity.express);
        definition.timeout_seconds.into_iter().chain(limit).min()
    }

    /// No limit but the fairness of a step.
    pub const UNBOUNDED: Limits = Limits {
        payload_bytes: None,
        assign_bytes: None,
        variables_bytes: None,
        history_events: None,
        inline_map_concurrency: None,
        express_seconds: None,
        standard_seconds: None,
        transitions_per_step: 512,
    };
}

impl Default for Limits {
    fn default() -> Limits {
        Limits::AWS
    }
}
