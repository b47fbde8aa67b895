//! kill -9 at random moments under load, twenty rounds on one data folder: no acknowledged execution is lost, none
//! finishes twice, waits, retries, callbacks and activities go on after the restart.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may stop where it stands

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const ROUNDS: u64 = 20;
const SCOPE: &str = "arn:aws:states:us-east-1:123456789012";

/// A small generator, so that a failure can be run again with the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        ((mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB) >> 33) % end
    }
}

/// The server as a child process; killed without warning when dropped.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(folder: &Path) -> Server {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("server.log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_stepwell"))
            .args(["dev", "--listen", &format!("127.0.0.1:{port}"), "--data"])
            .arg(folder.join("data"))
            .arg(folder.join("workflows"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let server = Server { child, port };
        let deadline = Instant::now() + Duration::from_secs(20);
        while call(port, "ListStateMachines", &json!({})).is_none() {
            assert!(
                Instant::now() < deadline,
                "the server does not come up; see {}",
                folder.join("server.log").display()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    fn kill(mut self) {
        self.child.kill().unwrap(); // SIGKILL
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One call; `None` when there was no whole answer. `Err` is an error of the API.
fn call(port: u16, operation: &str, input: &Value) -> Option<Result<Value, Value>> {
    let stream = TcpStream::connect_timeout(&([127, 0, 0, 1], port).into(), Duration::from_secs(1)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(70))).ok()?;
    let body = input.to_string();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AWSStepFunctions.{operation}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    (&stream).write_all((head + &body).as_bytes()).ok()?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let ok = line.contains(" 200 ");
    let mut length = None;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok().filter(|read| *read > 0)?;
        if header.trim().is_empty() {
            break;
        }
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse::<usize>().ok();
        }
    }
    let mut body = vec![0; length?];
    reader.read_exact(&mut body).ok()?;
    let value = serde_json::from_slice(&body).ok()?;
    Some(if ok { Ok(value) } else { Err(value) })
}

fn must(port: u16, operation: &str, input: &Value) -> Value {
    call(port, operation, input).expect("an answer").unwrap_or_else(|error| panic!("{operation} {input}: {error}"))
}

/// The workflows, by name.
fn workflows() -> BTreeMap<&'static str, Value> {
    let pass = |next: &str| json!({"Type": "Pass", "Next": next});
    let work = format!("{SCOPE}:activity:work");
    BTreeMap::from([
        (
            "passes",
            json!({"StartAt": "A", "States": {"A": pass("B"), "B": pass("C"), "C": pass("D"), "D": pass("E"),
                "E": {"Type": "Pass", "End": true}}}),
        ),
        (
            "waits",
            json!({"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 1, "Next": "B"}, "B": {"Type": "Pass", "End": true}}}),
        ),
        (
            "works",
            json!({"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": work, "TimeoutSeconds": 3,
                "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 60, "BackoffRate": 1.0}], "End": true}}}),
        ),
        (
            "fans",
            json!({"StartAt": "M", "States": {"M": {"Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 2, "End": true,
                "ItemProcessor": {"StartAt": "W", "States": {
                    "W": {"Type": "Wait", "Seconds": 1, "Next": "P"}, "P": {"Type": "Pass", "End": true}}}}}}),
        ),
        (
            "nests",
            json!({"StartAt": "S", "States": {"S": {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2",
                "Parameters": {"StateMachineArn": format!("{SCOPE}:stateMachine:waits"), "Input": {"from.$": "$.n"}}, "End": true}}}),
        ),
    ])
}

fn make_machines(port: u16) {
    must(port, "CreateActivity", &json!({"name": "work"}));
    for (name, definition) in workflows() {
        let input = json!({"name": name, "definition": definition.to_string(), "roleArn": "arn:aws:iam::123456789012:role/test"});
        must(port, "CreateStateMachine", &input);
    }
}

/// What the clients know.
#[derive(Default)]
struct Ledger {
    /// ARN of an acknowledged execution → its machine.
    acknowledged: Mutex<BTreeMap<String, &'static str>>,
    /// Activity tasks that were answered and acknowledged.
    answered: AtomicU64,
    next: AtomicU64,
}

/// Starts executions until told to stop or until the server is gone.
fn start_many(port: u16, ledger: &Ledger, stop: &AtomicBool) {
    let names: Vec<&'static str> = workflows().into_keys().collect();
    while !stop.load(Ordering::Relaxed) {
        let number = ledger.next.fetch_add(1, Ordering::Relaxed);
        let machine = names[usize::try_from(number).unwrap() % names.len()];
        let arn = format!("{SCOPE}:stateMachine:{machine}");
        let input = json!({"n": number, "items": [1, 2, 3]}).to_string();
        let mut request = json!({"stateMachineArn": arn, "input": input});
        if number.is_multiple_of(2) {
            request["name"] = json!(format!("run-{number}"));
        }
        match call(port, "StartExecution", &request) {
            Some(Ok(answer)) => {
                let arn = answer["executionArn"].as_str().unwrap().to_owned();
                ledger.acknowledged.lock().unwrap().insert(arn, machine);
            }
            Some(Err(error)) => panic!("StartExecution: {error}"),
            None => return,
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A worker: every third task fails the first time it is seen, the others succeed.
fn work(port: u16, ledger: &Ledger, stop: &AtomicBool) {
    let arn = format!("{SCOPE}:activity:work");
    let mut taken = 0u64;
    while !stop.load(Ordering::Relaxed) {
        let Some(Ok(task)) = call(port, "GetActivityTask", &json!({"activityArn": arn, "workerName": "w"})) else {
            return;
        };
        let Some(token) = task["taskToken"].as_str().filter(|token| !token.is_empty()) else { continue };
        taken += 1;
        let answer = if taken.is_multiple_of(3) {
            call(port, "SendTaskFailure", &json!({"taskToken": token, "error": "Unlucky"}))
        } else {
            call(port, "SendTaskSuccess", &json!({"taskToken": token, "output": "{\"done\":true}"}))
        };
        match answer {
            Some(Ok(_)) => ledger.answered.fetch_add(1, Ordering::Relaxed),
            Some(Err(error)) => {
                assert!(error.to_string().contains("TaskTimedOut"), "{error}");
                continue;
            }
            None => return,
        };
    }
}

/// Runs clients against the server for a while.
fn load(port: u16, ledger: &Arc<Ledger>, for_millis: u64) -> Vec<std::thread::JoinHandle<()>> {
    let stop = Arc::new(AtomicBool::new(false));
    let mut threads = Vec::new();
    for index in 0..6 {
        let (ledger, stop) = (Arc::clone(ledger), Arc::clone(&stop));
        threads.push(std::thread::spawn(move || match index {
            0 | 1 => work(port, &ledger, &stop),
            _ => start_many(port, &ledger, &stop),
        }));
    }
    std::thread::sleep(Duration::from_millis(for_millis));
    stop.store(true, Ordering::Relaxed);
    threads
}

fn history(port: u16, arn: &str) -> Vec<Value> {
    let mut events = Vec::new();
    let mut request = json!({"executionArn": arn, "maxResults": 1000});
    loop {
        let page = must(port, "GetExecutionHistory", &request);
        events.extend(page["events"].as_array().unwrap().iter().cloned());
        match page.get("nextToken").and_then(Value::as_str) {
            Some(token) => request["nextToken"] = json!(token),
            None => return events,
        }
    }
}

/// Everything that must be true of an execution in the end.
fn check_execution(port: u16, arn: &str, machine: &str) {
    let description = must(port, "DescribeExecution", &json!({"executionArn": arn}));
    assert_eq!(description["status"], "SUCCEEDED", "{arn}: {description}");
    let events = history(port, arn);
    let ends = ["ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut"];
    let terminal = events.iter().filter(|event| ends.contains(&event["type"].as_str().unwrap())).count();
    assert_eq!(terminal, 1, "{arn}");
    assert_eq!(events.last().unwrap()["type"], "ExecutionSucceeded", "{arn}");
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event["id"].as_u64().unwrap(), index as u64 + 1, "{arn}");
        assert!(event["previousEventId"].as_u64().unwrap() <= index as u64, "{arn}");
    }
    if machine == "waits" {
        let at = |index: usize| events[index]["timestamp"].as_f64().unwrap();
        assert!(at(2) - at(1) >= 0.999, "{arn}: the wait was cut short");
    }
    if machine == "nests" {
        let child =
            description["output"].as_str().and_then(|output| serde_json::from_str::<Value>(output).ok()).unwrap();
        assert_eq!(child["Status"], "SUCCEEDED", "{arn}");
    }
}

fn check_all(port: u16, ledger: &Ledger, seed: u64) {
    let acknowledged = ledger.acknowledged.lock().unwrap().clone();
    let deadline = Instant::now() + Duration::from_secs(90);
    for machine in workflows().into_keys() {
        let filter = json!({"stateMachineArn": format!("{SCOPE}:stateMachine:{machine}"), "statusFilter": "RUNNING"});
        while !must(port, "ListExecutions", &filter)["executions"].as_array().unwrap().is_empty() {
            assert!(Instant::now() < deadline, "seed {seed}: executions of {machine} stand still");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    for (arn, machine) in &acknowledged {
        check_execution(port, arn, machine);
    }
    let answered = ledger.answered.load(Ordering::Relaxed);
    eprintln!("seed {seed}: {} acknowledged executions, {answered} acknowledged task answers", acknowledged.len());
    assert!(acknowledged.len() > 100, "seed {seed}: only {} executions were started", acknowledged.len());
    assert!(answered > 0, "seed {seed}: no activity task was answered");
}

fn folder() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("stepwell-kill-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("workflows")).unwrap();
    folder
}

#[test]
fn nothing_acknowledged_is_lost() {
    let seed = std::env::var("STEPWELL_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_120);
    let mut dice = Dice(seed);
    let folder = folder();
    let ledger = Arc::new(Ledger::default());
    let first = Server::start(&folder);
    make_machines(first.port);
    first.kill();
    for _ in 0..ROUNDS {
        let server = Server::start(&folder);
        let threads = load(server.port, &ledger, 50 + dice.below(700));
        server.kill();
        for thread in threads {
            thread.join().unwrap();
        }
    }
    let last = Server::start(&folder);
    let (port, stop) = (last.port, Arc::new(AtomicBool::new(false)));
    let worker = {
        let (ledger, stop) = (Arc::clone(&ledger), Arc::clone(&stop));
        std::thread::spawn(move || work(port, &ledger, &stop))
    };
    check_all(port, &ledger, seed);
    stop.store(true, Ordering::Relaxed);
    last.kill();
    worker.join().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
}
