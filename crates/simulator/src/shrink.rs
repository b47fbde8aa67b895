//! Shrinking: the smallest world of a seed in which the same property still fails.

use crate::options::Options;
use crate::plant::Plant;
use crate::run_checked;

/// Makes the world of a failing seed smaller, option by option, as long as the same property fails.
pub fn shrink(seed: u64, options: &Options, plant: Option<Plant>) -> Options {
    let fails = |options: &Options| run_checked(seed, options, plant, false).violation.map(|found| found.property);
    let Some(property) = fails(options) else { return options.clone() };
    let mut smallest = options.clone();
    loop {
        let before = smallest.clone();
        for name in Options::NAMES {
            for value in candidates(name, smallest.get(name).unwrap_or(0.0)) {
                let mut smaller = smallest.clone();
                smaller.set(name, value);
                if fails(&smaller) == Some(property) {
                    smallest = smaller;
                    break;
                }
            }
        }
        if smallest == before {
            return smallest;
        }
    }
}

/// Simpler values than this one, the simplest first.
fn candidates(name: &str, value: f64) -> Vec<f64> {
    let plain = match name {
        "transitions_per_step" => 512.0,
        "executions_in_memory" => 10_000.0,
        "messages_per_turn" => 1024.0,
        "machines" | "starts" | "width" | "names" => 1.0,
        _ => 0.0,
    };
    let mut simpler = vec![plain];
    if value >= 2.0 && plain <= 1.0 {
        simpler.extend([(value / 2.0).floor(), value - 1.0]);
    }
    simpler.retain(|one| *one != value);
    simpler
}
