//! Reads the text form of a case; see [`crate::case`].

use std::sync::Arc;

use stepwell_interpreter::{FailedStage, Failure, Limits, Progress};
use stepwell_query::timestamp::parse_rfc3339;
use stepwell_value::{Payload, Timestamp, Value};

use crate::case::{Answer, Attempt, Case, News, TaskScript};

/// 2026-01-01T00:00:00Z
const STARTED: Timestamp = Timestamp(1_767_225_600_000);

/// What is wrong with a case's text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct ParseError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it, and what is expected instead.
    pub what: String,
}

/// A section: its line, its word, what stands beside the word, its indented lines.
struct Section<'t> {
    line: usize,
    word: &'t str,
    beside: &'t str,
    body: Vec<(usize, &'t str)>,
}

/// Reads a case.
///
/// # Errors
/// When a section or a line is not understood, or the definition is missing.
pub fn parse(text: &str) -> Result<Case, ParseError> {
    let mut case = Case {
        definition: String::new(),
        input: Payload::default(),
        limits: Limits::AWS,
        started: STARTED,
        entropy: 1,
        express: false,
        missing_activities: Vec::new(),
        tasks: Vec::new(),
        stop: None,
        expected: String::new(),
    };
    for section in sections(text)? {
        apply(&mut case, &section)?;
    }
    if case.definition.trim().is_empty() {
        return Err(error(1, "there is no section `definition`"));
    }
    Ok(case)
}

fn error(line: usize, what: impl Into<String>) -> ParseError {
    ParseError { line, what: what.into() }
}

fn sections(text: &str) -> Result<Vec<Section<'_>>, ParseError> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    for (line, content) in (1..).zip(text.lines()) {
        if content.starts_with('#') || content.trim().is_empty() {
            continue;
        }
        if content.starts_with(' ') {
            let Some(section) = sections.last_mut() else {
                return Err(error(line, "an indented line before the first section"));
            };
            section.body.push((line, content));
            continue;
        }
        let (word, beside) = content.split_once(' ').unwrap_or((content, ""));
        sections.push(Section { line, word, beside: beside.trim(), body: Vec::new() });
    }
    Ok(sections)
}

fn apply(case: &mut Case, section: &Section<'_>) -> Result<(), ParseError> {
    let line = section.line;
    match section.word {
        "definition" => case.definition = whole(section),
        "input" => case.input = payload(line, &whole(section))?,
        "limits" => limits(&mut case.limits, section)?,
        "started" => {
            let moment =
                parse_rfc3339(section.beside).ok_or_else(|| error(line, "`started` needs an RFC 3339 time"))?;
            case.started = moment.to_timestamp();
        }
        "entropy" => {
            case.entropy = section.beside.parse().map_err(|_| error(line, "`entropy` needs a whole number"))?;
        }
        "express" => case.express = true,
        "missing" => case.missing_activities.push(section.beside.to_owned()),
        "task" => case.tasks.push(task(section)?),
        "stop" => {
            let (after, rest) = delay(line, section.beside)?;
            case.stop = Some((after, failure(line, rest)?));
        }
        "expect" => case.expected = section.body.iter().map(|(_, text)| format!("{text}\n")).collect(),
        other => {
            return Err(error(line, format!("`{other}` is no section; see the module `case` for those there are")));
        }
    }
    Ok(())
}

/// The text of a section: what stands beside its word, and its lines without the indentation of the first.
fn whole(section: &Section<'_>) -> String {
    let indent = section.body.first().map_or(0, |(_, first)| first.len() - first.trim_start().len());
    let mut lines: Vec<&str> = Vec::new();
    if !section.beside.is_empty() {
        lines.push(section.beside);
    }
    let unindented = |text: &'_ str| text.len() - text.trim_start().len() >= indent;
    lines.extend(section.body.iter().map(|(_, text)| match text.get(indent..) {
        Some(rest) if unindented(text) => rest,
        _ => text.trim_start(),
    }));
    lines.join("\n")
}

fn payload(line: usize, text: &str) -> Result<Payload, ParseError> {
    Payload::from_text(text.trim()).map_err(|why| error(line, format!("`{}` is no JSON: {why:?}", text.trim())))
}

fn limits(limits: &mut Limits, section: &Section<'_>) -> Result<(), ParseError> {
    for setting in section.beside.split_whitespace() {
        let unknown = || error(section.line, format!("`{setting}` is no limit; write NAME=NUMBER or NAME=none"));
        let (name, value) = setting.split_once('=').ok_or_else(unknown)?;
        let number: Option<u32> = match value {
            "none" => None,
            digits => Some(digits.parse().map_err(|_| unknown())?),
        };
        match name {
            "payload_bytes" => limits.payload_bytes = number.map(|number| number as usize),
            "assign_bytes" => limits.assign_bytes = number.map(|number| number as usize),
            "variables_bytes" => limits.variables_bytes = number.map(|number| number as usize),
            "history_events" => limits.history_events = number.map(u64::from),
            "inline_map_concurrency" => limits.inline_map_concurrency = number,
            "transitions_per_step" => limits.transitions_per_step = number.ok_or_else(unknown)?,
            _ => return Err(unknown()),
        }
    }
    Ok(())
}

fn task(section: &Section<'_>) -> Result<TaskScript, ParseError> {
    let mut script = TaskScript { state: section.beside.to_owned(), ..TaskScript::default() };
    let mut last_is_further = false;
    for (line, text) in &section.body {
        let text = text.trim();
        let news = match text.split_once(' ').unwrap_or((text, "")) {
            ("-", rest) => {
                last_is_further = false;
                script.attempts.push(Attempt::new());
                rest
            }
            ("*", rest) => {
                last_is_further = true;
                script.further = Some(Attempt::new());
                rest
            }
            _ => text,
        };
        let attempt = if last_is_further { script.further.as_mut() } else { script.attempts.last_mut() };
        let attempt = attempt.ok_or_else(|| error(*line, "an attempt begins with `-`, or `*` for all further ones"))?;
        attempt.extend(self::news(*line, news.trim())?);
    }
    Ok(script)
}

fn news(line: usize, text: &str) -> Result<Option<News>, ParseError> {
    let (after_millis, text) = if text.starts_with("after ") { delay(line, text)? } else { (0, text) };
    let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
    let rest = rest.trim();
    let answer = match verb {
        "never" => return Ok(None),
        "echo" => Answer::Echo,
        "heartbeat" => Answer::Progress(Progress::Heartbeat),
        "started" => {
            let worker_name = (!rest.is_empty()).then(|| Arc::from(rest));
            Answer::Progress(Progress::Started { worker_name })
        }
        "submitted" => Answer::Progress(Progress::Submitted { output: payload(line, rest)? }),
        "succeed" => Answer::Progress(Progress::Succeeded { output: payload(line, rest)? }),
        "fail" => failed(line, rest)?,
        other => {
            return Err(error(
                line,
                format!("`{other}` is no news; there are started, submitted, heartbeat, succeed, echo, fail, never"),
            ));
        }
    };
    Ok(Some(News { after_millis, answer }))
}

fn failed(line: usize, text: &str) -> Result<Answer, ParseError> {
    let Some(at) = text.strip_prefix("at ") else {
        return Ok(Answer::failed(failure(line, text)?, FailedStage::Run));
    };
    let (stage, rest) = at.split_once(' ').unwrap_or((at, ""));
    let stage = match stage {
        "schedule" => FailedStage::Schedule,
        "start" => FailedStage::Start,
        "submit" => FailedStage::Submit,
        "timeout" => FailedStage::TimedOut,
        _ => return Err(error(line, format!("`{stage}` is no stage; there are schedule, start, submit, timeout"))),
    };
    Ok(Answer::failed(failure(line, rest)?, stage))
}

/// `ERROR [CAUSE]`
fn failure(line: usize, text: &str) -> Result<Failure, ParseError> {
    let (name, cause) = text.split_once(' ').unwrap_or((text, ""));
    let error_name = (!name.is_empty() && name != "-").then(|| Arc::from(name));
    let cause = match cause.trim() {
        "" => None,
        quoted if quoted.starts_with('"') => match Value::parse(quoted) {
            Ok(Value::String(cause)) => Some(cause),
            _ => return Err(error(line, format!("`{quoted}` is no JSON string"))),
        },
        plain => Some(Arc::from(plain)),
    };
    Ok(Failure { error: error_name, cause })
}

/// `after 2.5s REST`: milliseconds, and the rest.
fn delay(line: usize, text: &str) -> Result<(u64, &str), ParseError> {
    let wrong = || error(line, "a delay is written `after 5s` or `after 0.25s`");
    let rest = text.strip_prefix("after ").ok_or_else(wrong)?.trim_start();
    let (number, rest) = rest.split_once('s').ok_or_else(wrong)?;
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let seconds: u64 = whole.parse().map_err(|_| wrong())?;
    let millis: u64 = format!("{part:0<3}").parse().map_err(|_| wrong())?;
    if part.len() > 3 || !(rest.is_empty() || rest.starts_with(' ')) {
        return Err(wrong());
    }
    Ok((seconds.saturating_mul(1000).saturating_add(millis), rest.trim_start()))
}
