//! A store with many finished executions whose names the callers chose: writing more of them, describing and listing.
//!
//! The store is filled by the example `fill` of `store-sqlite`, which writes through the store what a server would have
//! written; the server is measured on top of it.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::{ORDER, five_passes};
use crate::bench::Plan;
use crate::bench::client::{Connection, member};
use crate::bench::load::{self, Measured, micros_since};
use crate::bench::process::Usage;
use crate::bench::report::{Report, Target};
use crate::bench::server::Server;

const NAME: &str = "finished executions, chosen names";
/// Executions before it counts: caches fill.
const FIRST: u64 = 5_000;
/// Executions that are measured, on top of those in the store.
const LAST: u64 = 20_000;
const DESCRIBED: u64 = 50_000;
/// Requests a second of the paced load.
const PACE: u32 = 10_000;
const PAGES: u32 = 300;

pub fn run(plan: &Plan, report: &mut Report) -> Result<(), String> {
    let (server, machine) = filled(plan)?;
    report.add(NAME, "restart with them", server.ready_millis(), "ms", Target::None);
    load::run(load::drive(server.address(), 64, FIRST, start(&machine, 0)))?;
    let before = server.usage()?;
    let measured = load::run(load::drive(server.address(), 64, LAST, start(&machine, FIRST)))?;
    let used = server.usage()?.since(before);
    let each = LAST as f64;
    report.add(NAME, "executions in the store", plan.stored as f64, "", Target::None);
    report.add(NAME, "rate of starts", measured.per_second(), "/s", Target::None);
    report.add(NAME, "CPU", used.cpu_seconds * 1e6 / each, "µs each", Target::AtMost(60.0));
    report.add(NAME, "written", used.bytes_written / 1000.0 / each, "KB each", Target::AtMost(30.0));
    report.add(NAME, "memory", used.resident_bytes / 1_048_576.0, "MiB", Target::None);
    describe(&server, &machine, plan.stored, report)?;
    list(&server, &machine, report)?;
    server.restart_after(|folder| list_alone(plan, folder, report)).map(drop)
}

/// A server on a store with so many executions, and their machine.
fn filled(plan: &Plan) -> Result<(Server, String), String> {
    if let Some(folder) = &plan.filled {
        let server = Server::open(&plan.binary, folder, "aws")?;
        let machines = server.call("ListStateMachines", &json!({}))?;
        let machine = member(&machines, "stateMachineArn").ok_or("there is no machine in the folder")?.to_owned();
        return Ok((server, machine));
    }
    let server = plan.server()?;
    let machine = server.machine("five", "STANDARD", &five_passes())?;
    server.call("StartExecution", &json!({"stateMachineArn": machine, "input": ORDER, "name": "pattern"}))?;
    let server = server.restart_after(|folder| {
        let mut fill = Command::new(plan.example("fill")?);
        fill.arg(folder).arg(plan.stored.to_string());
        match fill.status() {
            Ok(status) if status.success() => Ok(()),
            outcome => Err(format!("{fill:?}: {outcome:?}")),
        }
    })?;
    Ok((server, machine))
}

fn start(machine: &str, from: u64) -> impl Fn(u64) -> (&'static str, String) + use<> {
    let machine = machine.to_owned();
    let run = std::process::id(); // the folder may be one that was measured before
    move |number| {
        let name = format!("new-{run}-{}", from + number);
        ("StartExecution", json!({"stateMachineArn": machine, "input": ORDER, "name": name}).to_string())
    }
}

fn describe(server: &Server, machine: &str, stored: u64, report: &mut Report) -> Result<(), String> {
    let base = machine.replace(":stateMachine:", ":execution:");
    // Steps of a number without a common divisor go all over the store.
    let request = move |number: u64| {
        let arn = format!("{base}:run-{}", number.wrapping_mul(7_919) % stored);
        ("DescribeExecution", json!({"executionArn": arn}).to_string())
    };
    let name = "DescribeExecution, 64 connections, each as fast as it can";
    let before = server.usage()?;
    let measured = load::run(load::drive(server.address(), 64, DESCRIBED, request.clone()))?;
    tell(name, &measured, server.usage()?.since(before), Target::None, report);
    let name = "DescribeExecution, 64 connections, 10,000/s in all";
    let before = server.usage()?;
    let measured = load::run(load::pace(server.address(), 64, DESCRIBED, PACE, request))?;
    tell(name, &measured, server.usage()?.since(before), Target::AtMost(1.0), report);
    Ok(())
}

fn tell(name: &'static str, measured: &Measured, used: Usage, p50: Target, report: &mut Report) {
    report.add(name, "rate", measured.per_second(), "/s", Target::None);
    report.add(name, "p50", measured.percentile_millis(0.5), "ms", p50);
    report.add(name, "p99", measured.percentile_millis(0.99), "ms", Target::None);
    report.add(name, "CPU", used.cpu_seconds * 1e6 / DESCRIBED as f64, "µs each", Target::None);
}

fn list(server: &Server, machine: &str, report: &mut Report) -> Result<(), String> {
    let before = server.usage()?;
    let begun = std::time::Instant::now();
    let micros = load::run(pages(server.address(), machine))?;
    let used = server.usage()?.since(before);
    let measured = Measured::of(micros, begun.elapsed());
    let name = "ListExecutions, status filter, pages of 100";
    report.add(name, "p50", measured.percentile_millis(0.5), "ms", Target::AtMost(2.0));
    report.add(name, "p99", measured.percentile_millis(0.99), "ms", Target::None);
    report.add(name, "CPU", used.cpu_seconds * 1e6 / f64::from(PAGES), "µs a page", Target::None);
    Ok(())
}

/// The store's part of a page, without HTTP and JSON.
fn list_alone(plan: &Plan, folder: &Path, report: &mut Report) -> Result<(), String> {
    let mut list = Command::new(plan.example("list")?);
    let output = list.arg(folder).arg(PAGES.to_string()).output();
    let output = output.map_err(|error| format!("{list:?}: {error}"))?;
    let micros = String::from_utf8_lossy(&output.stdout).trim().parse();
    let micros = micros.map_err(|_| format!("{list:?}: {}", String::from_utf8_lossy(&output.stderr)))?;
    report.add("a page of 100 from the store alone", "median", micros, "µs", Target::AtMost(50.0));
    Ok(())
}

async fn pages(address: &str, machine: &str) -> Result<Vec<u32>, String> {
    let mut connection = Connection::open(address).await?;
    let mut body = json!({"stateMachineArn": machine, "statusFilter": "SUCCEEDED", "maxResults": 100});
    let mut micros = Vec::new();
    for _ in 0..PAGES {
        let begun = std::time::Instant::now();
        let page = connection.call("ListExecutions", &body.to_string()).await?;
        micros.push(micros_since(begun));
        let page: Value = serde_json::from_str(&page).map_err(|error| error.to_string())?;
        if let Some(body) = body.as_object_mut() {
            body.remove("nextToken");
            body.extend(page.get("nextToken").map(|token| ("nextToken".to_owned(), token.clone())));
        }
    }
    Ok(micros)
}
