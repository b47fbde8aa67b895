//! The commands that need no server: validate, run, env, doctor, completions; wrong usage.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop where it stands")]

mod support;

use stepwell_value::Value;
use support::{Running, examples, run, stepwell, text};

const PASS: &str = r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": [1,  2], "End": true}}}"#;
const FAIL: &str = r#"{"StartAt": "A", "States": {"A": {"Type": "Fail", "Error": "Broken", "Cause": "by design"}}}"#;
const BROKEN: &str =
    "{\n  \"StartAt\": \"A\",\n  \"States\": {\n    \"A\": {\"Type\": \"Pass\", \"Edn\": true, \"End\": true}\n  }\n}";

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    files.iter().for_each(|(name, text)| std::fs::write(folder.path().join(name), text).unwrap());
    folder
}

fn at(folder: &tempfile::TempDir, name: &str) -> String {
    folder.path().join(name).display().to_string()
}

fn example(path: &str) -> String {
    examples().join(path).display().to_string()
}

#[test]
fn validate_shows_where() {
    let folder = folder(&[
        ("good.asl.json", PASS),
        ("bad.asl.json", BROKEN),
        ("bad.asl.yaml", "StartAt: A\nStates:\n  A:\n    Type: Pass\n    Edn: true\n    End: true\n"),
    ]);
    run(&["validate", &at(&folder, "good.asl.json")]).code(0).says(&["good.asl.json: valid"]);
    let human = run(&["validate", &at(&folder, "good.asl.json"), &at(&folder, "bad.asl.json")])
        .code(3)
        .says(&["1 error, 0 warnings"]);
    for part in [
        "error[SCHEMA_VALIDATION_FAILED]: Field 'Edn' is not supported",
        "bad.asl.json:4:27",
        "^^^^^",
        "did you mean `End`?",
    ] {
        assert!(human.out.contains(part), "{human:?}");
    }
    let yaml = run(&["validate", &at(&folder, "bad.asl.yaml")]).code(3);
    assert!(yaml.out.contains("bad.asl.yaml:5:5"), "{yaml:?}");
    let json = run(&["validate", "--format", "json", &at(&folder, "bad.asl.json")]).code(3).json();
    let finding = &json.as_array().unwrap()[0];
    assert_eq!(
        [text(finding, "code"), text(finding, "severity"), text(finding, "location")],
        ["SCHEMA_VALIDATION_FAILED", "error", "/States/A"]
    );
    assert_eq!(
        ["line", "column", "endColumn"].map(|name| finding.get(name).and_then(Value::as_i64)),
        [Some(4), Some(27), Some(32)]
    );
    let json = run(&["validate", "--format", "json", &at(&folder, "good.asl.json")]).code(0);
    assert_eq!(json.out.trim(), "[]");
    run(&["validate", &at(&folder, "missing.json")]).code(2).says(&["cannot read", "missing.json"]);
}

#[test]
fn strict_counts_warnings_and_express_refuses_callbacks() {
    let warned = r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}, "B": {"Type": "Succeed"}}}"#;
    let waits = r#"{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken", "TimeoutSeconds": 5, "Parameters": {"FunctionName": "f", "Payload": {"t.$": "$$.Task.Token"}}, "End": true}}}"#;
    let folder = folder(&[("warned.json", warned), ("waits.json", waits)]);
    let plain = run(&["validate", &at(&folder, "warned.json")]);
    let strict = run(&["validate", "--strict", &at(&folder, "warned.json")]);
    assert_eq!(strict.code, if plain.out.is_empty() { 0 } else { 3 }, "{plain:?} {strict:?}");
    run(&["validate", &at(&folder, "waits.json")]).code(0);
    run(&["validate", "--express", &at(&folder, "waits.json")]).code(3);
}

#[test]
fn all_examples_are_valid() {
    for name in
        ["order-processing", "nightly-backup", "risk-checks", "file-pipeline", "expense-approval", "invoice-batch"]
    {
        run(&["validate", &example(&format!("{name}/{name}.asl.json"))]).code(0);
    }
}

#[test]
fn run_gives_output_and_exit_code() {
    let folder = folder(&[("pass.asl.json", PASS), ("fail.asl.json", FAIL), ("bad.asl.json", BROKEN)]);
    let done =
        run(&["run", &at(&folder, "pass.asl.json")]).code(0).says(&["entered  A (Pass)", "exited   A", "SUCCEEDED"]);
    assert_eq!(Value::parse(&done.out).unwrap().to_json(), "[1,2]");
    let quiet = run(&["run", "-q", &at(&folder, "pass.asl.json")]).code(0);
    assert_eq!(quiet.err, "");
    let failed = run(&["run", &at(&folder, "fail.asl.json")]).code(1).says(&["FAILED Broken: by design"]);
    assert_eq!(failed.out, "");
    run(&["run", &at(&folder, "bad.asl.json")]).code(3).says(&["is not valid", "bad.asl.json:4:27"]);
    run(&["run", &at(&folder, "pass.asl.json"), "--input", "{a"]).code(2).says(&["the JSON given is no JSON: 1:2"]);
    run(&["run", "--express", &at(&folder, "pass.asl.json")]).code(0).says(&["SUCCEEDED"]);
    run(&["run", "--express", &at(&folder, "fail.asl.json")]).code(1).says(&["FAILED Broken: by design"]);
}

#[test]
fn run_calls_the_functions_of_an_example() {
    let file = example("file-pipeline/file-pipeline.asl.json");
    let input = format!("@{}", example("file-pipeline/inputs/csv.json"));
    let done = run(&["run", &file, "--input", &input]).code(0).says(&["entered  ", "(Task)", "SUCCEEDED"]);
    assert!(Value::parse(&done.out).unwrap().as_object().is_some(), "{done:?}");
    let input = format!("@{}", example("file-pipeline/inputs/unknown-type.json"));
    run(&["run", &file, "--input", &input]).code(1).says(&["FAILED "]);
}

#[test]
fn a_function_calls_the_api_of_its_run() {
    let machine = r#"{"StartAt": "A", "States": {"A": {"Type": "Task", "TimeoutSeconds": 60, "End": true,
        "Resource": "arn:aws:lambda:us-east-1:123456789012:function:lists"}}}"#;
    let function = "
import json, os, urllib.request
def handler(event, context):
    headers = {'X-Amz-Target': 'AWSStepFunctions.ListStateMachines', 'Content-Type': 'application/x-amz-json-1.0'}
    answer = urllib.request.urlopen(urllib.request.Request(os.environ['AWS_ENDPOINT_URL_SFN'], b'{}', headers))
    return [machine['name'] for machine in json.load(answer)['stateMachines']]
";
    let folder = folder(&[("m.asl.json", machine)]);
    std::fs::create_dir_all(folder.path().join("functions/lists")).unwrap();
    std::fs::write(folder.path().join("functions/lists/app.py"), function).unwrap();
    let done = run(&["run", &at(&folder, "m.asl.json")]).code(0);
    assert_eq!(Value::parse(&done.out).unwrap().to_json(), "[\"m\"]");
}

#[test]
fn an_interrupted_run_stops_its_execution() {
    let wait = r#"{"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 3600, "End": true}}}"#;
    let folder = folder(&[("wait.asl.json", wait)]);
    let mut process = Running::start(stepwell(&["run", &at(&folder, "wait.asl.json")]));
    process.wait_for("entered  A (Wait)");
    process.signal("INT");
    process.wait_for("ABORTED Interrupted: stopped by a signal");
    assert_eq!(process.end(), 1);
}

#[test]
fn variables_completions_version() {
    let variables = run(&["env", "--endpoint", "http://127.0.0.1:9"]).code(0).out;
    for line in [
        "export AWS_ENDPOINT_URL_SFN=http://127.0.0.1:9",
        "export AWS_ACCESS_KEY_ID=test",
        "export AWS_REGION=us-east-1",
        "unset AWS_PROFILE",
    ] {
        assert!(variables.lines().any(|one| one == line), "{variables}");
    }
    assert!(run(&["env", "--shell", "fish"]).code(0).out.contains("set -gx AWS_REGION us-east-1"));
    assert!(run(&["completions", "bash"]).code(0).out.contains("_stepwell"));
    assert_eq!(run(&["--version"]).code(0).out.trim(), format!("stepwell {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn doctor_looks_at_everything() {
    let folder = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", port.local_addr().unwrap());
    let data = folder.path().display().to_string();
    // The port is taken by something that never answers: connections wait in its queue, so it is closed first.
    drop(port);
    let found = run(&["doctor", "--data", &data, "--endpoint", &endpoint, "--output", "json"]).json();
    let whats: Vec<&str> = found.as_array().unwrap().iter().map(|one| text(one, "what")).collect();
    assert_eq!(whats, ["version", "server", "data folder", "python3", "node", "sync- host", "clock"]);
    let server = &found.as_array().unwrap()[1];
    assert_eq!((text(server, "grade"), text(server, "advice")), ("warning", "start one: stepwell dev"));
}

#[test]
fn wrong_usage_is_explained() {
    run(&["validte", "x"]).code(2).says(&["validate"]);
    run(&["dev", "--lisen", "x"]).code(2).says(&["--listen"]);
    run(&["dev", "/no/such/folder"]).code(2).says(&["is no folder"]);
    run(&["sm", "list", "--endpoint", "ftp://x"]).code(2).says(&["does not begin with http://"]);
    run(&["sm", "list", "--endpoint", "http://127.0.0.1:1"])
        .code(4)
        .says(&["no server answers at http://127.0.0.1:1", "stepwell dev"]);
}
