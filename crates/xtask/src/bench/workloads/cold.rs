//! A cold start with an empty data folder, and what the server needs while nobody asks anything.

use std::time::Duration;

use crate::bench::Plan;
use crate::bench::load::Measured;
use crate::bench::report::{Report, Target};

const STARTS: u32 = 15;

pub fn run(plan: &Plan, report: &mut Report) -> Result<(), String> {
    let mut micros = Vec::new();
    for _ in 0..STARTS {
        micros.push((plan.server()?.ready_millis() * 1000.0) as u32);
    }
    let measured = Measured::of(micros, Duration::from_secs(1));
    let server = plan.server()?;
    std::thread::sleep(Duration::from_secs(1));
    let begin = server.usage()?;
    std::thread::sleep(Duration::from_secs(5));
    let idle = server.usage()?;
    let name = "cold start, idle";
    report.add(
        name,
        "process start → first answer, median",
        measured.percentile_millis(0.5),
        "ms",
        Target::AtMost(30.0),
    );
    report.add(name, "memory", idle.resident_bytes / 1_048_576.0, "MiB", Target::AtMost(20.0));
    report.add(name, "CPU while idle", idle.since(begin).cpu_seconds * 1000.0 / 5.0, "ms/s", Target::None);
    Ok(())
}
