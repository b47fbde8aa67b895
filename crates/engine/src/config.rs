//! What an operator may set.

use stepwell_interpreter::Limits;

/// Settings of the engine.
#[derive(Clone, Debug)]
pub struct Config {
    /// Loops that own executions; each is a thread. Default: one for two cores, at most 4; requests and commits need the other
    /// half, and the fewer loops there are the more a commit holds.
    pub loops: usize,
    /// Executions a loop keeps in memory; parked ones beyond that are read back from the store when something happens.
    pub executions_in_memory: usize,
    /// Requests a loop lets wait; beyond that StartExecution is throttled.
    pub mailbox_max: usize,
    /// Limits of the language.
    pub limits: Limits,
    /// Days a closed execution is kept (AWS: 90).
    pub retention_days: u32,
    /// The key that signs task tokens and makes execution names; kept in the data folder.
    pub secret: [u8; 32],
    /// A bug to plant, so that the simulator can show that it would notice. Always `None` outside of it.
    #[doc(hidden)]
    pub sabotage: Option<Sabotage>,
}

/// Bugs that the simulator plants in the engine; each is switched on in the one place it breaks.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// Timeouts of machines are set five seconds early.
    EarlyTimer,
    /// Effects are performed before their Transition is durable.
    EffectsBeforeCommit,
    /// Callers are answered before what they asked for is durable.
    ReplyBeforeCommit,
    /// A commit whose answer was lost is taken for refused when it is tried again.
    LostAnswer,
    /// A caller is told that he came too late before what he came too late for is durable.
    StaleAtOnce,
    /// Answers to an older epoch are taken for the task of today.
    NoFence,
    /// Recovery sets no timers.
    LostTimers,
    /// Recovery makes no calls again.
    LostTasks,
    /// Recovery panics over executions named `poisoned`.
    PoisonedRecovery,
    /// Steps of executions named `poisoned` panic.
    PoisonedSteps,
    /// An execution whose step used up its budget is not continued.
    LostContinue,
    /// What comes while the store cannot be read for a moment is dropped.
    LostReads,
    /// Express executions are stored.
    StoredExpress,
}

impl Config {
    /// The defaults, with this secret.
    pub fn new(secret: [u8; 32]) -> Config {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Config {
            loops: cores.div_ceil(2).min(4),
            executions_in_memory: 10_000,
            mailbox_max: 100_000,
            limits: Limits::AWS,
            retention_days: 90,
            secret,
            sabotage: None,
        }
    }
}
