//! The options of a world: how large it is and how often what goes wrong. All of them are drawn from the seed.

use std::fmt;

use crate::rng::Rng;

macro_rules! options {
    ($($name:ident: $doc:literal,)*) => {
        /// How large a world is and how often what goes wrong. Counts and probabilities alike are numbers, so that a
        /// command line can set and shrink each of them.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Options {
            $(#[doc = $doc] pub $name: f64,)*
        }

        impl Options {
            /// The names of all options, in order.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name),)*];

            /// The option of this name.
            pub fn get(&self, name: &str) -> Option<f64> {
                match name { $(stringify!($name) => Some(self.$name),)* _ => None }
            }

            /// Sets the option of this name; `false` when there is none.
            pub fn set(&mut self, name: &str, value: f64) -> bool {
                match name { $(stringify!($name) => self.$name = value,)* _ => return false }
                true
            }

            fn nothing() -> Options {
                Options { $($name: 0.0,)* }
            }
        }
    };
}

options! {
    machines: "How many state machines there are.",
    starts: "How many times StartExecution is called.",
    depth: "How deep Parallel and Map are nested at most.",
    width: "How many states a block has at most.",
    names: "How many names the callers choose from.",
    crash: "Probability of a crash, per round.",
    hold: "Probability that a commit is held back, so that a crash can lose it.",
    disk_full: "Probability that the disk is full for a while, per commit.",
    commit_unknown: "Probability that a commit is applied and its answer lost.",
    clock_jump: "Probability that the wall clock jumps, per round.",
    task_fails: "Probability that a task fails.",
    task_slow: "Probability that a task is slow: often later than its timeout.",
    task_silent: "Probability that a task never answers while there are faults.",
    task_twice: "Probability that a task's answer comes twice.",
    hang_up: "Probability that a worker or caller hangs up while it waits.",
    stop: "Probability that somebody stops an execution that was started.",
    redrive: "Probability that somebody redrives an execution that was started.",
    expire: "Probability that retention runs, per round.",
    unreadable: "Probability that the store cannot be read for a moment, per read.",
    flip: "Probability that bits of a stored record flip, per round.",
    retention_seconds: "How long closed executions are kept, in virtual seconds.",
    express: "Probability that a machine is of type EXPRESS.",
    map_runs: "Probability that a Map is of mode DISTRIBUTED; where most are, there are more Maps, too.",
    transitions_per_step: "State transitions in one step before the execution has to queue again.",
    executions_in_memory: "Executions that may stay in memory.",
    history_events: "Events a history may have; 0: AWS's limit.",
    messages_per_turn: "Messages a loop takes in one turn at most.",
}

impl Options {
    /// The options of a seed. Each fault is absent from a third of the worlds and rare to frequent in the others.
    pub fn draw(seed: u64) -> Options {
        let mut rng = Rng::new(seed).fork();
        let mut fault = |most: f64| {
            let level = rng.below(3);
            let scale = [0.0, 0.2, 1.0].get(usize::try_from(level).unwrap_or(0)).copied().unwrap_or(0.0);
            most * scale
        };
        let mut options = Options {
            crash: fault(0.02),
            hold: fault(0.4),
            disk_full: fault(0.02),
            commit_unknown: fault(0.15),
            clock_jump: fault(0.01),
            task_fails: fault(0.4),
            task_slow: fault(0.3),
            task_silent: fault(0.2),
            task_twice: fault(0.4),
            hang_up: fault(0.3),
            stop: fault(0.3),
            redrive: fault(0.8),
            expire: fault(0.02),
            ..Options::nothing()
        };
        options.machines = rng.between(1, 4) as f64;
        options.starts = rng.between(2, 16) as f64;
        options.depth = rng.between(0, 3) as f64;
        options.width = rng.between(1, 4) as f64;
        options.names = rng.between(1, 6) as f64;
        options.retention_seconds = rng.between(5, 200) as f64;
        options.express = *rng.pick(&[0.0, 0.0, 0.3]).unwrap_or(&0.0);
        options.transitions_per_step = *rng.pick(&[1.0, 3.0, 512.0, 512.0]).unwrap_or(&512.0);
        options.executions_in_memory = *rng.pick(&[1.0, 4.0, 10_000.0, 10_000.0]).unwrap_or(&10_000.0);
        options.history_events = *rng.pick(&[30.0, 0.0, 0.0, 0.0, 0.0, 0.0]).unwrap_or(&0.0);
        options.messages_per_turn = *rng.pick(&[1.0, 3.0, 1024.0]).unwrap_or(&1024.0);
        options.map_runs = *rng.pick(&[0.25, 0.25, 0.25, 0.9]).unwrap_or(&0.25);
        options.flip = *rng.pick(&[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.005, 0.03]).unwrap_or(&0.0);
        options.unreadable = *rng.pick(&[0.0, 0.0, 0.0, 0.0, 0.02, 0.2]).unwrap_or(&0.0);
        options
    }

    /// An option as a count.
    pub fn count(value: f64) -> u64 {
        value.max(0.0) as u64
    }

    /// The options in which this one differs from the other, as arguments of the command line.
    pub fn arguments_from(&self, drawn: &Options) -> String {
        let differs = |name: &&&str| self.get(name) != drawn.get(name);
        let set = |name: &&str| format!(" --set {name}={}", self.get(name).unwrap_or(0.0));
        Options::NAMES.iter().filter(differs).map(set).collect()
    }
}

impl fmt::Display for Options {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for name in Options::NAMES {
            write!(out, " {name}={}", self.get(name).unwrap_or(0.0))?;
        }
        Ok(())
    }
}
