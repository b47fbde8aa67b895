//! Express executions of five Pass states, started synchronously.

use super::{ORDER, five_passes};
use crate::bench::Plan;
use crate::bench::load;
use crate::bench::report::{Report, Target};
use crate::bench::server::start_body;

pub fn run(plan: &Plan, report: &mut Report) -> Result<(), String> {
    let server = plan.server()?;
    let machine = server.machine("five", "EXPRESS", &five_passes())?;
    let body = start_body(&machine, ORDER);
    let request = move |_| ("StartSyncExecution", body.clone());
    load::run(load::drive(server.address(), 64, 5_000, request.clone()))?;
    let mut one = |name, connections, requests| {
        let before = server.usage()?;
        let measured = load::run(load::drive(server.address(), connections, requests, request.clone()))?;
        let used = server.usage()?.since(before);
        let (rate, p50) = match connections {
            1 => (Target::None, Target::AtMost(0.06)),
            _ => (Target::AtLeast(25_000.0), Target::None),
        };
        report.add(name, "rate", measured.per_second(), "/s", rate);
        report.add(name, "p50", measured.percentile_millis(0.5), "ms", p50);
        report.add(name, "p99", measured.percentile_millis(0.99), "ms", Target::None);
        report.add(name, "CPU", used.cpu_seconds * 1000.0 / requests as f64, "ms each", Target::None);
        Ok::<(), String>(())
    };
    one("Express sync, 5 Pass, 1 connection", 1, plan.requests / 4)?;
    one("Express sync, 5 Pass, 64 connections", 64, plan.requests)
}
