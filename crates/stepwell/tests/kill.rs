//! kill -9 at random moments under load, many rounds on one data folder: no acknowledged execution or task answer is lost,
//! none counts twice, waits, retries, callbacks and activities go on after the restart.
//!
//! `STEPWELL_KILL_ROUNDS` says how many rounds (20), `STEPWELL_SEED` which. With `STEPWELL_KILL_VARIANTS=1` the same is
//! done with pauses (SIGSTOP), on a disk that fills up, for which a small one is mounted (that takes root), and with a wall
//! clock that jumps (libfaketime, which root installs with apt-get where it is missing).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may stop where it stands

use std::collections::BTreeMap;
mod support;

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::http::{call, must};

/// Rounds, unless `STEPWELL_KILL_ROUNDS` says otherwise.
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
    fn start(folder: &Path, environment: &[(&str, String)]) -> Server {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("server.log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_stepwell"))
            .args(["dev", "--listen", &format!("127.0.0.1:{port}"), "--data"])
            .arg(folder.join("data"))
            .arg(folder.join("workflows"))
            .envs(environment.iter().map(|(name, value)| (name, value)))
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

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
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
        // What libfaketime leaves behind in a process that is killed.
        for name in ["faketime_shm", "sem.faketime_sem"] {
            let _ = std::fs::remove_file(format!("/dev/shm/{name}_{}", self.child.id()));
        }
    }
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
                "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 99_999, "BackoffRate": 1.0}], "End": true}}}),
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
    /// Failures of activity tasks that were acknowledged, by the number in the execution's input.
    failed: Mutex<BTreeMap<u64, u64>>,
    /// Activity tasks that were answered and acknowledged.
    answered: AtomicU64,
    /// Requests that were refused while the disk was full.
    refused: AtomicU64,
    next: AtomicU64,
}

impl Ledger {
    /// Notes an error of the API: what the server may say while it cannot write, and nothing else.
    fn refusal(&self, error: &Value) {
        let text = error.to_string();
        assert!(text.contains("ServiceUnavailable") && text.contains("no space left on the disk"), "{error}");
        self.refused.fetch_add(1, Ordering::Relaxed);
    }
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
            Some(Err(error)) => ledger.refusal(&error),
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
        let fails = taken.is_multiple_of(3);
        let answer = if fails {
            call(port, "SendTaskFailure", &json!({"taskToken": token, "error": "Unlucky"}))
        } else {
            call(port, "SendTaskSuccess", &json!({"taskToken": token, "output": "{\"done\":true}"}))
        };
        match answer {
            Some(Ok(_)) => {
                ledger.answered.fetch_add(1, Ordering::Relaxed);
                let input: Value = serde_json::from_str(task["input"].as_str().unwrap()).unwrap();
                let mut failed = ledger.failed.lock().unwrap();
                *failed.entry(input["n"].as_u64().unwrap()).or_default() += u64::from(fails);
            }
            Some(Err(error)) => {
                assert!(error.to_string().contains("TaskTimedOut"), "{error}");
                continue;
            }
            None => return,
        };
    }
}

/// Clients that run against a server until they are told to stop, or it is gone.
struct Load {
    stop: Arc<AtomicBool>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Load {
    fn start(port: u16, ledger: &Arc<Ledger>, workers: usize, starters: usize) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (0..workers + starters).map(|index| {
            let (ledger, stop) = (Arc::clone(ledger), Arc::clone(&stop));
            std::thread::spawn(move || match index < workers {
                true => work(port, &ledger, &stop),
                false => start_many(port, &ledger, &stop),
            })
        });
        Load { threads: threads.collect(), stop }
    }

    /// Kills the server under load, and waits for the clients.
    fn end(self, server: Server) {
        server.kill();
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
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
fn check_execution(port: u16, ledger: &Ledger, arn: &str, machine: &str) {
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
    if machine == "works" {
        let count = |name: &str| events.iter().filter(|event| event["type"] == name).count() as u64;
        assert_eq!(count("ActivitySucceeded"), 1, "{arn}");
        let input: Value = serde_json::from_str(description["input"].as_str().unwrap()).unwrap();
        let failed = ledger.failed.lock().unwrap().get(&input["n"].as_u64().unwrap()).copied().unwrap_or_default();
        assert!(count("ActivityFailed") >= failed, "{arn}: {failed} failures were acknowledged");
    }
    if machine == "nests" {
        let child =
            description["output"].as_str().and_then(|output| serde_json::from_str::<Value>(output).ok()).unwrap();
        assert_eq!(child["Status"], "SUCCEEDED", "{arn}");
    }
}

fn check_all(port: u16, ledger: &Ledger, seed: u64, rounds: u64) {
    let acknowledged = ledger.acknowledged.lock().unwrap().clone();
    let deadline = Instant::now() + Duration::from_secs(90 + rounds);
    for machine in workflows().into_keys() {
        let filter = json!({"stateMachineArn": format!("{SCOPE}:stateMachine:{machine}"), "statusFilter": "RUNNING"});
        while !must(port, "ListExecutions", &filter)["executions"].as_array().unwrap().is_empty() {
            assert!(Instant::now() < deadline, "seed {seed}: executions of {machine} stand still");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    for (arn, machine) in &acknowledged {
        check_execution(port, ledger, arn, machine);
    }
    let answered = ledger.answered.load(Ordering::Relaxed);
    eprintln!("seed {seed}: {} acknowledged executions, {answered} acknowledged task answers", acknowledged.len());
    assert!(acknowledged.len() > 100, "seed {seed}: only {} executions were started", acknowledged.len());
    assert!(answered > 0, "seed {seed}: no activity task was answered");
}

/// A data folder that sees one server after the other.
struct Bench {
    folder: PathBuf,
    ledger: Arc<Ledger>,
    dice: Dice,
    seed: u64,
    rounds: u64,
    /// Environment variables of its servers.
    environment: Vec<(&'static str, String)>,
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

impl Bench {
    fn new(name: &str) -> Bench {
        let seed = number("STEPWELL_SEED").unwrap_or(20_261_120);
        let folder = std::env::temp_dir().join(format!("stepwell-{name}-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("workflows")).unwrap();
        std::fs::create_dir_all(folder.join("data")).unwrap();
        let rounds = number("STEPWELL_KILL_ROUNDS").unwrap_or(ROUNDS);
        Bench { folder, ledger: Arc::default(), dice: Dice(seed), seed, rounds, environment: Vec::new() }
    }

    fn make_machines(&self) {
        let first = Server::start(&self.folder, &self.environment);
        make_machines(first.port);
        first.kill();
    }

    fn pause(&mut self, least_millis: u64, more_millis: u64) {
        std::thread::sleep(Duration::from_millis(least_millis + self.dice.below(more_millis)));
    }

    fn server(&self) -> (Server, Load) {
        let server = Server::start(&self.folder, &self.environment);
        let load = Load::start(server.port, &self.ledger, 2, 4);
        (server, load)
    }

    /// A last server, which brings everything to its end; then everything is checked.
    fn finish(self) {
        let last = Server::start(&self.folder, &self.environment);
        let worker = Load::start(last.port, &self.ledger, 1, 0);
        check_all(last.port, &self.ledger, self.seed, self.rounds);
        worker.end(last);
        verified(&self.folder);
        std::fs::remove_dir_all(self.folder.join("data")).ok(); // a mounted one stays until it is unmounted
    }
}

/// Everything in the data folder is sound.
fn verified(folder: &Path) {
    let ended = support::run(&["doctor", "--verify", "--data", &folder.join("data").display().to_string()]);
    eprintln!("{}", ended.code(0).out);
}

/// Whether the longer variants are to run; says so when they are not.
fn variants_are_wanted() -> bool {
    let wanted = std::env::var_os("STEPWELL_KILL_VARIANTS").is_some_and(|value| !value.is_empty());
    if !wanted {
        eprintln!("NOT RUN: set STEPWELL_KILL_VARIANTS=1");
    }
    wanted
}

#[test]
fn nothing_acknowledged_is_lost() {
    let mut bench = Bench::new("kill");
    bench.make_machines();
    for _ in 0..bench.rounds {
        let (server, load) = bench.server();
        bench.pause(50, 700);
        load.end(server);
    }
    let folder = bench.folder.clone();
    bench.finish();
    std::fs::remove_dir_all(&folder).unwrap();
}

/// A process that stands still for a while, as on a machine that is put to sleep: timers are late then, never early, and
/// nothing is lost, also when it is killed while it stands still.
#[test]
fn pauses_lose_nothing() {
    if !variants_are_wanted() {
        return;
    }
    let mut bench = Bench::new("pause");
    bench.make_machines();
    for _ in 0..bench.rounds {
        let (server, load) = bench.server();
        for _ in 0..=bench.dice.below(3) {
            bench.pause(20, 200);
            server.signal("STOP");
            bench.pause(20, 1500);
            if bench.dice.below(4) == 0 {
                break; // it never wakes up
            }
            server.signal("CONT");
        }
        bench.pause(1, 100);
        load.end(server);
    }
    let folder = bench.folder.clone();
    bench.finish();
    std::fs::remove_dir_all(&folder).unwrap();
}

/// A disk of its own, unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// None, with the reason told, where it cannot be mounted.
    fn mount(at: &Path, mib: u32) -> Option<SmallDisk> {
        let size = format!("size={mib}m,nr_inodes=1000");
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "stepwell-test"]).arg(at).output();
        match done {
            Ok(output) if output.status.success() => Some(SmallDisk(at.to_owned())),
            Ok(output) => {
                eprintln!("NOT RUN: no disk can be mounted: {}", String::from_utf8_lossy(&output.stderr).trim());
                None
            }
            Err(error) => {
                eprintln!("NOT RUN: no disk can be mounted: {error}");
                None
            }
        }
    }

    /// Writes until nothing more fits.
    fn fill(&self) {
        let mut ballast = std::fs::OpenOptions::new().create(true).append(true).open(self.0.join("ballast")).unwrap();
        for size in [1 << 20, 4096, 1] {
            while ballast.write_all(&vec![1; size]).is_ok() {}
        }
    }

    fn free(&self) {
        std::fs::remove_file(self.0.join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// While the disk is full, requests are refused or wait, and executions stand still; no workflow fails for it, the server
/// lives on, and what was acknowledged before and after is there, also when it is killed in the meantime.
#[test]
fn a_full_disk_loses_nothing() {
    if !variants_are_wanted() {
        return;
    }
    let mut bench = Bench::new("full");
    let Some(disk) = SmallDisk::mount(&bench.folder.join("data"), 96) else { return };
    bench.make_machines();
    for round in 0..bench.rounds {
        let (mut server, load) = bench.server();
        bench.pause(50, 300);
        disk.fill();
        bench.pause(50, 1200);
        assert!(server.is_alive(), "round {round}: the server has ended; see {}", bench.folder.display());
        if round.is_multiple_of(2) {
            load.end(server);
            disk.free();
        } else {
            disk.free();
            bench.pause(600, 300);
            load.end(server);
        }
    }
    let (folder, ledger) = (bench.folder.clone(), Arc::clone(&bench.ledger));
    bench.finish();
    let refused = ledger.refused.load(Ordering::Relaxed);
    eprintln!("{refused} requests were refused while the disk was full");
    assert!(refused > 0);
    drop(disk);
    std::fs::remove_dir_all(&folder).unwrap();
}

/// The wall clock of a server, which jumps when it is told to. Its monotonic clock stays the machine's: what tokio, condition
/// variables and `recv_timeout` wait by. That is how a machine behaves whose clock is set.
struct JumpingClock {
    /// What libfaketime reads whenever the server asks for the time.
    file: PathBuf,
    offset: i64,
    greatest: i64,
}

impl JumpingClock {
    /// None, with the reason told, where there is no libfaketime.
    fn install(bench: &mut Bench) -> Option<JumpingClock> {
        let library = faketime().or_else(|| {
            let installed = Command::new("apt-get").args(["install", "-y", "-q", "libfaketime"]).output();
            faketime().or_else(|| {
                eprintln!("NOT RUN: there is no libfaketime, and it cannot be installed: {installed:?}");
                None
            })
        })?;
        let file = bench.folder.join("clock");
        bench.environment = vec![
            ("LD_PRELOAD", library.display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", file.display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("NO_FAKE_STAT", "1".to_owned()),
        ];
        let mut clock = JumpingClock { file, offset: 0, greatest: 0 };
        clock.set(0);
        Some(clock)
    }

    /// Sets the clock so many seconds off. The server never reads half of it.
    fn set(&mut self, offset: i64) {
        let new = self.file.with_extension("new");
        std::fs::write(&new, format!("{offset:+}\n")).unwrap();
        std::fs::rename(&new, &self.file).unwrap();
        (self.offset, self.greatest) = (offset, self.greatest.max(offset));
    }

    /// Some seconds, a quarter of an hour or most of a day, forward or back, or set right; never below three days off.
    fn jump(&mut self, dice: &mut Dice) {
        let far = [2, 5, 30, 900, 80_000][usize::try_from(dice.below(5)).unwrap()];
        let jumped = match dice.below(5) {
            0 | 1 => self.offset + far,
            2 | 3 => self.offset - far,
            _ => 0,
        };
        self.set(jumped.clamp(-259_200, 259_200));
    }

    /// The server goes by this clock, as an execution that starts now tells.
    fn is_obeyed(&self, server: &Server, ledger: &Ledger) {
        let request = json!({"stateMachineArn": format!("{SCOPE}:stateMachine:passes"), "input": "{}"});
        let answer = must(server.port, "StartExecution", &request);
        let arn = answer["executionArn"].as_str().unwrap().to_owned();
        ledger.acknowledged.lock().unwrap().insert(arn, "passes");
        let real = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
        let off = answer["startDate"].as_f64().unwrap() - real;
        assert!((off - self.offset as f64).abs() < 30.0, "the clock is {off} s off instead of {}", self.offset);
    }
}

/// libfaketime for programs with threads.
fn faketime() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    let places = folders.chain(["/usr/lib64".into(), "/usr/lib".into(), "/usr/local/lib".into()]);
    places.map(|place| place.join("faketime/libfaketimeMT.so.1")).find(|library| library.is_file())
}

/// A wall clock that jumps, forward and back, while the server works and between two of them: no wait is over early by it,
/// nothing is lost, and everything ends.
#[test]
fn clock_jumps_lose_nothing() {
    if !variants_are_wanted() {
        return;
    }
    let mut bench = Bench::new("clock");
    let Some(mut clock) = JumpingClock::install(&mut bench) else { return };
    bench.make_machines();
    let mut jumps = 0;
    for _ in 0..bench.rounds {
        clock.jump(&mut bench.dice);
        let (server, load) = bench.server();
        clock.is_obeyed(&server, &bench.ledger);
        for _ in 0..=bench.dice.below(3) {
            bench.pause(50, 500);
            clock.jump(&mut bench.dice);
            jumps += 1;
        }
        clock.is_obeyed(&server, &bench.ledger);
        bench.pause(1, 300);
        load.end(server);
    }
    eprintln!("the clock jumped {jumps} times under load, up to {} s ahead", clock.greatest);
    // What waits for a moment that the clock once showed need not wait for days.
    clock.set(clock.greatest + 1);
    let folder = bench.folder.clone();
    bench.finish();
    std::fs::remove_dir_all(&folder).unwrap();
}
