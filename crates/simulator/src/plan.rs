//! What a workflow's history may look like: read from the ASL text by itself, so that a fault of the compiler shows.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The states of a workflow, by name.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The top level's `StartAt`.
    pub start_at: String,
    /// The machine's `TimeoutSeconds`.
    pub timeout_seconds: Option<u64>,
    /// All states of all blocks that run in one execution.
    pub states: BTreeMap<String, StatePlan>,
    /// The workflows of child executions, at any depth, by `Label`.
    pub children: BTreeMap<String, Plan>,
}

/// What a state may do.
#[derive(Clone, Debug, Default)]
pub struct StatePlan {
    /// `Type`
    pub kind: String,
    /// The Parallel or Map it stands in.
    pub parent: Option<String>,
    /// `Next`, and where Choices, Default and Catch lead.
    pub next: BTreeSet<String>,
    /// Whether it may end its block.
    pub ends: bool,
    /// `StartAt` of each branch, or of the processor.
    pub starts: Vec<String>,
    /// Whether it is a Map in mode DISTRIBUTED.
    pub distributed: bool,
    /// `MaxConcurrency`
    pub max_concurrency: u64,
    /// The first word of the event types of its task: `LambdaFunction`, `Activity`, `Task`.
    pub task: &'static str,
    /// `TimeoutSeconds`
    pub timeout_seconds: Option<u64>,
    /// `HeartbeatSeconds`
    pub heartbeat_seconds: Option<u64>,
    /// `Seconds`
    pub seconds: Option<u64>,
    /// Whether `SecondsPath` is `$.wait`.
    pub seconds_from_input: bool,
    /// Attempts that all retriers allow together, besides the first.
    pub attempts_max: u64,
    /// The shortest delay in milliseconds before another attempt.
    pub delay_min_millis: u64,
}

impl Plan {
    /// Reads an ASL text that was compiled before.
    pub fn read(text: &str) -> Plan {
        let machine: Value = serde_json::from_str(text).unwrap_or(Value::Null);
        Plan::of(&machine)
    }

    fn of(block: &Value) -> Plan {
        let mut plan = Plan {
            start_at: text_of(block, "StartAt"),
            timeout_seconds: number_of(block, "TimeoutSeconds"),
            ..Plan::default()
        };
        plan.read_block(block, None);
        plan
    }

    /// The state of this name.
    pub fn state(&self, name: &str) -> Option<&StatePlan> {
        self.states.get(name)
    }

    fn read_block(&mut self, block: &Value, parent: Option<&str>) {
        for (name, state) in block.get("States").and_then(Value::as_object).into_iter().flatten() {
            let mut plan = StatePlan::read(state);
            plan.parent = parent.map(str::to_owned);
            let branches = state.get("Branches").and_then(Value::as_array).into_iter().flatten();
            let processor = state.get("ItemProcessor");
            if let Some(processor) = processor.filter(|_| plan.distributed) {
                let mut child = Plan::of(processor);
                self.children.append(&mut child.children);
                self.children.insert(text_of(state, "Label"), child);
            }
            for inner in branches.chain(processor.filter(|_| !plan.distributed)) {
                plan.starts.push(text_of(inner, "StartAt"));
                self.read_block(inner, Some(name));
            }
            self.states.insert(name.clone(), plan);
        }
    }
}

impl StatePlan {
    fn read(state: &Value) -> StatePlan {
        let kind = text_of(state, "Type");
        let mut next: BTreeSet<String> = BTreeSet::new();
        let targets = |member: &str| state.get(member).and_then(Value::as_array).into_iter().flatten();
        next.extend(targets("Choices").chain(targets("Catch")).map(|target| text_of(target, "Next")));
        next.extend(["Next", "Default"].iter().filter_map(|member| state.get(member)?.as_str().map(str::to_owned)));
        let retriers: Vec<&Value> = targets("Retry").collect();
        let resource = text_of(state, "Resource");
        StatePlan {
            distributed: state.pointer("/ItemProcessor/ProcessorConfig/Mode").is_some_and(|mode| mode == "DISTRIBUTED"),
            ends: state.get("End").is_some() || kind == "Succeed",
            next,
            max_concurrency: number_of(state, "MaxConcurrency").unwrap_or(0),
            task: match () {
                () if resource.starts_with("arn:aws:lambda:") => "LambdaFunction",
                () if resource.contains(":activity:") => "Activity",
                () => "Task",
            },
            timeout_seconds: number_of(state, "TimeoutSeconds"),
            heartbeat_seconds: number_of(state, "HeartbeatSeconds"),
            seconds: number_of(state, "Seconds"),
            seconds_from_input: state.get("SecondsPath").is_some()
                || state.get("Seconds").is_some_and(Value::is_string),
            attempts_max: retriers.iter().map(|retrier| number_of(retrier, "MaxAttempts").unwrap_or(3)).sum(),
            delay_min_millis: retriers.iter().map(|retrier| shortest_delay(retrier)).min().unwrap_or(0),
            kind,
            ..StatePlan::default()
        }
    }
}

/// The first delay of a retrier in milliseconds; nothing is sure with jitter.
fn shortest_delay(retrier: &Value) -> u64 {
    if retrier.get("JitterStrategy").is_some() {
        return 0;
    }
    let interval = number_of(retrier, "IntervalSeconds").unwrap_or(1);
    interval.min(number_of(retrier, "MaxDelaySeconds").unwrap_or(u64::MAX)) * 1000
}

fn text_of(value: &Value, member: &str) -> String {
    value.get(member).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn number_of(value: &Value, member: &str) -> Option<u64> {
    value.get(member).and_then(Value::as_u64)
}
