//! Planted bugs: one or more for every property, each of which the simulator must find.

use stepwell_engine::config::Sabotage;

macro_rules! plants {
    ($($name:ident $property:literal: $doc:literal,)*) => {
        /// A bug that can be planted, to see that the property it breaks notices.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Plant {
            $(#[doc = $doc] $name,)*
        }

        impl Plant {
            /// All of them.
            pub const ALL: &'static [Plant] = &[$(Plant::$name,)*];

            /// The name on the command line.
            pub fn name(self) -> &'static str {
                match self { $(Plant::$name => stringify!($name),)* }
            }

            /// The property that is made to notice it; others may be faster.
            pub fn property(self) -> &'static str {
                match self { $(Plant::$name => $property,)* }
            }
        }
    };
}

plants! {
    ForgottenWrite "causality": "The store forgets a write now and then and says that it is durable.",
    NoSync "acknowledged": "The store acknowledges before it syncs; a crash loses what was not synced.",
    NameTwice "names": "The store does not enter names in its index.",
    KeyTwice "names": "Numbers of machines are given out again after a restart.",
    TerminalTwice "terminal": "The last event of an execution is written twice.",
    BrokenChain "numbering": "An event says that it follows itself.",
    IllegalTrace "trace": "Another state is left than was entered.",
    IllegalRedrive "trace": "After a redrive another state is left than was entered.",
    ForgottenToken "causality": "A redrive's client token is not kept, so that the same caller redrives twice.",
    MiscountedRedrive "terminal": "A redrive is counted twice in the history.",
    EagerExpiry "retention": "Retention removes executions that have only just closed.",
    ExpiredChildren "retention": "Retention removes the children of Map Runs that still need them.",
    UnaskedMapRuns "retention": "Retention does not ask whether a workflow still needs its Map Run.",
    LeftRevisions "retention": "Retention leaves what the children of Map Runs ran.",
    UncheckedDamage "damage": "The store does not look at checksums: a flipped bit is taken for sound.",
    UntoldDamage "damage": "A damaged execution is left out of what recovery reads, and nobody is told.",
    SpreadDamage "liveness": "Where one execution is damaged, those that are read with it do not go on either.",
    StoredExpress "express": "Express executions are stored and taken up again, like others.",
    EarlyClock "timers": "The engine's clock runs ahead.",
    EarlyTimer "timers": "Waits are shortened: a timer fires a second early and is believed.",
    EffectsBeforeCommit "causality": "Effects are performed before their Transition is durable.",
    ReplyBeforeCommit "causality": "Callers are told before what they asked for is durable.",
    LostAnswer "recovery": "A commit whose answer was lost is taken for refused when it is tried again.",
    StaleAtOnce "causality": "A caller is told that he came too late before what he came too late for is durable.",
    NoFence "tokens": "Answers to an older epoch are taken for the task of today.",
    LostTimers "liveness": "Recovery forgets timers.",
    LostTasks "liveness": "Recovery does not make calls again.",
    LostContinue "liveness": "An execution whose step used up its budget is not continued.",
    LostReads "liveness": "What comes while the store cannot be read for a moment is dropped.",
    BlamedWorkflow "blame": "A full disk becomes the cause of a workflow's failure.",
    WrongFrame "recovery": "The store keeps another frame than it was given.",
    Chance "determinism": "The engine draws randomness from outside the seed.",
}

impl Plant {
    /// The planted bug of this name.
    pub fn named(name: &str) -> Option<Plant> {
        Plant::ALL.iter().copied().find(|plant| plant.name() == name)
    }

    /// The switch of the engine, for those that live there.
    pub fn sabotage(self) -> Option<Sabotage> {
        Some(match self {
            Plant::EarlyTimer => Sabotage::EarlyTimer,
            Plant::EffectsBeforeCommit => Sabotage::EffectsBeforeCommit,
            Plant::ReplyBeforeCommit => Sabotage::ReplyBeforeCommit,
            Plant::LostAnswer => Sabotage::LostAnswer,
            Plant::StaleAtOnce => Sabotage::StaleAtOnce,
            Plant::NoFence => Sabotage::NoFence,
            Plant::StoredExpress => Sabotage::StoredExpress,
            Plant::LostTimers => Sabotage::LostTimers,
            Plant::LostTasks => Sabotage::LostTasks,
            Plant::LostContinue => Sabotage::LostContinue,
            Plant::LostReads => Sabotage::LostReads,
            _ => return None,
        })
    }
}
