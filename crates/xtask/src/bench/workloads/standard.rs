//! Standard executions of five Pass states: they have ended, durably, when StartExecution is answered.

use serde_json::json;

use super::{ORDER, five_passes};
use crate::bench::Plan;
use crate::bench::load;
use crate::bench::raw;
use crate::bench::report::{Report, Target};
use crate::bench::server::{Server, start_body};

const NAME: &str = "Standard, 5 Pass, 64 connections";
const CONNECTIONS: usize = 64;
/// Requests before it counts: caches fill, files grow.
const WARM_UP: u64 = 5_000;
/// How often Standard and raw rates are compared.
const ROUNDS: usize = 7;

pub fn run(plan: &Plan, report: &mut Report) -> Result<(), String> {
    let server = plan.server()?;
    let machine = server.machine("five", "STANDARD", &five_passes())?;
    let body = start_body(&machine, ORDER);
    let request = move |_| ("StartExecution", body.clone());
    load::run(load::drive(server.address(), CONNECTIONS, WARM_UP, request.clone()))?;
    let before = server.usage()?;
    let measured = load::run(load::drive(server.address(), CONNECTIONS, plan.requests, request.clone()))?;
    let used = server.usage()?.since(before);
    let open = server.call("ListExecutions", &json!({"stateMachineArn": machine, "statusFilter": "RUNNING"}))?;
    if open.contains("executionArn") {
        return Err("executions are still running that should have ended".to_owned());
    }
    let each = plan.requests as f64;
    report.add(NAME, "rate", measured.per_second(), "/s", Target::AtLeast(12_000.0));
    report.add(
        NAME,
        "rate, of echo + append + fdatasync",
        share_of_raw(plan, &server, request)?,
        "",
        Target::AtLeast(0.6),
    );
    report.add(NAME, "p50", measured.percentile_millis(0.5), "ms", Target::None);
    report.add(NAME, "p99", measured.percentile_millis(0.99), "ms", Target::None);
    report.add(NAME, "CPU", used.cpu_seconds * 1000.0 / each, "ms each", Target::AtMost(0.09));
    report.add(NAME, "written", used.bytes_written / 1024.0 / each, "KiB each", Target::None);
    report.add(NAME, "peak memory", used.resident_bytes_max / 1_048_576.0, "MiB", Target::None);
    Ok(())
}

/// The rate by the rate of the raw program, measured in turns: the machine's speed changes from one second to the next. The
/// median of the rounds.
fn share_of_raw(
    plan: &Plan,
    server: &Server,
    request: impl Fn(u64) -> (&'static str, String) + Clone + 'static,
) -> Result<f64, String> {
    let requests = plan.requests / 2;
    let mut shares = Vec::new();
    for _ in 0..ROUNDS {
        let raw = raw::durable_per_second(&plan.folder, requests)?;
        let measured = load::run(load::drive(server.address(), CONNECTIONS, requests, request.clone()))?;
        shares.push(measured.per_second() / raw);
    }
    shares.sort_by(f64::total_cmp);
    shares.get(ROUNDS / 2).copied().ok_or_else(|| "no round was measured".to_owned())
}
