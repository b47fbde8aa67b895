//! Live progress of an execution: its states, as they are entered, left and fail, one line each on standard error.

use std::collections::BTreeMap;
use std::time::Duration;

use stepwell_value::Value;

use crate::call::{self, Caller};
use crate::problem::Problem;
use crate::terminal::{Ink, Style, say};

/// Events asked for at a time.
const PAGE: i64 = 100;
/// The longest cause that is shown on a line, in characters.
const CAUSE_LENGTH_MAX: usize = 200;

/// How an execution ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// `SUCCEEDED`, `FAILED`, `TIMED_OUT`, `ABORTED`
    pub status: String,
    /// The output's JSON text, when it succeeded.
    pub output: Option<String>,
    /// The error, when it failed.
    pub error: Option<String>,
    /// The cause, when it failed.
    pub cause: Option<String>,
}

impl Ended {
    /// Reads the answer of DescribeExecution or StartSyncExecution; none while the execution runs.
    pub fn of(answer: &Value) -> Option<Ended> {
        let member = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
        let status = call::text(answer, "status").to_owned();
        let running = status == "RUNNING" || status == "PENDING_REDRIVE";
        (!running).then(|| Ended { status, output: member("output"), error: member("error"), cause: member("cause") })
    }

    /// One line: the status, and why.
    pub fn to_line(&self, style: Style) -> String {
        let ink = if self.status == "SUCCEEDED" { Ink::Good } else { Ink::Bad };
        let reason = reason(self.error.as_deref(), self.cause.as_deref());
        format!("{}{}{reason}", style.paint(ink, &self.status), if reason.is_empty() { "" } else { " " })
    }
}

fn reason(error: Option<&str>, cause: Option<&str>) -> String {
    let cause: Option<String> = cause.map(|cause| {
        let line = cause.lines().collect::<Vec<_>>().join(" ");
        let cut = line.chars().nth(CAUSE_LENGTH_MAX).is_some();
        line.chars().take(CAUSE_LENGTH_MAX).chain(cut.then_some('…')).collect()
    });
    [error.map(str::to_owned), cause]
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(": ")
}

/// Follows an execution to its end, and shows its states unless `quiet`.
///
/// # Errors
/// See [`Caller::call`].
pub async fn follow(caller: &dyn Caller, arn: &str, interval: Duration, quiet: bool) -> Result<Ended, Problem> {
    let mut lines = Lines::new(Style::of_stderr());
    loop {
        // Asked before the history, so that the history is whole when the execution has ended.
        let input = Value::object([("executionArn", Value::from(arn))]);
        let ended = Ended::of(&caller.call("DescribeExecution", input).await?);
        if !quiet {
            for event in new_events(caller, arn, lines.last_event).await? {
                lines.take(&event).iter().for_each(|line| say(line));
            }
        }
        if let Some(ended) = ended {
            return Ok(ended);
        }
        tokio::time::sleep(interval).await;
    }
}

/// The events after `last`, oldest first: read backwards, so that a long history is not read again each time.
async fn new_events(caller: &dyn Caller, arn: &str, last: i64) -> Result<Vec<Value>, Problem> {
    let mut events: Vec<Value> = Vec::new();
    let mut token: Option<Value> = None;
    loop {
        let base = [
            ("executionArn", Value::from(arn)),
            ("reverseOrder", Value::from(true)),
            ("maxResults", Value::from(PAGE)),
            ("includeExecutionData", Value::from(true)),
        ];
        let input = Value::object(base.into_iter().chain(token.take().map(|token| ("nextToken", token))));
        let page = caller.call("GetExecutionHistory", input).await?;
        let items = page.get("events").and_then(Value::as_array).cloned().unwrap_or_default();
        let new = items.iter().take_while(|event| id(event, "id") > last);
        let before = events.len();
        events.extend(new.cloned());
        token = page.get("nextToken").filter(|token| !token.is_null()).cloned();
        if events.len() - before < items.len() || token.is_none() {
            events.reverse();
            return Ok(events);
        }
    }
}

fn id(event: &Value, member: &str) -> i64 {
    event.get(member).and_then(Value::as_i64).unwrap_or(0)
}

/// Turns events into lines.
pub struct Lines {
    style: Style,
    /// The id of the last event that was taken.
    pub last_event: i64,
    started: Option<i64>,
    /// Where each event stands, so that the ones after it know.
    places: BTreeMap<i64, Place>,
    /// When each state that is open was entered.
    entered: BTreeMap<(String, String), Vec<i64>>,
}

/// Where an event stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Place {
    state: String,
    /// `Map[3]` for each Map around it; empty outside of Maps.
    iteration: String,
}

impl Lines {
    /// Makes one for an execution.
    pub fn new(style: Style) -> Lines {
        Lines { style, last_event: 0, started: None, places: BTreeMap::new(), entered: BTreeMap::new() }
    }

    /// What an event is about, for a table: a state's name, a resource, an error.
    pub fn what(event: &Value) -> String {
        let Some(details) = details(event) else { return String::new() };
        let member = |name: &str| details.get(name).and_then(Value::as_str);
        let index = details.get("index").and_then(Value::as_i64).map(|index| format!("[{index}]"));
        let subject = [member("name"), member("resource"), member("workerName"), index.as_deref()];
        let subject: Vec<&str> = subject.into_iter().flatten().collect();
        let reason = reason(member("error"), member("cause"));
        [subject.join(" "), reason].iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join("  ")
    }

    /// Takes the next event; gives the line to show, if there is one.
    pub fn take(&mut self, event: &Value) -> Option<String> {
        let (event_id, event_type) = (id(event, "id"), call::text(event, "type"));
        self.last_event = event_id;
        let at = call::date(event, "timestamp").map_or(0, |at| at.0);
        let start = *self.started.get_or_insert(at);
        let mut place = self.places.get(&id(event, "previousEventId")).cloned().unwrap_or_default();
        let details = details(event);
        let name = details.map(|details| call::text(details, "name")).unwrap_or_default();
        let line = if let Some(state_type) = event_type.strip_suffix("StateEntered") {
            place.state = name.to_owned();
            self.entered.entry((name.to_owned(), place.iteration.clone())).or_default().push(at);
            Some(format!("entered  {} ({state_type})", shown(&place)))
        } else if event_type.ends_with("StateExited") {
            place.state = name.to_owned();
            let took = self.take_entered(&mut place).map(|entered| format!("  {}", duration(at - entered)));
            Some(format!("{}   {}{}", self.style.paint(Ink::Good, "exited"), shown(&place), took.unwrap_or_default()))
        } else {
            self.other(event_type, details, &mut place)
        };
        self.places.insert(event_id, place);
        line.map(|line| format!("{}  {line}", self.style.paint(Ink::Dim, &format!("{:>9}", seconds(at - start)))))
    }

    fn other(&self, event_type: &str, details: Option<&Value>, place: &mut Place) -> Option<String> {
        let member = |name: &str| details.and_then(|details| details.get(name)).and_then(Value::as_str);
        if event_type == "MapIterationStarted" {
            let index = details.map_or(0, |details| id(details, "index"));
            place.iteration = format!("{}{}[{index}] ", place.iteration, place.state);
        }
        if let Some(what) = waits_for(event_type, member("resource")) {
            return Some(format!("{}  {}  for {what}", self.style.paint(Ink::Warn, "waiting"), shown(place)));
        }
        let failed = event_type.ends_with("Failed") || event_type.ends_with("TimedOut");
        // The end of the whole is told by its status; a branch's or an iteration's failure by the state that failed in it.
        if !failed || ["Execution", "Map", "Parallel"].iter().any(|kind| event_type.starts_with(kind)) {
            return None;
        }
        let reason = reason(member("error"), member("cause"));
        Some(format!("{}   {}  {reason}", self.style.paint(Ink::Bad, "failed"), shown(place)))
    }

    /// When the state that is left was entered. The event before the exit of a Map or Parallel stands inside of it, so that
    /// its own iteration is found by cutting off the last one.
    fn take_entered(&mut self, place: &mut Place) -> Option<i64> {
        loop {
            let key = (place.state.clone(), place.iteration.clone());
            if let Some(times) = self.entered.get_mut(&key)
                && let Some(at) = times.pop()
            {
                return Some(at);
            }
            if place.iteration.is_empty() {
                return None;
            }
            let outer = place.iteration.trim_end().rfind(' ').map_or(0, |blank| blank + 1);
            place.iteration.truncate(outer);
        }
    }
}

/// What a task waits for that somebody outside has to do.
fn waits_for(event_type: &str, resource: Option<&str>) -> Option<String> {
    let resource = resource.unwrap_or_default();
    match event_type {
        "TaskSubmitted" if resource.ends_with(".waitForTaskToken") => Some("an answer by its task token".to_owned()),
        "ActivityScheduled" => Some(format!("a worker of {resource}")),
        _ => None,
    }
}

fn shown(place: &Place) -> String {
    format!("{}{}", place.iteration, place.state)
}

/// The member `…EventDetails`.
fn details(event: &Value) -> Option<&Value> {
    let members = event.as_object()?;
    members.iter().find(|(name, _)| name.ends_with("EventDetails")).map(|(_, details)| details)
}

fn seconds(millis: i64) -> String {
    format!("{}.{:03}s", millis / 1000, (millis % 1000).abs())
}

/// `12 ms`, `3.4 s`, `5 min 6 s`
pub fn duration(millis: i64) -> String {
    match millis {
        ..1_000 => format!("{} ms", millis.max(0)),
        1_000..60_000 => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        _ => format!("{} min {} s", millis / 60_000, millis % 60_000 / 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::{Lines, duration};
    use crate::terminal::Style;
    use stepwell_value::Value;

    #[track_caller]
    fn check(events: &str, expected: &[&str]) {
        let mut lines = Lines::new(Style::plain());
        let events = Value::parse(events).unwrap();
        let shown: Vec<String> = events.as_array().unwrap().iter().filter_map(|event| lines.take(event)).collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn states_with_their_durations() {
        check(
            r#"[
            {"id":1,"previousEventId":0,"timestamp":100.0,"type":"ExecutionStarted","executionStartedEventDetails":{"input":"{}"}},
            {"id":2,"previousEventId":0,"timestamp":100.001,"type":"TaskStateEntered","stateEnteredEventDetails":{"name":"A"}},
            {"id":3,"previousEventId":2,"timestamp":100.1,"type":"TaskFailed","taskFailedEventDetails":{"error":"E","cause":"a\nb"}},
            {"id":4,"previousEventId":3,"timestamp":101.601,"type":"TaskStateExited","stateExitedEventDetails":{"name":"A"}},
            {"id":5,"previousEventId":4,"timestamp":101.7,"type":"ExecutionFailed","executionFailedEventDetails":{"error":"E"}}]"#,
            &["   0.001s  entered  A (Task)", "   0.100s  failed   A  E: a b", "   1.601s  exited   A  1.6 s"],
        );
    }

    #[test]
    fn iterations_are_told_apart() {
        check(
            r#"[
            {"id":1,"previousEventId":0,"timestamp":0,"type":"ExecutionStarted"},
            {"id":2,"previousEventId":0,"timestamp":0,"type":"MapStateEntered","stateEnteredEventDetails":{"name":"M"}},
            {"id":3,"previousEventId":2,"timestamp":0,"type":"MapStateStarted","mapStateStartedEventDetails":{"length":2}},
            {"id":4,"previousEventId":3,"timestamp":0,"type":"MapIterationStarted","mapIterationStartedEventDetails":{"name":"M","index":0}},
            {"id":5,"previousEventId":4,"timestamp":0,"type":"PassStateEntered","stateEnteredEventDetails":{"name":"P"}},
            {"id":6,"previousEventId":3,"timestamp":0.01,"type":"MapIterationStarted","mapIterationStartedEventDetails":{"name":"M","index":1}},
            {"id":7,"previousEventId":6,"timestamp":0.01,"type":"PassStateEntered","stateEnteredEventDetails":{"name":"P"}},
            {"id":8,"previousEventId":5,"timestamp":0.02,"type":"PassStateExited","stateExitedEventDetails":{"name":"P"}},
            {"id":9,"previousEventId":7,"timestamp":0.03,"type":"PassStateExited","stateExitedEventDetails":{"name":"P"}},
            {"id":10,"previousEventId":9,"timestamp":0.03,"type":"MapStateExited","stateExitedEventDetails":{"name":"M"}}]"#,
            &[
                "   0.000s  entered  M (Map)",
                "   0.000s  entered  M[0] P (Pass)",
                "   0.010s  entered  M[1] P (Pass)",
                "   0.020s  exited   M[0] P  20 ms",
                "   0.030s  exited   M[1] P  20 ms",
                "   0.030s  exited   M  30 ms",
            ],
        );
    }

    #[test]
    fn durations() {
        let shown = [0, 999, 1_550, 61_000].map(duration);
        assert_eq!(shown, ["0 ms", "999 ms", "1.5 s", "1 min 1 s"]);
    }
}
