//! What guards the data: backup and restore beside a server at work, verification, the start check of the log.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop where it stands")]

mod support;

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use support::http::{call, must};
use support::{Server, run, until};

const SCOPE: &str = "arn:aws:states:us-east-1:123456789012";
const ROLE: &str = "arn:aws:iam::123456789012:role/test";

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn port(server: &Server) -> u16 {
    server.url.rsplit_once(':').unwrap().1.parse().unwrap()
}

/// `stepwell dev` on a data folder, without definitions.
fn dev(folder: &Path, data: &str) -> Server {
    Server::start(&["dev", &shown(folder), "--data", &shown(&folder.join(data))])
}

fn machine(name: &str) -> String {
    format!("{SCOPE}:stateMachine:{name}")
}

fn make_machines(port: u16) {
    must(port, "CreateActivity", &json!({"name": "ask"}));
    let states = [
        ("passes", json!({"Type": "Pass", "End": true})),
        ("waits", json!({"Type": "Wait", "Seconds": 2, "End": true})),
        ("asks", json!({"Type": "Task", "Resource": format!("{SCOPE}:activity:ask"), "End": true})),
    ];
    for (name, state) in states {
        let definition = json!({"StartAt": "A", "States": {"A": state}}).to_string();
        must(port, "CreateStateMachine", &json!({"name": name, "definition": definition, "roleArn": ROLE}));
    }
}

fn start(port: u16, name: &str, request: &Value) -> String {
    let mut request = request.clone();
    request["stateMachineArn"] = json!(machine(name));
    must(port, "StartExecution", &request)["executionArn"].as_str().unwrap().to_owned()
}

fn status(port: u16, arn: &str) -> String {
    must(port, "DescribeExecution", &json!({"executionArn": arn}))["status"].as_str().unwrap().to_owned()
}

fn take_task(port: u16) -> String {
    let request = json!({"activityArn": format!("{SCOPE}:activity:ask")});
    must(port, "GetActivityTask", &request)["taskToken"].as_str().unwrap().to_owned()
}

fn answer(port: u16, token: &str) {
    must(port, "SendTaskSuccess", &json!({"taskToken": token, "output": "1"}));
}

/// Starts executions until told to stop; notes what was acknowledged.
fn load(port: u16, stop: &AtomicBool, acknowledged: &Mutex<Vec<String>>) {
    for (number, name) in ["passes", "waits", "asks"].into_iter().cycle().enumerate() {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let arn = start(port, name, &json!({"input": format!("{{\"n\":{number}}}")}));
        acknowledged.lock().unwrap().push(arn);
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A backup made in the middle of load; gives what was acknowledged before it began.
fn backup_under_load(port: u16, data: &Path, file: &Path) -> Vec<String> {
    let (stop, acknowledged) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    let mut before = Vec::new();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| load(port, &stop, &acknowledged));
        }
        until("load", || (acknowledged.lock().unwrap().len() > 60).then_some(()));
        before = acknowledged.lock().unwrap().clone();
        let made = run(&["backup", "--data", &shown(data), "--to", &shown(file)]);
        stop.store(true, Ordering::Relaxed);
        assert_eq!(made.code(0).says(&["executions", "open executions", "secret"]).out.trim(), shown(file));
    });
    assert!(acknowledged.into_inner().unwrap().len() > before.len(), "there was load while the backup was made");
    before
}

#[test]
fn a_backup_under_load_goes_on_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let (file, copy) = (folder.path().join("backup"), folder.path().join("copy"));
    let first = dev(folder.path(), "data");
    make_machines(port(&first));
    let asked = start(port(&first), "asks", &json!({"name": "asked"}));
    let token = take_task(port(&first));
    let acknowledged = backup_under_load(port(&first), &folder.path().join("data"), &file);
    let late = start(port(&first), "passes", &json!({}));

    run(&["backup", "--data", &shown(&folder.path().join("data")), "--to", &shown(&file)])
        .code(1)
        .says(&["a backup replaces nothing"]);
    run(&["restore", &shown(&file), "--data", &shown(&folder.path().join("data"))]).code(1).says(&["is not empty"]);
    run(&["restore", &shown(&file), "--data", &shown(&copy)]).code(0).says(&["restored ", "go on with the next start"]);
    let second = dev(folder.path(), "copy");
    let port = port(&second);
    answer(port, &token);
    assert_eq!(status(port, &asked), "SUCCEEDED", "a token from before is good");
    assert!(call(port, "DescribeExecution", &json!({"executionArn": late})).unwrap().is_err(), "started afterwards");
    assert_ne!(start(port, "passes", &json!({})), late, "no name is given out twice");

    let asks = acknowledged.iter().filter(|arn| arn.contains(":asks:")).count();
    for _ in 0..asks {
        answer(port, &take_task(port));
    }
    for arn in &acknowledged {
        // Tasks of executions that were started while the backup was made may have been answered instead.
        until("the end of every execution", || match status(port, arn).as_str() {
            "SUCCEEDED" => Some(()),
            "RUNNING" if arn.contains(":asks:") => {
                answer(port, &take_task(port));
                None
            }
            "RUNNING" => None,
            other => panic!("{arn}: {other}"),
        });
    }
    second.stop();
    first.stop();
}

/// Flips a bit wherever this text is in the database.
fn flip(data: &Path, text: &str) {
    let database = data.join("stepwell.db");
    let mut bytes = std::fs::read(&database).unwrap();
    let text = text.as_bytes();
    let places: Vec<usize> = (0..bytes.len() - text.len()).filter(|at| bytes[*at..].starts_with(text)).collect();
    assert!(!places.is_empty());
    places.iter().for_each(|at| bytes[*at] ^= 1);
    std::fs::write(&database, &bytes).unwrap();
}

/// What a request about a damaged execution is answered.
#[track_caller]
fn is_damaged(port: u16, operation: &str, request: &Value) {
    let error = call(port, operation, request).unwrap().unwrap_err().to_string();
    assert!(error.contains("ServiceUnavailable"), "{operation}: {error}");
    let named = error.contains("is damaged: ") && error.contains(" of execution ");
    assert!(named || operation.starts_with("SendTask"), "{operation}: {error}");
}

/// Everything the API has for an execution by its ARN and token, when it is damaged.
fn everything_says_damaged(port: u16, arn: &str, token: &str) {
    for operation in ["DescribeExecution", "GetExecutionHistory", "StopExecution"] {
        is_damaged(port, operation, &json!({"executionArn": arn}));
    }
    is_damaged(port, "SendTaskSuccess", &json!({"taskToken": token, "output": "{}"}));
    is_damaged(port, "SendTaskHeartbeat", &json!({"taskToken": token}));
    let name = arn.rsplit(':').next().unwrap();
    is_damaged(port, "StartExecution", &json!({"stateMachineArn": machine("asks"), "name": name}));
}

#[test]
fn what_is_damaged_is_quarantined() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = dev(folder.path(), "data");
    make_machines(port(&server));
    let names = ["damaged-row", "damaged-chunk", "sound", "sound-too"];
    let started = names.map(|name| {
        let arn = start(
            port(&server),
            "asks",
            &json!({"name": name, "input": json!({"of": format!("-{name}")}).to_string()}),
        );
        (arn, take_task(port(&server)))
    });
    server.stop();
    flip(&data, "damaged-row");
    flip(&data, "-damaged-chunk");
    let verify = || run(&["doctor", "--verify", "--data", &shown(&data), "--output", "json"]).code(1).out;
    let before = verify();
    assert!(before.contains("damaged"), "{before}");
    for sound in [2, 3] {
        let mut server = dev(folder.path(), "data");
        let said = server.process.said();
        for part in ["quarantined", "an execution's row of execution ", "executions=2", "stepwell doctor --verify"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        let port = port(&server);
        for (arn, token) in &started[..2] {
            everything_says_damaged(port, arn, token);
        }
        let listed = must(port, "ListExecutions", &json!({"stateMachineArn": machine("asks")}));
        assert_eq!(listed["executions"].as_array().unwrap().len(), 3, "all but the one without a row: {listed}");
        let (arn, token) = &started[sound];
        answer(port, token);
        until("the end of a sound one", || (status(port, arn) == "SUCCEEDED").then_some(()));
        start(port, "passes", &json!({}));
        server.process.signal("KILL");
        server.process.end();
    }
    let told = |report: &str| -> Vec<String> {
        let lines = report.lines().filter(|line| line.contains("damaged"));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(told(&verify()).len(), told(&before).len(), "nothing is repaired, nothing more is damaged: {before}");
}

#[test]
fn verification_finds_flipped_bytes_and_leaves_servers_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let verify = || run(&["doctor", "--verify", "--data", &shown(&data)]);
    verify().code(1).says(&["cannot read ", "stepwell.db"]);
    let server = dev(folder.path(), "data");
    make_machines(port(&server));
    for name in ["one-of-them", "the-damaged-one"] {
        start(port(&server), "asks", &json!({"name": name}));
    }
    let found = verify().code(0).out;
    assert!(found.contains("ok  open executions     2\n") && !found.contains("error"), "{found}");
    server.stop();
    flip(&data, "the-damaged-one");
    let found = verify().code(1).out;
    for part in ["2, 1 damaged", "an execution's row", "checksum", "stepwell restore FILE --data FOLDER --force"] {
        assert!(found.contains(part), "{part}: {found}");
    }
    let json = run(&["doctor", "--verify", "--data", &shown(&data), "--output", "json"]).code(1).json();
    assert!(json.as_array().is_some_and(|rows| rows.len() > 11), "{json:?}");
    run(&["backup", "--data", &shown(&data), "--to", &shown(&folder.path().join("file"))]).code(1).says(&[
        "an execution's row",
        "what could be copied is in",
        "file.damaged",
        "stepwell doctor --verify",
    ]);
}

/// Each start is a commit of its own; then the server is killed, and a byte of the log is flipped.
fn killed_and_damaged(folder: &Path) -> Vec<String> {
    let mut server = dev(folder, "data");
    make_machines(port(&server));
    let arns = (0..30).map(|number| start(port(&server), "asks", &json!({"name": format!("run-{number}")}))).collect();
    server.process.signal("KILL");
    server.process.end();
    let log = folder.join("data/stepwell.db-wal");
    let mut bytes = std::fs::read(&log).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(&log, bytes).unwrap();
    arns
}

#[test]
fn a_damaged_log_is_not_cut_off_in_silence() {
    let folder = tempfile::tempdir().unwrap();
    let arns = killed_and_damaged(folder.path());
    let data = shown(&folder.path().join("data"));
    let refusal = ["stepwell.db-wal is damaged: after ", "commits that were acknowledged", "--accept-wal-truncation"];
    let listen = ["--listen", "127.0.0.1:0", "--data", &data];
    run(&[&["dev", &shown(folder.path())], &listen[..]].concat()).code(1).says(&refusal);
    run(&[&["serve", "--insecure-any-credentials"], &listen[..]].concat()).code(1).says(&refusal);
    let found = run(&["doctor", "--verify", "--data", &data]).code(1).out;
    assert!(found.contains("commits in the log") && found.contains("there is a damaged frame"), "{found}");
    run(&["backup", "--data", &data, "--to", &shown(&folder.path().join("file"))]).code(1).says(&refusal);

    let server = Server::start(&["serve", "--insecure-any-credentials", "--data", &data, "--accept-wal-truncation"]);
    assert!(server.process.said().contains("they are given up"), "{}", server.process.said());
    let there = |arn: &String| call(port(&server), "DescribeExecution", &json!({"executionArn": arn})).unwrap().is_ok();
    let kept = arns.iter().take_while(|arn| there(arn)).count();
    assert!((1..30).contains(&kept), "{kept}");
    assert!(!arns[kept..].iter().any(there), "what is left is what was first");
    server.stop();
    assert!(folder.path().join("data/stepwell.db-wal.damaged-1").is_file(), "the log as it was is kept");
    run(&["doctor", "--verify", "--data", &data]).code(0);
    dev(folder.path(), "data").stop();
}
