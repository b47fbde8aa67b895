//! A Wait of one second on an idle server: how late it ends, by the times in its own history.

use std::time::Duration;

use serde_json::{Value, json};

use crate::bench::Plan;
use crate::bench::client::{Connection, member};
use crate::bench::load::{self, Measured};
use crate::bench::report::{Report, Target};
use crate::bench::server::start_body;

const EXECUTIONS: u32 = 300;
const PAUSE: Duration = Duration::from_millis(7);

pub fn run(plan: &Plan, report: &mut Report) -> Result<(), String> {
    let server = plan.server()?;
    let definition = json!({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 1, "End": true}}});
    let machine = server.machine("nap", "STANDARD", &definition)?;
    let late = load::run(lateness(server.address(), &start_body(&machine, "{}")))?;
    let earliest = late.iter().copied().min().unwrap_or(0);
    let micros = late.iter().map(|millis| u32::try_from(*millis * 1000).unwrap_or(0)).collect();
    let measured = Measured::of(micros, Duration::from_secs(1));
    let name = "Wait of 1 s, idle server";
    report.add(name, "late by, p50", measured.percentile_millis(0.5), "ms", Target::None);
    report.add(name, "late by, p99", measured.percentile_millis(0.99), "ms", Target::AtMost(3.0));
    report.add(name, "late by, least", earliest as f64, "ms", Target::AtLeast(0.0));
    Ok(())
}

/// Milliseconds by which each Wait ended later than a second after it was entered.
async fn lateness(address: &str, start: &str) -> Result<Vec<i64>, String> {
    let mut connection = Connection::open(address).await?;
    let mut arns = Vec::new();
    for _ in 0..EXECUTIONS {
        let started = connection.call("StartExecution", start).await?;
        arns.push(member(&started, "executionArn").ok_or("no executionArn")?.to_owned());
        tokio::time::sleep(PAUSE).await;
    }
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let mut late = Vec::new();
    for arn in arns {
        let history = connection.call("GetExecutionHistory", &json!({"executionArn": arn}).to_string()).await?;
        let history: Value = serde_json::from_str(&history).map_err(|error| error.to_string())?;
        let at = |kind| {
            let events = history.get("events").and_then(Value::as_array);
            let event = events.into_iter().flatten().find(|event| event.get("type") == Some(&json!(kind)));
            event.and_then(|event| event.get("timestamp")).and_then(Value::as_f64).ok_or("the Wait has not ended")
        };
        late.push(((at("WaitStateExited")? - at("WaitStateEntered")?) * 1000.0).round() as i64 - 1000);
    }
    Ok(late)
}
