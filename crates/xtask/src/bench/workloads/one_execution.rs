//! One execution with much to do: a Map of a thousand items, a loop of a thousand turns.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bench::Plan;
use crate::bench::client::{Connection, member};
use crate::bench::load::{self, Measured, micros_since};
use crate::bench::report::{Report, Target};
use crate::bench::server::{Server, start_body};

/// How often it is run; the middle one counts.
const RUNS: u32 = 30;
/// State transitions of a loop of a thousand turns: a Choice and a Pass a turn, the last Choice, a Succeed.
const TRANSITIONS: f64 = 2_002.0;

/// An inline Map, 1,000 items, two Pass states each.
pub fn map(plan: &Plan, report: &mut Report) -> Result<(), String> {
    let processor =
        json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "End": true}}});
    let definition = json!({"StartAt": "M", "States": {"M": {
        "Type": "Map", "ItemsPath": "$.items", "ItemProcessor": processor, "End": true}}});
    let items: Vec<u32> = (0..1000).collect();
    let name = "inline Map, 1,000 items × 2 Pass";
    let (measured, cpu) = repeat(plan, &definition, &json!({"items": items}))?;
    report.add(name, "median", measured.percentile_millis(0.5), "ms", Target::AtMost(20.0));
    report.add(name, "CPU", cpu * 1000.0, "ms", Target::None);
    Ok(())
}

/// A loop of 1,000 turns in both query languages.
pub fn choice(plan: &Plan, report: &mut Report) -> Result<(), String> {
    let jsonpath = json!({"StartAt": "Check", "States": {
        "Check": {"Type": "Choice", "Choices": [{"Variable": "$.i", "NumericGreaterThanEquals": 1000, "Next": "Done"}],
            "Default": "Add"},
        "Add": {"Type": "Pass", "Parameters": {"i.$": "States.MathAdd($.i, 1)"}, "Next": "Check"},
        "Done": {"Type": "Succeed"}}});
    let jsonata = json!({"QueryLanguage": "JSONata", "StartAt": "Check", "States": {
        "Check": {"Type": "Choice", "Choices": [{"Condition": "{% $states.input.i >= 1000 %}", "Next": "Done"}],
            "Default": "Add"},
        "Add": {"Type": "Pass", "Output": {"i": "{% $states.input.i + 1 %}"}, "Next": "Check"},
        "Done": {"Type": "Succeed"}}});
    for (name, definition, least) in
        [("1,000-turn loop, JSONPath", jsonpath, 500_000.0), ("1,000-turn loop, JSONata", jsonata, 200_000.0)]
    {
        let (measured, cpu) = repeat(plan, &definition, &json!({"i": 0}))?;
        let median = measured.percentile_millis(0.5);
        report.add(name, "transitions", TRANSITIONS * 1000.0 / median, "/s", Target::AtLeast(least));
        report.add(name, "median", median, "ms", Target::None);
        report.add(name, "CPU", cpu * 1e6 / TRANSITIONS, "µs each transition", Target::None);
    }
    Ok(())
}

/// Runs an execution again and again; gives how long each took, and the processor seconds of one.
fn repeat(plan: &Plan, definition: &Value, input: &Value) -> Result<(Measured, f64), String> {
    let server = plan.server()?;
    let machine = server.machine("one", "STANDARD", definition)?;
    let body = start_body(&machine, &input.to_string());
    load::run(runs(&server, &body, 3))?;
    let before = server.usage()?;
    let begun = Instant::now();
    let micros = load::run(runs(&server, &body, RUNS))?;
    let used = server.usage()?.since(before);
    Ok((Measured::of(micros, begun.elapsed()), used.cpu_seconds / f64::from(RUNS)))
}

async fn runs(server: &Server, body: &str, count: u32) -> Result<Vec<u32>, String> {
    let mut connection = Connection::open(server.address()).await?;
    let mut micros = Vec::new();
    for _ in 0..count {
        let begun = Instant::now();
        let started = connection.call("StartExecution", body).await?;
        let arn = member(&started, "executionArn").ok_or("no executionArn")?.to_owned();
        ended(&mut connection, &arn).await?;
        micros.push(micros_since(begun));
    }
    Ok(micros)
}

/// Waits until an execution has succeeded.
///
/// # Errors
/// When it ends in another way.
pub async fn ended(connection: &mut Connection, arn: &str) -> Result<(), String> {
    let body = json!({"executionArn": arn, "includedData": "METADATA_ONLY"}).to_string();
    loop {
        let answer = connection.call("DescribeExecution", &body).await?;
        match member(&answer, "status") {
            // The runtime's timer is too coarse, and nothing else runs on this thread.
            Some("RUNNING") => std::thread::sleep(Duration::from_micros(200)),
            Some("SUCCEEDED") => return Ok(()),
            _ => return Err(answer),
        }
    }
}
