//! Executions that wait for an hour: how fast they are started, what each costs in memory, and how long a restart takes.

use std::time::Duration;

use serde_json::json;

use super::ORDER;
use crate::bench::Plan;
use crate::bench::load;
use crate::bench::report::{Report, Target};
use crate::bench::server::start_body;

const NAME: &str = "parked in a Wait of 1 h";

pub fn run(plan: &Plan, report: &mut Report) -> Result<(), String> {
    let server = plan.server()?;
    let definition = json!({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": true}}});
    let machine = server.machine("park", "STANDARD", &definition)?;
    let body = start_body(&machine, ORDER);
    // What a busy server needs anyway is there before it counts: caches, connections, the loops' own memory.
    let request = move |_| ("StartExecution", body.clone());
    load::run(load::drive(server.address(), 64, plan.parked / 5, request.clone()))?;
    let before = server.usage()?;
    let measured = load::run(load::drive(server.address(), 64, plan.parked, request))?;
    std::thread::sleep(Duration::from_secs(1));
    let used = server.usage()?.since(before);
    let each = plan.parked as f64;
    report.add(NAME, "executions", each, "", Target::None);
    report.add(NAME, "rate of starts", measured.per_second(), "/s", Target::AtLeast(8_000.0));
    report.add(NAME, "CPU", used.cpu_seconds * 1000.0 / each, "ms each", Target::None);
    report.add(NAME, "written", used.bytes_written / 1024.0 / each, "KiB each", Target::None);
    let growth = (used.resident_bytes - before.resident_bytes) / 1024.0 / each;
    report.add(NAME, "growth of memory", growth, "KiB each", Target::AtMost(0.3));
    report.add(NAME, "memory", used.resident_bytes / 1_048_576.0, "MiB", Target::None);
    let server = server.restart()?;
    let open = each * 1.2;
    let used = server.usage()?;
    report.add(NAME, "restart", server.ready_millis() / 1000.0 * (1e6 / open), "s for 1 M open", Target::AtMost(5.0));
    report.add(NAME, "CPU of the restart", used.cpu_seconds * 1e6 / open, "µs each", Target::None);
    report.add(NAME, "memory after it", used.resident_bytes / 1024.0 / open, "KiB each", Target::AtMost(0.3));
    Ok(())
}
