//! The mock configuration's form: the JSON that Step Functions Local documents, read and checked as a whole.
//!
//! ```json
//! {"StateMachines": {"Order": {"TestCases": {"Retry": {"Charge": "Busy"}}}},
//!  "MockedResponses": {"Busy": {"0": {"Throw": {"Error": "Busy", "Cause": "later"}}, "1-2": {"Return": {"ok": true}}}}}
//! ```

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use stepwell_interpreter::Failure;
use stepwell_value::json::{Node, Span, Spanned, parse_spanned};
use stepwell_value::{Position, Value};

/// A whole configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MockConfig {
    machines: BTreeMap<Arc<str>, BTreeMap<Arc<str>, TestCase>>,
}

/// Which states are mocked, and with what.
pub type TestCase = BTreeMap<Arc<str>, Arc<Responses>>;

/// An entry of `MockedResponses`.
#[derive(Clone, Debug, PartialEq)]
pub struct Responses {
    /// Its name.
    pub name: Arc<str>,
    by_attempt: Vec<(RangeInclusive<u32>, Reply)>,
}

/// What an attempt is answered with.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// `Return`: the service's response.
    Return(Value),
    /// `Throw`: an error.
    Throw(Failure),
}

/// What is wrong with a configuration, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {what}")]
pub struct MockError {
    /// The file.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// The key, and what is wrong with it.
    pub what: String,
}

/// A member of an object: key, place of the key, value.
type Member = (Arc<str>, Span, Spanned);

/// A fault before its place is counted in lines.
type Fault = (Span, String);

impl MockConfig {
    /// Reads a configuration; `file` is named in errors.
    ///
    /// # Errors
    /// The first thing that is wrong: no JSON, a member of the wrong form, an attempt twice, a response that does not exist.
    pub fn parse(text: &str, file: &str) -> Result<MockConfig, MockError> {
        let placed = |offset: usize, what: String| {
            let Position { line, column } = Position::of(text, offset);
            MockError { file: file.to_owned(), line, column, what }
        };
        let root = parse_spanned(text).map_err(|error| placed(error.offset, format!("no JSON: {}", error.message)))?;
        read(&root).map_err(|(span, what)| placed(span.start, what))
    }

    /// The test case of a state machine.
    ///
    /// # Errors
    /// What there is instead.
    pub fn test_case(&self, machine: &str, name: &str) -> Result<&TestCase, String> {
        let Some(cases) = self.machines.get(machine) else {
            let known = names(self.machines.keys());
            return Err(format!("`StateMachines` has no `{machine}`; it has {known}"));
        };
        cases.get(name).ok_or_else(|| {
            let known = names(cases.keys());
            format!("`StateMachines.{machine}.TestCases` has no `{name}`; it has {known}")
        })
    }
}

impl Responses {
    /// The reply to an attempt, from 0; none when no entry covers it.
    pub fn at(&self, attempt: u32) -> Option<&Reply> {
        self.by_attempt.iter().find(|(range, _)| range.contains(&attempt)).map(|(_, reply)| reply)
    }

    /// The attempts that are covered, for messages: `0, 1-2`.
    pub fn covered(&self) -> String {
        let keys: Vec<String> = self.by_attempt.iter().map(|(range, _)| spelled(range)).collect();
        if keys.is_empty() { "no attempt".to_owned() } else { keys.join(", ") }
    }
}

fn spelled(range: &RangeInclusive<u32>) -> String {
    match (range.start(), range.end()) {
        (first, last) if first == last => first.to_string(),
        (first, last) => format!("{first}-{last}"),
    }
}

fn names<'n>(names: impl Iterator<Item = &'n Arc<str>>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn read(root: &Spanned) -> Result<MockConfig, Fault> {
    let members = object(root, "the configuration")?;
    if let Some((_, span, _)) = members.iter().find(|(key, _, _)| &**key == "MockedResponse") {
        return Err((*span, "`MockedResponse` has to be called `MockedResponses`".to_owned()));
    }
    let mut responses = BTreeMap::new();
    if let Some(all) = root.get("MockedResponses") {
        for (name, _, entry) in object(all, "`MockedResponses`")? {
            let read = read_responses(name, entry)?;
            responses.insert(Arc::clone(name), Arc::new(read));
        }
    }
    let machines = root.get("StateMachines").ok_or_else(|| (root.span, "`StateMachines` is missing".to_owned()))?;
    let mut config = MockConfig::default();
    for (name, span, machine) in object(machines, "`StateMachines`")? {
        let path = format!("StateMachines.{name}");
        object(machine, &format!("`{path}`"))?;
        let cases = machine.get("TestCases").ok_or_else(|| (*span, format!("`{path}` has no `TestCases`")))?;
        config.machines.insert(Arc::clone(name), read_cases(cases, &format!("{path}.TestCases"), &responses)?);
    }
    Ok(config)
}

fn read_cases(
    cases: &Spanned,
    path: &str,
    responses: &BTreeMap<Arc<str>, Arc<Responses>>,
) -> Result<BTreeMap<Arc<str>, TestCase>, Fault> {
    let mut found = BTreeMap::new();
    for (name, _, case) in object(cases, &format!("`{path}`"))? {
        let mut states = TestCase::new();
        for (state, _, response) in object(case, &format!("`{path}.{name}`"))? {
            let key = format!("`{path}.{name}.{state}`");
            let wanted = response
                .as_str()
                .ok_or_else(|| (response.span, format!("{key} has to be the name of an entry of `MockedResponses`")))?;
            let entry = responses.get(wanted).ok_or_else(|| {
                let known = names(responses.keys());
                (response.span, format!("{key} is `{wanted}`, which `MockedResponses` does not have; it has {known}"))
            })?;
            states.insert(Arc::clone(state), Arc::clone(entry));
        }
        found.insert(Arc::clone(name), states);
    }
    Ok(found)
}

fn read_responses(name: &Arc<str>, entry: &Spanned) -> Result<Responses, Fault> {
    let path = format!("MockedResponses.{name}");
    let mut by_attempt: Vec<(RangeInclusive<u32>, Reply)> = Vec::new();
    for (key, span, reply) in object(entry, &format!("`{path}`"))? {
        let key_path = format!("{path}.{key}");
        let range = read_range(key).ok_or_else(|| {
            (*span, format!("`{key_path}` is no attempt; attempts count from 0, for example \"0\", \"1-2\""))
        })?;
        let overlaps = |other: &RangeInclusive<u32>| range.start() <= other.end() && other.start() <= range.end();
        if let Some((other, _)) = by_attempt.iter().find(|(other, _)| overlaps(other)) {
            return Err((*span, format!("`{key_path}` covers an attempt that \"{}\" covers, too", spelled(other))));
        }
        by_attempt.push((range, read_reply(&key_path, reply)?));
    }
    by_attempt.sort_by_key(|(range, _)| *range.start());
    Ok(Responses { name: Arc::clone(name), by_attempt })
}

/// `"0"`, `"1-2"`
fn read_range(key: &str) -> Option<RangeInclusive<u32>> {
    let number = |text: &str| text.trim().parse::<u32>().ok();
    let (first, last) = match key.split_once('-') {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(key)?, number(key)?),
    };
    (first <= last).then_some(first..=last)
}

fn read_reply(path: &str, reply: &Spanned) -> Result<Reply, Fault> {
    let members = object(reply, &format!("`{path}`"))?;
    let odd = members.iter().find(|(key, _, _)| !matches!(&**key, "Return" | "Throw"));
    if let Some((key, span, _)) = odd {
        return Err((*span, format!("`{path}` has `{key}`; it can have `Return` or `Throw`")));
    }
    match (reply.get("Return"), reply.get("Throw")) {
        (Some(value), None) => Ok(Reply::Return(value.to_value())),
        (None, Some(thrown)) => read_throw(&format!("{path}.Throw"), thrown).map(Reply::Throw),
        (Some(_), Some(_)) => Err((reply.span, format!("`{path}` has `Return` and `Throw`; keep one of them"))),
        (None, None) => Err((reply.span, format!("`{path}` needs `Return` or `Throw`"))),
    }
}

fn read_throw(path: &str, thrown: &Spanned) -> Result<Failure, Fault> {
    object(thrown, &format!("`{path}`"))?;
    let text = |key: &str| match thrown.get(key) {
        None => Ok(None),
        Some(value) => match value.as_str() {
            Some(text) => Ok(Some(Arc::from(text))),
            None => Err((value.span, format!("`{path}.{key}` has to be a text"))),
        },
    };
    let error: Option<Arc<str>> = text("Error")?;
    let error = error.ok_or_else(|| (thrown.span, format!("`{path}` needs `Error`, the error's name")))?;
    Ok(Failure { error: Some(error), cause: text("Cause")? })
}

fn object<'a>(value: &'a Spanned, what: &str) -> Result<&'a [Member], Fault> {
    match &value.node {
        Node::Object(members) => Ok(members),
        _ => Err((value.span, format!("{what} has to be an object"))),
    }
}

#[cfg(test)]
mod tests {
    use super::{MockConfig, Reply};

    const WHOLE: &str = r#"{
        "StateMachines": {"M": {"TestCases": {"Retry": {"Call": "Busy"}, "Nothing": {}}}, "N": {"TestCases": {}}},
        "MockedResponses": {"Busy": {"3": {"Return": null}, "0": {"Throw": {"Error": "E", "Cause": "c"}}, "1-2": {"Throw": {"Error": "F"}}}, "Never": {}}
    }"#;

    #[test]
    fn a_whole_configuration() {
        let config = MockConfig::parse(WHOLE, "m.json").unwrap();
        let responses = &config.test_case("M", "Retry").unwrap()["Call"];
        let thrown = |attempt: u32| match responses.at(attempt) {
            Some(Reply::Throw(failure)) => failure.error.as_deref().unwrap_or_default().to_owned(),
            other => format!("{other:?}"),
        };
        assert_eq!([0, 1, 2].map(thrown), ["E", "F", "F"]);
        assert!(matches!(responses.at(3), Some(Reply::Return(value)) if value.is_null()));
        assert_eq!(responses.at(4), None);
        assert_eq!(responses.covered(), "0, 1-2, 3");
        assert!(config.test_case("M", "Nothing").unwrap().is_empty());
        let missing = config.test_case("M", "x").unwrap_err();
        assert_eq!(missing, "`StateMachines.M.TestCases` has no `x`; it has `Nothing`, `Retry`");
        assert_eq!(config.test_case("x", "y").unwrap_err(), "`StateMachines` has no `x`; it has `M`, `N`");
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(MockConfig::parse(text, "m.json").unwrap_err().to_string(), format!("m.json:{expected}"), "{text}");
    }

    #[track_caller]
    fn check_response(entry: &str, expected: &str) {
        check(&format!("{{\"StateMachines\":{{}},\n\"MockedResponses\":{{\n\"R\":{entry}}}}}"), expected);
    }

    #[test]
    fn faults_name_file_place_and_key() {
        check("[]", "1:1: the configuration has to be an object");
        check("{}", "1:1: `StateMachines` is missing");
        check(r#"{"MockedResponse":{}}"#, "1:2: `MockedResponse` has to be called `MockedResponses`");
        check(r#"{"StateMachines":{"M":{}}}"#, "1:19: `StateMachines.M` has no `TestCases`");
        let case = |state: &str| format!(r#"{{"StateMachines":{{"M":{{"TestCases":{{"T":{{"S":{state}}}}}}}}}}}"#);
        check(&case("1"), "1:46: `StateMachines.M.TestCases.T.S` has to be the name of an entry of `MockedResponses`");
        check(
            &case(r#""R""#),
            "1:46: `StateMachines.M.TestCases.T.S` is `R`, which `MockedResponses` does not have; it has none",
        );
        check_response("1", "3:5: `MockedResponses.R` has to be an object");
        let no_attempt = "is no attempt; attempts count from 0, for example \"0\", \"1-2\"";
        check_response(r#"{"a":{}}"#, &format!("3:6: `MockedResponses.R.a` {no_attempt}"));
        check_response(r#"{"2-1":{}}"#, &format!("3:6: `MockedResponses.R.2-1` {no_attempt}"));
        check_response(
            r#"{"0-2":{"Return":1},"2":{"Return":1}}"#,
            "3:25: `MockedResponses.R.2` covers an attempt that \"0-2\" covers, too",
        );
        check_response(r#"{"0":{}}"#, "3:10: `MockedResponses.R.0` needs `Return` or `Throw`");
        check_response(
            r#"{"0":{"Return":1,"Throw":{"Error":"E"}}}"#,
            "3:10: `MockedResponses.R.0` has `Return` and `Throw`; keep one of them",
        );
        check_response(
            r#"{"0":{"Retrun":1}}"#,
            "3:11: `MockedResponses.R.0` has `Retrun`; it can have `Return` or `Throw`",
        );
        check_response(r#"{"0":{"Throw":{}}}"#, "3:19: `MockedResponses.R.0.Throw` needs `Error`, the error's name");
        check_response(r#"{"0":{"Throw":{"Error":1}}}"#, "3:28: `MockedResponses.R.0.Throw.Error` has to be a text");
        let error = MockConfig::parse("{\n'", "m.json").unwrap_err().to_string();
        assert!(error.starts_with("m.json:2:1: no JSON: Unexpected character"), "{error}");
    }
}
