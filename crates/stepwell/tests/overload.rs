//! More than a server can take: thousands of idle connections and long polls, clients that stop in the middle of a request,
//! giant requests at once, clients that do not take giant answers. Its memory stays bounded, others are still served, and nothing that was acknowledged is lost.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop where it stands")]

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use support::http::{call, must};
use support::{Server, until};

const SCOPE: &str = "arn:aws:states:us-east-1:123456789012";
const ROLE: &str = "arn:aws:iam::123456789012:role/test";

/// Connections at a time, if the process may have so many.
const CONNECTIONS: u64 = 10_000;
/// The server's memory may never exceed this.
const RESIDENT_MIB_MAX: u64 = 700;
/// Bytes of a giant input; AWS allows 262,144.
const GIANT: usize = 250_000;

/// AWS lets 1,000 workers poll an activity; here ten times as many do.
fn server(folder: &Path) -> (Server, u16) {
    std::fs::write(folder.join("stepwell.toml"), "[limits]\nunbounded = true\n").unwrap();
    let server = Server::start_in(folder, &["serve", "--insecure-any-credentials", "--data", "data"]);
    let port = server.url.rsplit_once(':').unwrap().1.parse().unwrap();
    must(port, "CreateActivity", &json!({"name": "ask"}));
    for (name, state) in [
        ("passes", json!({"Type": "Pass", "End": true})),
        ("asks", json!({"Type": "Task", "Resource": format!("{SCOPE}:activity:ask"), "End": true})),
    ] {
        let definition = json!({"StartAt": "A", "States": {"A": state}}).to_string();
        must(port, "CreateStateMachine", &json!({"name": name, "definition": definition, "roleArn": ROLE}));
    }
    (server, port)
}

fn start(name: &str, input: &str) -> Value {
    json!({"stateMachineArn": format!("{SCOPE}:stateMachine:{name}"), "input": input})
}

/// The most memory the server has had, MiB.
fn resident_mib_max(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1024
}

/// As many connections as this process may have, less some for everything else.
fn connections_max() -> u64 {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let soft = line.split_whitespace().next().unwrap();
    CONNECTIONS.min(soft.parse().unwrap_or(u64::MAX).saturating_sub(300))
}

fn connect(port: u16) -> TcpStream {
    until("a connection", || TcpStream::connect(("127.0.0.1", port)).ok())
}

fn head(operation: &str, length: usize) -> String {
    format!(
        "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-amz-json-1.0\r\n\
         X-Amz-Target: AWSStepFunctions.{operation}\r\nContent-Length: {length}\r\n\r\n"
    )
}

/// Executions are still started, and described as they are.
#[track_caller]
fn others_are_served(port: u16) {
    for number in 0..20 {
        let started = must(port, "StartExecution", &start("passes", &number.to_string()));
        let described = must(port, "DescribeExecution", &json!({"executionArn": started["executionArn"]}));
        assert_eq!((&described["status"], &described["output"]), (&json!("SUCCEEDED"), &json!(number.to_string())));
    }
}

/// Reads the tokens of tasks that have come to some of these long polls.
fn tokens(polls: &mut Vec<TcpStream>) -> Vec<String> {
    let mut found = Vec::new();
    let mut buffer = vec![0; 65_536];
    polls.retain_mut(|poll| match poll.read(&mut buffer) {
        Ok(read) => {
            let text = String::from_utf8_lossy(&buffer[..read]);
            let (_, rest) = text.split_once("\"taskToken\":\"").unwrap_or_else(|| panic!("{text}"));
            found.push(rest.split_once('"').unwrap().0.to_owned());
            false
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => true,
        Err(error) => panic!("{error}"),
    });
    found
}

#[test]
fn ten_thousand_connections_and_long_polls() {
    let folder = tempfile::tempdir().unwrap();
    let (server, port) = server(folder.path());
    let mut polls: Vec<TcpStream> = (0..connections_max()).map(|_| connect(port)).collect();
    others_are_served(port);
    let body = json!({"activityArn": format!("{SCOPE}:activity:ask")}).to_string();
    let request = head("GetActivityTask", body.len()) + &body;
    for poll in &mut polls {
        poll.write_all(request.as_bytes()).unwrap();
        poll.set_nonblocking(true).unwrap();
    }
    others_are_served(port);
    drop(polls.drain(..1_000.min(polls.len() / 2))); // the oldest hang up: no task may go with them
    let arns: Vec<Value> =
        (0..300).map(|_| must(port, "StartExecution", &start("asks", "1"))["executionArn"].clone()).collect();
    let mut answered = 0;
    until("every task reaches a worker", || {
        for token in tokens(&mut polls) {
            must(port, "SendTaskSuccess", &json!({"taskToken": token, "output": "2"}));
            answered += 1;
        }
        (answered == arns.len()).then_some(())
    });
    for arn in arns {
        assert_eq!(must(port, "DescribeExecution", &json!({"executionArn": arn}))["status"], json!("SUCCEEDED"));
    }
    let memory = resident_mib_max(&server);
    assert!(memory <= RESIDENT_MIB_MAX, "{memory} MiB");
    eprintln!("{} connections, {memory} MiB at most", connections_max());
}

#[test]
fn giant_and_unfinished_requests() {
    let folder = tempfile::tempdir().unwrap();
    let (server, port) = server(folder.path());
    // Clients that stop in the middle of a giant request hold what may be in flight; small requests still pass.
    let slow: Vec<TcpStream> = (0..400)
        .map(|_| {
            let mut stream = connect(port);
            stream.write_all(head("StartExecution", GIANT).as_bytes()).unwrap();
            let _ = stream.write_all(&[b' '; 60_000]); // one that was refused is closed
            stream
        })
        .collect();
    others_are_served(port);
    let input = format!("\"{}\"", "x".repeat(GIANT - 2));
    let refused = call(port, "StartExecution", &start("passes", &input)).unwrap().unwrap_err();
    assert!(refused["__type"].as_str().unwrap().contains("ThrottlingException"), "{refused}");
    drop(slow);

    // Giant requests all at once: each is taken or throttled, and what was taken is there.
    until("room again", || call(port, "StartExecution", &start("passes", &input)).unwrap().ok());
    let (taken, throttled) = (Mutex::new(Vec::new()), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| {
                for _ in 0..12 {
                    match call(port, "StartExecution", &start("passes", &input)).unwrap() {
                        Ok(started) => taken.lock().unwrap().push(started["executionArn"].clone()),
                        Err(error) => {
                            assert!(error["__type"].as_str().unwrap().contains("ThrottlingException"), "{error}");
                            throttled.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    let taken = taken.into_inner().unwrap();
    for arn in &taken {
        let described = must(port, "DescribeExecution", &json!({"executionArn": arn}));
        assert_eq!((&described["status"], described["output"].as_str().unwrap().len()), (&json!("SUCCEEDED"), GIANT));
    }
    let memory = resident_mib_max(&server);
    assert!(memory <= RESIDENT_MIB_MAX, "{memory} MiB");
    eprintln!("{} taken, {} throttled, {memory} MiB at most", taken.len(), throttled.into_inner());
}

/// Clients that ask for the history of an execution, some 10 MB, and read nothing of it.
#[test]
fn giant_answers_nobody_takes() {
    let folder = tempfile::tempdir().unwrap();
    let (server, port) = server(folder.path());
    let states: serde_json::Map<String, Value> = (0..20)
        .map(|number| {
            let next = json!({"Type": "Pass", "Next": (number + 1).to_string()});
            (number.to_string(), if number < 19 { next } else { json!({"Type": "Pass", "End": true}) })
        })
        .collect();
    let definition = json!({"StartAt": "0", "States": states}).to_string();
    must(port, "CreateStateMachine", &json!({"name": "long", "definition": definition, "roleArn": ROLE}));
    let started = must(port, "StartExecution", &start("long", &format!("\"{}\"", "x".repeat(GIANT - 2))));
    let history = json!({"executionArn": started["executionArn"]});
    assert!(must(port, "GetExecutionHistory", &history).to_string().len() > 40 * GIANT);

    let body = history.to_string();
    let request = head("GetExecutionHistory", body.len()) + &body;
    let ask = || {
        let mut stream = connect(port);
        stream.write_all(request.as_bytes()).unwrap();
        stream
    };
    let mut slow: Vec<TcpStream> = (0..12).map(|_| ask()).collect();
    until("those that wait fill the room", || {
        slow.push(ask()); // the first ones may have been given up on a slow machine
        let refused = call(port, "GetExecutionHistory", &history).unwrap().err()?;
        assert!(refused["__type"].as_str().unwrap().contains("ThrottlingException"), "{refused}");
        Some(())
    });
    others_are_served(port);
    drop(slow);
    until("room again", || call(port, "GetExecutionHistory", &history).unwrap().ok());
    let memory = resident_mib_max(&server);
    assert!(memory <= RESIDENT_MIB_MAX, "{memory} MiB");
    eprintln!("{memory} MiB at most");
}
