//! A wide inline Map whose iterations all wait for an answer from outside: what one costs must not grow with the width.

use std::cell::Cell;
use std::rc::Rc;

use serde_json::json;

use super::activities;
use super::one_execution::ended;
use crate::bench::Plan;
use crate::bench::client::{Connection, member};
use crate::bench::load;
use crate::bench::report::{Report, Target};
use crate::bench::server::{Server, start_body};

/// Iterations in all, so that every width is measured over as many.
const ITERATIONS: u64 = 10_000;
const WORKERS: usize = 64;

pub fn run(plan: &Plan, report: &mut Report) -> Result<(), String> {
    for (name, width) in [
        ("Map of activities, 100 wide", 100),
        ("Map of activities, 1,000 wide", 1_000),
        ("Map of activities, 10,000 wide", 10_000),
    ] {
        let server = Server::fresh_with(&plan.binary, &plan.data(), "unbounded")?;
        let activity = server.activity("answer")?;
        let processor = json!({"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": activity, "End": true}}});
        let definition = json!({"StartAt": "M", "States": {"M": {
            "Type": "Map", "ItemsPath": "$.items", "ItemProcessor": processor, "End": true}}});
        let machine = server.machine("wide", "STANDARD", &definition)?;
        let items: Vec<u64> = (0..width).collect();
        let body = start_body(&machine, &json!({"items": items}).to_string());
        let before = server.usage()?;
        let begun = std::time::Instant::now();
        load::run(rounds(server.address(), &activity, &body, width))?;
        let seconds = begun.elapsed().as_secs_f64();
        let used = server.usage()?.since(before);
        let each = ITERATIONS as f64;
        report.add(name, "CPU", used.cpu_seconds * 1e6 / each, "µs an iteration", Target::AtMost(150.0));
        report.add(name, "written", used.bytes_written / 1024.0 / each, "KiB an iteration", Target::AtMost(2.0));
        report.add(name, "rate", each / seconds, "iterations/s", Target::None);
        report.add(name, "peak memory", used.resident_bytes_max / 1_048_576.0, "MiB", Target::None);
    }
    Ok(())
}

/// Executions one after the other, until there were enough iterations.
async fn rounds(address: &str, activity: &str, body: &str, width: u64) -> Result<(), String> {
    let left = Rc::new(Cell::new(0));
    let mut connection = Connection::open(address).await?;
    for _ in 0..ITERATIONS / width {
        let started = connection.call("StartExecution", body).await?;
        let arn = member(&started, "executionArn").ok_or("no executionArn")?.to_owned();
        left.set(width);
        activities::work_off(address, activity, WORKERS, &left).await?;
        ended(&mut connection, &arn).await?;
    }
    Ok(())
}
