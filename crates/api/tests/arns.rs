//! What every operation answers to every form of ARN and of name: the rows of `answers/arns.txt` and `answers/names.txt`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may stop where it stands

mod common;

use std::collections::BTreeMap;

use common::{Client, HEAD, Server, on_a_server, told};
use stepwell_model::Operation;
use stepwell_value::Value;

const ARNS: &str = include_str!("answers/arns.txt");
const NAMES: &str = include_str!("answers/names.txt");

/// A call with a place for a text, and what it answers to texts of each form: form, answer, note.
struct Section<'a> {
    operation: &'a str,
    body: &'a str,
    answers: Vec<(&'a str, &'a str, &'a str)>,
}

/// A note for an error that AWS's service model does not list for the operation.
const NOT_MODELLED: &str = "not in the service model";

/// The forms of a file, and its sections. A form is a line `form NAME TEXT`; a section begins with `Operation {body}`, and
/// each line below it names forms and, behind `|`, what is answered to them; what stands behind a second `|` says where
/// that is from.
fn read(text: &'static str) -> (Vec<(&'static str, &'static str)>, Vec<Section<'static>>) {
    let (mut forms, mut sections) = (Vec::new(), Vec::<Section>::new());
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(form) = line.strip_prefix("form ") {
            let (name, text) = form.split_once(' ').unwrap();
            forms.push((name, text.trim()));
        } else if let Some(answer) = line.strip_prefix("  ") {
            let mut parts = answer.split(" | ").map(str::trim);
            let (names, answer) = (parts.next().unwrap(), parts.next().unwrap_or_else(|| panic!("{line}")));
            let note = parts.next().unwrap_or_default();
            let section = sections.last_mut().unwrap();
            section.answers.extend(names.split_whitespace().map(|name| (name, answer, note)));
        } else {
            let (operation, body) = line.split_once(' ').unwrap();
            sections.push(Section { operation, body, answers: Vec::new() });
        }
    }
    (forms, sections)
}

impl Section<'_> {
    /// A resource of the type that is wanted, as ARNs end with it.
    fn right(&self) -> &'static str {
        let member = self.body.split("\":\"<text>\"").next().unwrap_or_default().rsplit('"').next().unwrap_or_default();
        match member {
            "executionArn" => "execution:m:e",
            "activityArn" => "activity:a",
            "mapRunArn" => "mapRun:d/L:1",
            "stateMachineVersionArn" => "stateMachine:m:1",
            "stateMachineAliasArn" => "stateMachine:m:PROD",
            _ => "stateMachine:m",
        }
    }

    /// The call with this text in its place.
    fn call(&self, text: &str) -> String {
        let quoted = Value::from(text).to_json();
        filled(self.body, &[("\"<text>\"", &quoted)])
    }

    /// Checks the answer to every form, in the order of the file; the forms of the file are the whole.
    async fn check(&self, client: &mut Client, forms: &[(&str, &str)], known: &[(&str, &str)], wrong: &mut String) {
        let mut left: BTreeMap<&str, &str> = forms.iter().copied().collect();
        for (name, expected, note) in &self.answers {
            let form = left.remove(name).unwrap_or_else(|| panic!("{}: no form {name}, or twice", self.operation));
            let text = unescaped(&filled(&filled(form, &[("<right>", self.right())]), known));
            let (status, answer) = client.call(self.operation, &self.call(&text)).await;
            let got = if status == 200 { "ok".to_owned() } else { told(&answer) };
            let kind = text.split(':').nth(5).unwrap_or_default();
            let expected = filled(expected, &[("<text>", &text), ("<type>", kind)]);
            if got != expected || !matches!(status, 200 | 400) {
                wrong.push_str(&format!("{} {} {name}: {status}\n  {got}\n", self.operation, self.body));
            }
            if self.is_modelled(&answer, status) == note.contains(NOT_MODELLED) {
                wrong.push_str(&format!("{} {name}: modelled or not? {got}\n", self.operation));
            }
        }
        assert!(left.is_empty(), "{} {}: nothing about {:?}", self.operation, self.body, left.keys());
    }

    /// Whether an error is one that the service model has for the operation, or of the kind that all operations have.
    fn is_modelled(&self, answer: &Value, status: u16) -> bool {
        let code = told(answer).split(':').next().unwrap_or_default().to_owned();
        let operation = Operation::find(self.operation).unwrap();
        status == 200 || code == "ValidationException" || operation.errors().any(|known| known == code)
    }
}

fn filled(text: &str, names: &[(&str, &str)]) -> String {
    names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
}

/// `\u{0}` and so on as the characters they stand for, `a*80` as so many, `""` as nothing.
fn unescaped(text: &str) -> String {
    if text == "\"\"" {
        return String::new();
    }
    if let Some((letter, count)) = text.rsplit_once('*').and_then(|(text, count)| Some((text, count.parse().ok()?))) {
        return letter.chars().next_back().map_or(String::new(), |last| {
            let head = letter.len() - last.len_utf8();
            format!("{}{}", &letter[..head], last.to_string().repeat(count))
        });
    }
    let mut parts = text.split("\\u{");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, rest) = part.split_once('}').unwrap();
        out.push(char::from_u32(u32::from_str_radix(code, 16).unwrap()).unwrap());
        out.push_str(rest);
    }
    out
}

/// One of everything: the machine `m` that fails, with version and alias, and its execution; an Express machine; an
/// activity for which a task waits; the Map Runs of `d` and `dx`. Gives what their ARNs are that cannot be foretold.
async fn fill(server: &Server, client: &mut Client) -> BTreeMap<&'static str, String> {
    let machine = |name: &str, more: &str, definition: &str| {
        let definition = Value::from(definition).to_json();
        format!(r#"{{"name":"{name}","roleArn":"arn:aws:iam::123456789012:role/r","definition":{definition}{more}}}"#)
    };
    client.ok("CreateActivity", r#"{"name":"a"}"#).await;
    let task =
        format!(r#"{{"StartAt":"T","States":{{"T":{{"Type":"Task","Resource":"{HEAD}:activity:a","End":true}}}}}}"#);
    let map = |kind: &str| {
        format!(
            r#"{{"StartAt":"M","States":{{"M":{{"Type":"Map","Label":"L","End":true,"ItemProcessor":{{
                "ProcessorConfig":{{"Mode":"DISTRIBUTED","ExecutionType":"{kind}"}},"StartAt":"P","States":{{"P":{{"Type":"Succeed"}}}}}}}}}}}}"#
        )
    };
    let fails = r#"{"StartAt":"F","States":{"F":{"Type":"Fail"}}}"#;
    for (name, more, definition) in [
        ("m", r#","publish":true"#, fails),
        ("x", r#","type":"EXPRESS""#, fails),
        ("w", "", &*task),
        ("d", "", &map("STANDARD")),
        ("dx", "", &map("EXPRESS")),
    ] {
        client.ok("CreateStateMachine", &machine(name, more, definition)).await;
    }
    let route = format!(r#"[{{"stateMachineVersionArn":"{HEAD}:stateMachine:m:1","weight":100}}]"#);
    client.ok("CreateStateMachineAlias", &format!(r#"{{"name":"PROD","routingConfiguration":{route}}}"#)).await;
    let mut known = BTreeMap::from([("A:", format!("{HEAD}:"))]);
    for (name, run, child) in
        [("m", "", ""), ("w", "", ""), ("d", "<mapRun>", "<child>"), ("dx", "<run>", "<expressChild>")]
    {
        let body = format!(r#"{{"stateMachineArn":"{HEAD}:stateMachine:{name}","name":"e","input":"[1]"}}"#);
        client.ok("StartExecution", &body).await;
        let arn = format!("{HEAD}:execution:{name}:e");
        if name != "w" {
            server.ended(&arn).await;
        }
        if !run.is_empty() {
            let text = |list: &Value, of: &str, member: &str| {
                let first = &list.get(of).and_then(Value::as_array).unwrap()[0];
                first.get(member).and_then(Value::as_str).unwrap().to_owned()
            };
            let runs = client.ok("ListMapRuns", &format!(r#"{{"executionArn":"{arn}"}}"#)).await;
            known.insert(run, text(&runs, "mapRuns", "mapRunArn"));
            let children = client.ok("ListExecutions", &format!(r#"{{"mapRunArn":"{}"}}"#, known[run])).await;
            known.insert(child, text(&children, "executions", "executionArn"));
        }
    }
    known
}

/// Checks all sections of a file, each on a server of its own.
#[track_caller]
fn check(text: &'static str) {
    let (forms, sections) = read(text);
    let mut wrong = String::new();
    for section in &sections {
        on_a_server(async |server| {
            let mut client = server.client().await;
            let known = fill(server, &mut client).await;
            let known: Vec<(&str, &str)> = known.iter().map(|(name, value)| (*name, &**value)).collect();
            section.check(&mut client, &forms, &known, &mut wrong).await;
        });
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn arns() {
    check(ARNS);
}

#[test]
fn names() {
    check(NAMES);
}

/// No parameter that takes an ARN or a name of the caller's choice is left out.
#[test]
fn every_parameter_is_there() {
    let sections: Vec<Section> = [ARNS, NAMES].into_iter().flat_map(|text| read(text).1).collect();
    for operation in Operation::all() {
        for member in operation.input_members().filter(|member| member.ends_with("Arn") || *member == "name") {
            let place = format!("\"{member}\":\"<text>\"");
            let found = sections.iter().any(|it| it.operation == operation.name() && it.body.contains(&place));
            assert!(found, "{} {member}", operation.name());
        }
    }
}
