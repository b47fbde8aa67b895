//! The servers: dev and serve, what they refuse, what survives, and the commands that talk to them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop where it stands")]

mod support;

use std::path::Path;

use stepwell_value::Value;
use support::{Running, Server, examples, run, stepwell, text, until};

const PASS: &str = r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": 1, "End": true}}}"#;
const OTHER: &str = r#"{"StartAt": "B", "States": {"B": {"Type": "Pass", "Result": 2, "End": true}}}"#;
const WAIT: &str = r#"{"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 3600, "End": true}}}"#;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    files.iter().for_each(|(name, text)| std::fs::write(folder.path().join(name), text).unwrap());
    folder
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn names(list: &Value, member: &str) -> Vec<String> {
    list.get(member).and_then(Value::as_array).unwrap().iter().map(|one| text(one, "name").to_owned()).collect()
}

#[test]
fn dev_deploys_the_examples_and_runs_them() {
    let server = Server::start(&["dev", &shown(&examples()), "--ephemeral"]);
    for part in ["export AWS_ENDPOINT_URL_SFN=", "export AWS_ACCESS_KEY_ID=test", "unset AWS_PROFILE", "charge-payment"]
    {
        assert!(server.process.said().contains(part), "{part}: {}", server.process.said());
    }
    let mut machines = names(&server.json(&["sm", "list"]), "stateMachines");
    machines.sort();
    assert_eq!(
        machines,
        ["expense-approval", "file-pipeline", "invoice-batch", "nightly-backup", "order-processing", "risk-checks"]
    );
    let input = format!("@{}", shown(&examples().join("file-pipeline/inputs/csv.json")));
    let done = server.run(&["exec", "start", "file-pipeline", "--input", &input, "--wait"]).code(0);
    assert!(Value::parse(&done.out).unwrap().as_object().is_some(), "{done:?}");
    let listed = server.json(&["exec", "list", "file-pipeline"]);
    let execution = &listed.get("executions").and_then(Value::as_array).unwrap()[0];
    assert_eq!(text(execution, "status"), "SUCCEEDED");
    let described = server.json(&["exec", "describe", text(execution, "executionArn")]);
    assert_eq!(Value::parse(text(&described, "output")).unwrap(), Value::parse(&done.out).unwrap());
    server.stop();
}

#[test]
fn dev_follows_changes_and_keeps_the_old_one_when_the_new_is_broken() {
    let folder = folder(&[("one.asl.json", PASS)]);
    let mut server = Server::start(&["dev", &shown(folder.path()), "--ephemeral"]);
    let definition =
        |server: &Server, name: &str| text(&server.json(&["sm", "describe", name]), "definition").to_owned();
    assert_eq!(definition(&server, "one"), PASS);
    std::fs::write(folder.path().join("one.asl.json"), OTHER).unwrap();
    until("the update", || (definition(&server, "one") == OTHER).then_some(()));
    std::fs::write(folder.path().join("one.asl.json"), "{\"StartAt\": 5}").unwrap();
    server.process.wait_for("one.asl.json:1:");
    assert_eq!(definition(&server, "one"), OTHER);
    std::fs::create_dir(folder.path().join("below")).unwrap();
    std::fs::write(folder.path().join("below/two.asl.yaml"), "StartAt: A\nStates:\n  A: {Type: Succeed}\n").unwrap();
    server.process.wait_for("two");
    until("the second machine", || {
        names(&server.json(&["sm", "list"]), "stateMachines").contains(&"two".to_owned()).then_some(())
    });
    std::fs::write(folder.path().join("quick.asl.json"), PASS).unwrap();
    server.process.wait_for("quick");
    server.stop();
}

#[test]
fn functions_run_when_all_paths_are_relative() {
    let folder = folder(&[]);
    let task = r#"{"StartAt": "A", "States": {"A": {"Type": "Task", "TimeoutSeconds": 30, "Resource": "arn:aws:lambda:us-east-1:123456789012:function:NAME", "End": true}}}"#;
    std::fs::create_dir_all(folder.path().join("app/functions/py")).unwrap();
    std::fs::create_dir_all(folder.path().join("app/functions/js")).unwrap();
    for name in ["py", "js"] {
        std::fs::write(folder.path().join(format!("app/{name}.asl.json")), task.replace("NAME", name)).unwrap();
    }
    let python = "import os\ndef handler(event, context):\n    return os.environ['AWS_ENDPOINT_URL_SFN']\n";
    std::fs::write(folder.path().join("app/functions/py/app.py"), python).unwrap();
    let node = "export const handler = async (event) => event.x + 1;\n";
    std::fs::write(folder.path().join("app/functions/js/index.mjs"), node).unwrap();
    let server = Server::start_in(folder.path(), &["dev", "app"]);
    let done = server.run(&["exec", "start", "py", "--wait"]).code(0);
    assert_eq!(done.out.trim(), format!("\"{}\"", server.url));
    assert_eq!(server.run(&["exec", "start", "js", "--input", "{\"x\": 1}", "--wait"]).code(0).out.trim(), "2");
    assert!(folder.path().join("app/.stepwell/logs/py.log").is_file());
    server.stop();
}

#[test]
fn the_type_comes_from_the_configuration() {
    let folder = folder(&[("quick.asl.json", PASS), ("stepwell.toml", "[state_machines.quick]\ntype = \"EXPRESS\"\n")]);
    let server = Server::start(&["dev", &shown(folder.path()), "--ephemeral"]);
    assert_eq!(text(&server.json(&["sm", "describe", "quick"]), "type"), "EXPRESS");
    let done = server.run(&["exec", "start", "quick", "--wait"]).code(0).says(&["SUCCEEDED"]);
    assert_eq!(done.out.trim(), "1");
    server.stop();
}

#[test]
fn a_restart_keeps_everything() {
    let folder = folder(&[("one.asl.json", PASS), ("wait.asl.json", WAIT)]);
    let directory = shown(folder.path());
    let server = Server::start(&["dev", &directory]);
    server.run(&["exec", "start", "one", "--name", "first", "--wait"]).code(0);
    server.run(&["exec", "start", "wait", "--name", "long"]).code(0);
    server.stop();
    assert!(folder.path().join(".stepwell/stepwell.db").is_file());
    let server = Server::start(&["dev", &directory]);
    assert!(server.process.said().contains("unchanged one"), "{}", server.process.said());
    let first = server.json(&["exec", "describe", "one:first"]);
    assert_eq!((text(&first, "status"), text(&first, "output")), ("SUCCEEDED", "1"));
    let long = server.json(&["exec", "describe", "wait:long"]);
    assert_eq!(text(&long, "status"), "RUNNING");
    server.run(&["exec", "stop", "wait:long", "--error", "Enough"]).code(0);
    server.run(&["exec", "watch", "wait:long"]).code(1).says(&["ABORTED Enough"]);
    server.stop();
}

#[test]
fn a_nested_execution_is_stopped_with_its_parent_and_not_with_the_server() {
    let parent = r#"{"StartAt": "N", "States": {"N": {"Type": "Task", "End": true,
        "Resource": "arn:aws:states:::states:startExecution.sync:2", "Parameters": {"Name.$": "$.name",
        "StateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:wait"}}}}"#;
    let folder = folder(&[("parent.asl.json", parent), ("wait.asl.json", WAIT)]);
    let directory = shown(folder.path());
    let status = |server: &Server, name: &str| {
        let listed = server.json(&["exec", "list", "wait"]);
        let all = listed.get("executions").and_then(Value::as_array).unwrap().to_vec();
        all.iter().find(|one| text(one, "name") == name).map(|one| text(one, "status").to_owned())
    };
    let server = Server::start(&["dev", &directory]);
    for name in ["a", "b"] {
        let input = format!("{{\"name\": \"{name}\"}}");
        server.run(&["exec", "start", "parent", "--name", name, "--input", &input]).code(0);
        until("the nested start", || (status(&server, name)? == "RUNNING").then_some(()));
        let submitted = || server.run(&["exec", "history", &format!("parent:{name}")]).out.contains("TaskSubmitted");
        until("the submission", || submitted().then_some(()));
    }
    server.run(&["exec", "stop", "parent:a"]).code(0);
    until("the nested stop", || (status(&server, "a")? == "ABORTED").then_some(()));
    assert_eq!(status(&server, "b").as_deref(), Some("RUNNING"));
    server.stop();
    let server = Server::start(&["dev", &directory]);
    assert_eq!(status(&server, "b").as_deref(), Some("RUNNING"), "the server's end gives no task up");
    server.run(&["exec", "stop", "parent:b"]).code(0);
    until("the nested stop after a restart", || (status(&server, "b")? == "ABORTED").then_some(()));
    server.stop();
}

#[test]
fn an_execution_is_forked_and_the_fork_survives_a_restart() {
    let broken = r#"{"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 0, "Next": "B"}, "B": {"Type": "Fail", "Error": "E"}}}"#;
    let mended =
        "StartAt: A\nStates:\n  A: {Type: Wait, Seconds: 0, Next: B}\n  B: {Type: Wait, Seconds: 2, End: true}\n";
    let folder = folder(&[("one.asl.json", broken)]);
    let directory = shown(folder.path());
    let file = folder.path().join("mended.yaml");
    std::fs::write(&file, mended).unwrap();
    let server = Server::start(&["dev", &directory]);
    server.run(&["exec", "start", "one", "--name", "first", "--wait"]).code(1);
    server
        .run(&["exec", "fork", "one:first", "--event", "99"])
        .code(1)
        .says(&["the execution has no event of this id"]);
    let fork = ["exec", "fork", "one:first", "--event", "5", "--name", "second", "--input", "{\"x\": 1}"];
    server.run(&[&fork[..], &["--definition", &shown(&file)]].concat()).code(0);
    server.stop();
    let server = Server::start(&["dev", &directory]);
    let done = server.run(&["exec", "watch", "one:second"]).code(0);
    assert_eq!(Value::parse(&done.out).unwrap().to_json(), r#"{"x":1}"#);
    server.stop();
}

#[test]
fn a_call_that_a_stop_cuts_off_is_made_again() {
    let task = r#"{"StartAt": "A", "States": {"A": {"Type": "Task", "TimeoutSeconds": 300, "Resource": "arn:aws:lambda:us-east-1:123456789012:function:slow", "End": true}}}"#;
    let folder = folder(&[("job.asl.json", task)]);
    let code = folder.path().join("functions/slow");
    std::fs::create_dir_all(&code).unwrap();
    let marker = folder.path().join("called");
    let function = format!(
        "import os, time\nMARKER = {:?}\ndef handler(event, context):\n    if os.path.exists(MARKER):\n        return 'again'\n    open(MARKER, 'w').close()\n    time.sleep(50)\n",
        shown(&marker)
    );
    std::fs::write(code.join("app.py"), function).unwrap();
    let directory = shown(folder.path());
    let server = Server::start(&["dev", &directory]);
    server.run(&["exec", "start", "job", "--name", "one"]).code(0);
    until("the call", || marker.exists().then_some(()));
    server.stop();
    let server = Server::start(&["dev", &directory]);
    assert_eq!(server.run(&["exec", "watch", "job:one"]).code(0).out.trim(), "\"again\"");
    let history = server.run(&["exec", "history", "job:one"]).code(0).out;
    assert!(!history.contains("Failed"), "{history}");
    server.stop();
}

#[test]
fn dev_refuses_what_it_cannot_do() {
    let folder = folder(&[]);
    let directory = shown(folder.path());
    run(&["dev", &directory, "--listen", "0.0.0.0:0"]).code(2).says(&["loopback addresses only", "stepwell serve"]);
    run(&["dev", &directory, "--listen", "here"]).code(2).says(&["`here` is no address to listen on"]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let port = format!("port {} on 127.0.0.1 is in use", taken.local_addr().unwrap().port());
    run(&["dev", &directory, "--listen", &address]).code(1).says(&[&port, "--listen 127.0.0.1:"]);
    let server = Server::start(&["dev", &directory]);
    run(&["dev", &directory, "--listen", "127.0.0.1:0"])
        .code(1)
        .says(&[".stepwell` is in use by another process", "choose another data folder"]);
    server.stop();
    std::fs::write(folder.path().join("stepwell.toml"), "[server]\nlisen = 1\n").unwrap();
    run(&["dev", &directory]).code(2).says(&["stepwell.toml", "line 2", "unknown field `lisen`"]);
    std::fs::write(folder.path().join("stepwell.toml"), "[functions.a]\nruntim = \"x\"\n").unwrap();
    run(&["dev", &directory, "--listen", "127.0.0.1:0"]).code(2).says(&["stepwell.toml", "`functions.a.runtim`"]);
}

#[test]
fn data_that_cannot_be_used_is_named() {
    let folder = folder(&[]);
    let data = shown(&folder.path().join("data"));
    let directory = shown(folder.path());
    Server::start(&["dev", &directory, "--data", &data]).stop();
    // SQLite keeps the version of the tables at byte 60 of the file.
    let database = folder.path().join("data/stepwell.db");
    let mut bytes = std::fs::read(&database).unwrap();
    bytes[60..64].copy_from_slice(&99_u32.to_be_bytes());
    std::fs::write(&database, bytes).unwrap();
    let listen = ["--listen", "127.0.0.1:0"];
    run(&[&["dev", &directory, "--data", &data], &listen[..]].concat())
        .code(1)
        .says(&["was written by a newer version", "format 99"]);
    std::fs::write(folder.path().join("file"), "x").unwrap();
    let below_file = shown(&folder.path().join("file/data"));
    run(&[&["dev", &directory, "--data", &below_file], &listen[..]].concat()).code(1).says(&[
        "data folder",
        "file/data",
        "choose another",
    ]);
}

#[test]
fn serve_wants_keys() {
    let folder = folder(&[
        ("keys.toml", "[keys.AKID]\nsecret = \"s3cret\"\naccount = \"111122223333\"\n"),
        ("one.asl.json", PASS),
    ]);
    let (data, config) = (shown(&folder.path().join("data")), shown(&folder.path().join("keys.toml")));
    run(&["serve", "--data", &data, "--listen", "127.0.0.1:0"])
        .code(2)
        .says(&["no keys are configured", "[keys.ACCESS_KEY_ID]"]);
    run(&["serve", "--config", &config, "--listen", "127.0.0.1:0"]).code(2).says(&["no data folder is given"]);
    run(&["serve", "--data", &data, "--listen", "0.0.0.0:0", "--insecure-any-credentials"])
        .code(2)
        .says(&["loopback addresses only"]);
    let checked = run(&["serve", "--data", &data, "--config", &config, "--check-config"]).code(0);
    assert!(checked.out.contains("AKID (111122223333)") && !checked.out.contains("s3cret"), "{checked:?}");
    let server = Server::start(&["serve", "--data", &data, "--config", &config]);
    server.run(&["sm", "list"]).code(1).says(&["UnrecognizedClientException"]);
    let with_key = |secret: &str, arguments: &[&str]| {
        let mut command = stepwell(&[arguments, &["--endpoint", &server.url]].concat());
        command.env("AWS_ACCESS_KEY_ID", "AKID").env("AWS_SECRET_ACCESS_KEY", secret).env("AWS_REGION", "eu-west-1");
        command.output().unwrap()
    };
    assert_eq!(with_key("wrong", &["sm", "list"]).status.code(), Some(1));
    let file = shown(&folder.path().join("one.asl.json"));
    let created = with_key("s3cret", &["sm", "create", &file]);
    let arn = String::from_utf8(created.stdout).unwrap();
    assert_eq!(arn.trim(), "arn:aws:states:eu-west-1:111122223333:stateMachine:one");
    let started = with_key("s3cret", &["exec", "start", "one", "--wait"]);
    assert_eq!(started.status.code(), Some(0));
    server.stop();
}

#[test]
fn serve_without_keys_on_loopback() {
    let folder = folder(&[]);
    let data = shown(&folder.path().join("data"));
    let server = Server::start(&["serve", "--data", &data, "--insecure-any-credentials"]);
    assert_eq!(names(&server.json(&["sm", "list"]), "stateMachines"), [""; 0]);
    server.stop();
}

#[test]
fn the_daily_loop() {
    let files = [("one.asl.json", PASS), ("wait.asl.json", WAIT)];
    let folder = folder(&files);
    let empty = tempfile::tempdir().unwrap();
    let server = Server::start(&["dev", &shown(empty.path()), "--ephemeral"]);
    let file = |name: &str| shown(&folder.path().join(name));
    server.run(&["sm", "create", &file("one.asl.json"), "--name", "order"]).code(0);
    assert!(server.run(&["sm", "list"]).code(0).out.contains("order  STANDARD"));
    server
        .run(&["exec", "start", "ordre"])
        .code(1)
        .says(&["there is no state machine `ordre`", "did you mean `order`?"]);
    let started = server.run(&["exec", "start", "order", "--name", "a", "--input", "{\"x\":1}"]).code(0);
    assert_eq!(started.out.trim(), "arn:aws:states:us-east-1:123456789012:execution:order:a");
    server.run(&["exec", "watch", "order:a"]).code(0).says(&["entered  A (Pass)", "SUCCEEDED"]);
    let history = server.run(&["exec", "history", "order:a"]).code(0).out;
    assert!(history.contains("PassStateEntered") && history.contains("ExecutionSucceeded"), "{history}");
    let events = server.json(&["exec", "history", "order:a", "--reverse", "--limit", "1"]);
    assert_eq!(text(&events.get("events").and_then(Value::as_array).unwrap()[0], "type"), "ExecutionSucceeded");
    let described = server.run(&["exec", "describe", "order:a"]).code(0).out;
    assert!(described.contains("status") && described.contains("SUCCEEDED"), "{described}");
    server.run(&["exec", "describe", "order:none"]).code(1).says(&["ExecutionDoesNotExist"]);
    server.run(&["sm", "update", "order", &file("wait.asl.json")]).code(0);
    server.run(&["exec", "start", "order", "--name", "b"]).code(0);
    let running = server.json(&["exec", "list", "order", "--status", "running"]);
    assert_eq!(names(&running, "executions"), ["b"]);
    server.run(&["exec", "stop", "order:b"]).code(0);
    server.run(&["sm", "delete", "order"]).code(0);
    assert_eq!(server.run(&["activity", "list", "--output", "json"]).code(0).json().to_json(), "{\"activities\":[]}");
    server.run(&["task", "success", "nonsense"]).code(1).says(&["InvalidToken"]);
    server.stop();
}

#[test]
fn a_worker_takes_tasks_and_answers_them() {
    let task = r#"{"StartAt": "A", "States": {"A": {"Type": "Task", "TimeoutSeconds": 60, "Resource": "arn:aws:states:us-east-1:123456789012:activity:work", "End": true}}}"#;
    let folder = folder(&[("job.asl.json", task)]);
    let server = Server::start(&["dev", &shown(folder.path()), "--ephemeral"]);
    server.run(&["activity", "poll", "work"]).code(1).says(&["there is no activity `work`"]);
    server.run(&["activity", "create", "work"]).code(0);
    let token = |server: &Server| {
        let taken = server.json(&["activity", "poll", "work", "--worker", "me"]);
        assert_eq!(text(&taken, "input"), "{\"n\":1}");
        text(&taken, "taskToken").to_owned()
    };
    let start = |name: &str| server.run(&["exec", "start", "job", "--name", name, "--input", "{\"n\":1}"]).code(0);
    start("good");
    let good = token(&server);
    server.run(&["task", "heartbeat", &good]).code(0);
    server.run(&["task", "success", &good, "--result", "[7]"]).code(0).says(&["taken"]);
    assert_eq!(server.run(&["exec", "watch", "job:good"]).code(0).out.trim(), "[7]");
    start("bad");
    let bad = token(&server);
    server.run(&["task", "failure", &bad, "--error", "Tired", "--cause", "late"]).code(0);
    server.run(&["exec", "watch", "job:bad"]).code(1).says(&["failed   A  Tired: late", "FAILED Tired: late"]);
    server.run(&["task", "success", &bad]).code(1).says(&["TaskTimedOut"]);
    // A worker that waits does not keep the server from stopping.
    let poll = Running::start(stepwell(&["activity", "poll", "work", "--endpoint", &server.url]));
    server.stop();
    drop(poll);
}
