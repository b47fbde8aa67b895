//! Writes down what happened: one line an event, `id previous Type details…`, and the final status.

use std::sync::Arc;

use stepwell_interpreter::{Details, Failure, HistoryEvent};
use stepwell_value::{Payload, Timestamp, Value};

use crate::run::Outcome;

/// Payloads longer than this are cut in the middle; in bytes.
const SHOWN_MAX: usize = 600;

/// The history and the final status, every line indented by two blanks. `@ 5s` says that time has moved on: so long after
/// the start.
pub fn render(outcome: &Outcome) -> String {
    let mut text = String::new();
    let mut clock = outcome.started;
    for event in &outcome.events {
        if event.at != clock {
            clock = event.at;
            text.push_str(&format!("  @ {}\n", seconds(clock, outcome.started)));
        }
        let details = details(event);
        let blank = if details.is_empty() { "" } else { " " };
        text.push_str(&format!("  {} {} {}{blank}{details}\n", event.id, event.previous, event.event_type.name()));
    }
    text.push_str(&format!("  {}\n", outcome.status.name()));
    text
}

/// The text of a case with another expectation.
pub fn with_expected(case: &str, expected: &str) -> String {
    let mut text = String::new();
    let mut lines = case.lines();
    for line in lines.by_ref().take_while(|line| *line != "expect") {
        text.push_str(line);
        text.push('\n');
    }
    text.push_str("expect\n");
    text.push_str(expected);
    for line in lines.skip_while(|line| line.starts_with(' ') || line.is_empty()) {
        text.push_str(line);
        text.push('\n');
    }
    text
}

fn seconds(at: Timestamp, started: Timestamp) -> String {
    let millis = at.millis_since(started);
    match millis % 1000 {
        0 => format!("{}s", millis / 1000),
        part => format!("{}.{part:03}s", millis / 1000),
    }
}

/// The details of an event as `name=value` words.
#[derive(Default)]
struct Words(Vec<String>);

impl Words {
    fn plain(mut self, text: &str) -> Words {
        self.0.push(text.to_owned());
        self
    }

    fn payload(mut self, name: &str, payload: &Payload) -> Words {
        self.0.push(format!("{name}={}", shown(payload.text())));
        self
    }

    fn text(mut self, name: &str, text: Option<&Arc<str>>) -> Words {
        self.0.extend(text.map(|text| format!("{name}={}", shown(text))));
        self
    }

    fn number(mut self, name: &str, number: Option<u64>) -> Words {
        self.0.extend(number.map(|number| format!("{name}={number}")));
        self
    }

    fn failure(self, failure: &Failure) -> Words {
        let mut words = self.text("error", failure.error.as_ref());
        let cause = failure.cause.as_ref();
        words.0.extend(cause.map(|cause| format!("cause={}", shown(&Value::String(Arc::clone(cause)).to_json()))));
        words
    }

    /// A service and its action: `lambda:invoke`.
    fn called(self, resource_type: &str, resource: &str) -> Words {
        self.plain(&format!("{resource_type}:{resource}"))
    }
}

fn details(event: &HistoryEvent) -> String {
    let words = Words::default();
    let words = match &event.details {
        Details::None => words,
        Details::ExecutionStarted { input, .. } => words.payload("input", input),
        Details::Output { output } => words.payload("output", output),
        Details::Failure(failure) => words.failure(failure),
        Details::StateEntered { name, input } => words.plain(name).payload("input", input),
        Details::StateExited { name, output, assigned } => {
            let words = words.plain(name).payload("output", output);
            assigned.iter().fold(words, |words, (name, value)| words.payload(&format!("${name}"), value))
        }
        Details::Scheduled { resource, input, timeout_seconds, heartbeat_seconds, credentials_role_arn } => words
            .plain(resource)
            .payload("input", input)
            .number("timeout", *timeout_seconds)
            .number("heartbeat", *heartbeat_seconds)
            .text("role", credentials_role_arn.as_ref()),
        Details::ActivityStarted { worker_name } => words.text("worker", worker_name.as_ref()),
        Details::TaskScheduled {
            resource_type,
            resource,
            parameters,
            timeout_seconds,
            heartbeat_seconds,
            credentials_role_arn,
            ..
        } => words
            .called(resource_type, resource)
            .payload("parameters", parameters)
            .number("timeout", *timeout_seconds)
            .number("heartbeat", *heartbeat_seconds)
            .text("role", credentials_role_arn.as_ref()),
        Details::TaskStarted { resource_type, resource } => words.called(resource_type, resource),
        Details::TaskOutput { resource_type, resource, output } => {
            words.called(resource_type, resource).payload("output", output)
        }
        Details::TaskFailure { resource_type, resource, failure } => {
            words.called(resource_type, resource).failure(failure)
        }
        Details::MapStateStarted { length } => words.number("length", Some(*length)),
        Details::MapIteration { name, index } => words.plain(name).number("index", Some(*index)),
        Details::MapRunStarted { map_run_arn } => words.plain(map_run_arn),
        Details::MapRunRedriven { map_run_arn, redrive_count } => {
            words.plain(map_run_arn).number("redrives", Some(*redrive_count))
        }
        Details::ExecutionRedriven { redrive_count, .. } => words.number("redrives", Some(*redrive_count)),
        Details::EvaluationFailed { failure, location, state } => {
            words.plain(state).text("location", Some(location).filter(|place| !place.is_empty())).failure(failure)
        }
    };
    words.0.join(" ")
}

/// A text on one line, not too long.
fn shown(text: &str) -> String {
    let line = text.replace('\n', "⏎");
    if line.len() <= SHOWN_MAX {
        return line;
    }
    let head: String = line.chars().take(60).collect();
    format!("{head}…({} bytes)", text.len())
}
