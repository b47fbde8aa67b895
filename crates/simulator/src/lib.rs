//! The simulator: the whole engine on a virtual clock, a faulty disk and fake services, from one seed.
//!
//! What this room is for: finding what goes wrong only when a crash, a full disk, a failed read, a flipped bit, a lost answer, a jump of
//! the clock and a late callback meet. What it must not do: be shipped, or depend on anything but the seed.
//!
//! Start reading at [`world`] (the loop), then [`properties`] (what must always hold), [`options`] (what is drawn from a
//! seed) and [`plant`] (the bugs that show that the properties notice).

pub mod agenda;
pub mod callers;
pub mod clock;
pub mod command_line;
pub mod damage;
pub mod desk;
pub mod disk;
pub mod language;
pub mod options;
pub mod plan;
pub mod plant;
pub mod properties;
pub mod reads;
pub mod rng;
pub mod seen;
pub mod services;
pub mod shrink;
pub mod workflow;
pub mod world;

pub use options::Options;
pub use plant::Plant;
pub use world::{Outcome, run};

/// Runs a seed with the options drawn from it; with the planted bug [`Plant::Chance`] twice, to compare.
pub fn run_seed(seed: u64, plant: Option<Plant>) -> Outcome {
    run_checked(seed, &Options::draw(seed), plant, false)
}

/// Runs a seed; twice, where it is about determinism: for every fourth seed, and for the planted bug against it.
pub fn run_checked(seed: u64, options: &Options, plant: Option<Plant>, trace: bool) -> Outcome {
    let mut outcome = run(seed, options, plant, trace);
    if outcome.violation.is_none() && (seed.is_multiple_of(4) || plant == Some(Plant::Chance)) {
        let again = run(seed, options, plant, trace);
        outcome.violation = properties::determinism::compare(&outcome, &again).err();
    }
    outcome
}
