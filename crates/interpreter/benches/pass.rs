//! CPU time of one Pass transition with a state of 1 KiB: `cargo bench -p stepwell-interpreter`.
//!
//! A chain of Pass states runs in one step; its thread CPU time is divided by the number of states. Of many runs the
//! fastest counts, for it was disturbed least. Setting up the execution is not measured.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints, and may panic")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use stepwell_asl::{Definition, Options, compile};
use stepwell_interpreter::{Command, Execution, FrameId, Identity, Limits, Moment, Outside, Status, step};
use stepwell_value::{Payload, Timestamp};

/// States in the chain.
const STATES: u32 = 200;
/// Runs of the chain; the fastest counts.
const RUNS: u32 = 300;
/// What a transition may cost.
const TARGET: Duration = Duration::from_micros(2);

fn main() {
    let input = Payload::from_text(state_of_1_kib()).unwrap();
    println!("CPU time of a Pass transition, state of {} bytes, target {TARGET:?}", input.size_bytes());
    for (name, fields) in [
        ("plain", ""),
        ("Result and ResultPath", r#""Result": {"step": 1}, "ResultPath": "$.audit", "#),
        (
            "Parameters of 3 paths",
            r#""Parameters": {"orderId.$": "$.orderId", "customer.$": "$.customer", "lines.$": "$.lines"}, "#,
        ),
        ("InputPath and OutputPath", r#""InputPath": "$", "OutputPath": "$", "#),
        ("Assign of 1 path", r#""Assign": {"id.$": "$.orderId"}, "#),
    ] {
        let cost = measure(&chain(fields), &input);
        let verdict = if cost <= TARGET { "" } else { "  above the target" };
        println!("{name:<28}{:>8} ns{verdict}", cost.as_nanos());
    }
}

/// The CPU time of one transition.
fn measure(definition: &Definition, input: &Payload) -> Duration {
    let limits = Limits { transitions_per_step: STATES * 2, ..Limits::AWS };
    let mut best = Duration::MAX;
    for _ in 0..RUNS {
        let mut execution = execution(input);
        let moment = Moment { now: Timestamp(0), entropy: 1, outside: &Nothing };
        let before = cpu();
        let transition = step(definition, &mut execution, &Command::Start, moment, &limits);
        let spent = cpu() - before;
        assert_eq!(execution.status, Status::Succeeded);
        black_box(transition);
        best = best.min(spent);
    }
    best / STATES
}

fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap())
}

struct Nothing;

impl Outside for Nothing {
    fn token(&self, _: FrameId, _: u32) -> Arc<str> {
        Arc::from("")
    }
}

/// A machine of Pass states one after the other, each with these fields.
fn chain(fields: &str) -> Definition {
    let mut states: Vec<String> = (1..STATES)
        .map(|at| format!(r#""State {at}": {{"Type": "Pass", {fields}"Next": "State {}"}}"#, at + 1))
        .collect();
    states.push(format!(r#""State {STATES}": {{"Type": "Pass", {fields}"End": true}}"#));
    let text = format!(r#"{{"StartAt": "State 1", "States": {{{}}}}}"#, states.join(","));
    compile(&text, &Options::default()).definition.unwrap()
}

fn state_of_1_kib() -> String {
    let line = |at: u32| format!(r#"{{"sku":"SKU-{at:05}","quantity":{at},"price":19.90,"gift":false}}"#);
    let lines: Vec<String> = (1..=13).map(line).collect();
    format!(
        r#"{{"orderId":"0193c1f2-7d7a-7c3e-9a51-2f4d1f6c8a10","customer":{{"id":4711,"name":"Ada Example","tier":"gold","mail":"ada@example.com"}},"currency":"EUR","express":true,"lines":[{}],"note":null}}"#,
        lines.join(",")
    )
}

fn execution(input: &Payload) -> Execution {
    let identity = Identity {
        execution_arn: Arc::from("arn:aws:states:us-east-1:123456789012:execution:bench:run"),
        name: Arc::from("run"),
        state_machine_arn: Arc::from("arn:aws:states:us-east-1:123456789012:stateMachine:bench"),
        state_machine_name: Arc::from("bench"),
        version_arn: None,
        alias_arn: None,
        role_arn: Arc::from("arn:aws:iam::123456789012:role/bench"),
        region: Arc::from("us-east-1"),
        started: Timestamp(0),
        express: false,
        test_case: None,
    };
    Execution::new(Arc::new(identity), input.clone())
}
