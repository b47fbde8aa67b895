//! The workloads, one file each. Adding one is a file and a line in [`ALL`].

mod activities;
mod cold;
mod express;
mod map_of_activities;
mod one_execution;
mod parked;
mod standard;
mod stored;
mod wait;

use serde_json::{Value, json};

use super::report::Report;
use super::{Plan, raw};

/// A workload.
pub struct Workload {
    /// What it is called on the command line.
    pub name: &'static str,
    run: fn(&Plan, &mut Report) -> Result<(), String>,
}

/// All workloads, in the order they are run.
pub const ALL: &[Workload] = &[
    Workload { name: "raw", run: |plan, report| raw::measure(&plan.folder, plan.requests, report) },
    Workload { name: "standard", run: standard::run },
    Workload { name: "express", run: express::run },
    Workload { name: "map", run: one_execution::map },
    Workload { name: "choice", run: one_execution::choice },
    Workload { name: "map-activity", run: map_of_activities::run },
    Workload { name: "activity", run: activities::run },
    Workload { name: "parked", run: parked::run },
    Workload { name: "wait", run: wait::run },
    Workload { name: "cold", run: cold::run },
    Workload { name: "stored", run: stored::run },
];

/// The names of all workloads.
pub fn names() -> String {
    ALL.iter().map(|workload| workload.name).collect::<Vec<_>>().join(", ")
}

/// Runs what the plan names, or all; one that fails does not keep the others from being run.
///
/// # Errors
/// Those of the workloads that could not be run.
pub fn run(plan: &Plan, report: &mut Report) -> Result<(), String> {
    let mut failed = Vec::new();
    for workload in ALL {
        if plan.names.is_empty() || plan.names.iter().any(|name| name == workload.name) {
            failed.extend((workload.run)(plan, report).err().map(|error| format!("{}: {error}", workload.name)));
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n")) }
}

/// Five Pass states that hand on what they get.
fn five_passes() -> Value {
    let mut states = serde_json::Map::new();
    for number in 1..5 {
        states.insert(format!("P{number}"), json!({"Type": "Pass", "Next": format!("P{}", number + 1)}));
    }
    states.insert("P5".to_owned(), json!({"Type": "Pass", "End": true}));
    json!({"StartAt": "P1", "States": states})
}

/// The input of small executions, 74 bytes.
const ORDER: &str = r#"{"orderId": "7f3c21", "customer": {"id": 4711}, "items": [1, 2, 3], "ok": true}"#;
