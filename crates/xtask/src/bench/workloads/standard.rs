//! Standard executions of five Pass states: they have ended, durably, when StartExecution is answered.

use serde_json::json;

use super::{ORDER, five_passes};
use crate::bench::Plan;
use crate::bench::load;
use crate::bench::report::{Report, Target};
use crate::bench::server::start_body;

const NAME: &str = "Standard, 5 Pass, 64 connections";
const CONNECTIONS: usize = 64;
/// Requests before it counts: caches fill, files grow.
const WARM_UP: u64 = 5_000;

pub fn run(plan: &Plan, report: &mut Report) -> Result<(), String> {
    let server = plan.server()?;
    let machine = server.machine("five", "STANDARD", &five_passes())?;
    let body = start_body(&machine, ORDER);
    let request = move |_| ("StartExecution", body.clone());
    load::run(load::drive(server.address(), CONNECTIONS, WARM_UP, request.clone()))?;
    let before = server.usage()?;
    let measured = load::run(load::drive(server.address(), CONNECTIONS, plan.requests, request))?;
    let used = server.usage()?.since(before);
    let open = server.call("ListExecutions", &json!({"stateMachineArn": machine, "statusFilter": "RUNNING"}))?;
    if open.contains("executionArn") {
        return Err("executions are still running that should have ended".to_owned());
    }
    let each = plan.requests as f64;
    report.add(NAME, "rate", measured.per_second(), "/s", Target::AtLeast(12_000.0));
    if let Some(raw) = report.find("echo + append + fdatasync", "rate, 64 connections") {
        let of = "rate, of echo + append + fdatasync";
        report.add(NAME, of, measured.per_second() / raw, "", Target::AtLeast(0.6));
    }
    report.add(NAME, "p50", measured.percentile_millis(0.5), "ms", Target::None);
    report.add(NAME, "p99", measured.percentile_millis(0.99), "ms", Target::None);
    report.add(NAME, "CPU", used.cpu_seconds * 1000.0 / each, "ms each", Target::AtMost(0.09));
    report.add(NAME, "written", used.bytes_written / 1024.0 / each, "KiB each", Target::None);
    report.add(NAME, "peak memory", used.resident_bytes_max / 1_048_576.0, "MiB", Target::None);
    Ok(())
}
