//! A fixed set of seeds, in which every property must hold.

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

#[test]
fn seeds_0_to_100() {
    check(0..100);
}

#[test]
fn seeds_100_to_200() {
    check(100..200);
}

#[test]
fn seeds_200_to_300() {
    check(200..300);
}

#[test]
fn worlds_are_of_every_kind() {
    let outcomes: Vec<_> = (0..60).map(|seed| run_checked(seed, &Options::draw(seed), None, true)).collect();
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
    ] {
        assert!(any(seen), "no world has shown `{seen}`");
    }
}
