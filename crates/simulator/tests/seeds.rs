//! 2,000 fixed seeds and 200 fresh ones, in which every property must hold.

// Helpers of tests are tests, too; clippy's exception covers only the functions marked `#[test]`.
#![allow(clippy::panic)]

use std::ops::Range;

use stepwell_simulator::command_line::replay;
use stepwell_simulator::{Options, run_checked};

#[track_caller]
fn check(seeds: Range<u64>) {
    for seed in seeds {
        let options = Options::draw(seed);
        let outcome = run_checked(seed, &options, None, false);
        if let Some(violation) = outcome.violation {
            let command = replay(seed, &options, None);
            panic!("{} does not hold: {}\nseed {seed}:{options}\n{command}", violation.property, violation.what);
        }
    }
}

/// Tests of the same length each, so that they run beside each other.
macro_rules! seeds {
    ($($test:ident $seeds:expr,)*) => {
        $(
            #[test]
            fn $test() {
                check($seeds);
            }
        )*
    };
}

seeds! {
    seeds_0_to_250 0..250,
    seeds_250_to_500 250..500,
    seeds_500_to_750 500..750,
    seeds_750_to_1000 750..1000,
    seeds_1000_to_1250 1000..1250,
    seeds_1250_to_1500 1250..1500,
    seeds_1500_to_1750 1500..1750,
    seeds_1750_to_2000 1750..2000,
}

/// Others each time. One that fails is printed with the command that runs it again.
#[test]
fn fresh_seeds() {
    let first = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 1) >> 16;
    check(first..first + 200);
}

#[test]
fn worlds_are_of_every_kind() {
    let drawn = (0..100).map(|seed| (seed, Options::draw(seed)));
    // Map Runs that are damaged are rare.
    let damaged = (0..40).map(|seed| (seed, Options { map_runs: 0.9, flip: 0.1, ..Options::draw(seed) }));
    let outcomes: Vec<_> =
        drawn.chain(damaged).map(|(seed, options)| run_checked(seed, &options, None, true)).collect();
    let any = |text: &str| outcomes.iter().any(|outcome| outcome.lines.iter().any(|line| line.contains(text)));
    for seen in [
        "already exists",
        "stopped: false",
        "stopped: true",
        "hangs up",
        "the wall clock jumps",
        "Crashed",
        "accepted: true",
        "accepted: false",
        "Taken",
        "Ended",
        "ExecutionTimedOut",
        "ExecutionAborted",
        "ExecutionFailed",
        "ExecutionSucceeded",
        "TaskTimedOut",
        "ActivityTimedOut",
        "ParallelStateFailed",
        "MapStateFailed",
        "MapIterationAborted",
        "maximum number of history events",
        "States.Runtime",
        "Redriven {",
        "Expired {",
        "Express {",
        "Flipped(Row",
        "Flipped(Frame",
        "Flipped(Content",
        "Flipped(Chunk",
        "Flipped(Record(Machine",
        "Flipped(Record(Revision",
        "Flipped(Record(MapRun",
        "Quarantined {",
        "the store cannot be read for",
        "the engine does not start",
        "Refused(",
    ] {
        assert!(any(seen), "no world has shown `{seen}`");
    }
}
