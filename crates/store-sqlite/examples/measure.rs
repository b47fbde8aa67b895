//! Measures executions of three durable batches under group commit.
//!
//! ```text
//! cargo run --release -p stepwell-store-sqlite --example measure -- FOLDER [EXECUTIONS] [IN_FLIGHT] [named|generated]
//! ```
//! Prints CPU and wall time an execution, bytes written, the file's size, and how long recovery and reads take.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods)] // a tool of the workshop

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::time::Instant;

use stepwell_store::sample::{self, Case, Dice};
use stepwell_store::{ExecutionFilter, ExecutionKey, ExecutionRecord, ExecutionWrite, MachineKey, Store, Write};
use stepwell_store_sqlite::{Options, SqliteStore};

fn main() {
    let mut args = std::env::args().skip(1);
    let folder = PathBuf::from(args.next().unwrap_or_else(|| "/tmp/stepwell-measure".to_owned()));
    let number = |text: Option<String>, default| text.and_then(|text| text.parse().ok()).unwrap_or(default);
    let executions = number(args.next(), 100_000);
    let in_flight = number(args.next(), 512);
    let named = args.next().is_some_and(|text| text == "named");
    let store = Arc::new(SqliteStore::open(&Options::new(&folder)).unwrap());
    let first = store.last_key().unwrap().0 + 1;
    let (prepare, _) = measure(|| (first..first + executions.min(20_000)).for_each(|key| drop(make(key, named))));
    println!("making the data alone: {:.1} µs CPU an execution", prepare / executions.min(20_000) as f64);
    let (commits, before) = (store.commits(), written());
    let (cpu, wall) = measure(|| run(&store, first, executions, in_flight, named));
    let count = executions as f64;
    println!("{executions} executions of 3 batches, {in_flight} in flight, {:.0}/s", count / wall * 1e6);
    println!("CPU {:.1} µs an execution (making the data included)", cpu / count);
    println!("written {:.1} KB an execution", (written() - before) as f64 / 1000.0 / count);
    println!("{:.1} batches a commit", 3.0 * count / (store.commits() - commits) as f64);
    reads(&store, first, executions);
    let store = recover(store, &folder, executions);
    let size = std::fs::metadata(store.path()).unwrap().len();
    println!("file {:.0} B an execution of this and earlier runs", size as f64 / (first + executions) as f64);
}

/// Leaves executions open, opens the folder again and reads them as a start does.
fn recover(store: Arc<SqliteStore>, folder: &std::path::Path, executions: u64) -> SqliteStore {
    const OPEN: u64 = 100_000;
    let (sender, free) = mpsc::channel();
    let first = store.last_key().unwrap().0 + 1;
    for key in first..first + OPEN {
        let sender = sender.clone();
        store.commit(&[sample::start(&Case::numbered(key))], Box::new(move |_| sender.send(()).unwrap_or_default()));
    }
    (0..OPEN).for_each(|_| free.recv().unwrap());
    drop(store);
    let (mut found, mut after) = (0, None);
    let mut opened = None;
    let (_, wall) = measure(|| {
        let store = SqliteStore::open(&Options::new(folder)).unwrap();
        loop {
            let page = store.open_executions(after, 1000).unwrap();
            if page.last.is_none() {
                break;
            }
            (after, found) = (page.last, found + page.count());
        }
        opened = Some(store);
    });
    println!("recovery of {found} open executions beside {executions} closed: {:.2} s", wall / 1e6);
    opened.unwrap()
}

fn reads(store: &SqliteStore, first: u64, executions: u64) {
    const ROUNDS: u64 = 2_000;
    let key = |round: u64| ExecutionKey(first + Dice(round).below(executions));
    let each = |what: &str, read: &dyn Fn(u64)| {
        let (cpu, _) = measure(|| (0..ROUNDS).for_each(read));
        println!("{what}: {:.1} µs CPU", cpu / ROUNDS as f64);
    };
    each("describe", &|round| drop(store.execution(key(round)).unwrap().unwrap()));
    each("history of 15 events", &|round| drop(store.history(key(round), 1, false, 100).unwrap()));
    let filter = ExecutionFilter { machine: MachineKey(1), status: None, redriven: None, qualifier_arn: None };
    let place = |round| store.execution(key(round)).unwrap().unwrap().place();
    each("list of 100", &|round| drop(store.executions(&filter, Some(place(round)), 100).unwrap()));
}

/// Executions that are started together advance together, as those of a busy moment do.
fn run(store: &Arc<SqliteStore>, first: u64, executions: u64, in_flight: u64, named: bool) {
    let (sender, free) = mpsc::channel();
    (0..in_flight).for_each(|_| sender.send(()).unwrap());
    for key in first..first + executions {
        free.recv().unwrap();
        let (record, [one, two, three]) = make(key, named);
        let write = Write::Start { record: Box::new(record), write: Box::new(one) };
        next(store.clone(), write, vec![three, two], sender.clone());
    }
    (0..in_flight).for_each(|_| free.recv().unwrap());
}

fn next(store: Arc<SqliteStore>, write: Write, mut rest: Vec<ExecutionWrite>, free: Sender<()>) {
    let again = store.clone();
    let done = move |outcome: stepwell_store::Committed| {
        assert!(outcome.unwrap().iter().all(Result::is_ok));
        match rest.pop() {
            Some(write) => next(again, Write::Advance(Box::new(write)), rest, free),
            None => free.send(()).unwrap_or_default(),
        }
    };
    store.commit(&[write], Box::new(done));
}

fn make(key: u64, named: bool) -> (ExecutionRecord, [ExecutionWrite; 3]) {
    let case =
        if named { Case::named(key, 1, &format!("order-{:016x}", Dice(key).roll())) } else { Case::numbered(key) };
    (sample::record(&case), sample::batches(&case, &mut Dice(key)))
}

/// CPU time of the process and wall time, µs.
fn measure(run: impl FnOnce()) -> (f64, f64) {
    let (cpu, wall) = (cpu_micros(), Instant::now());
    run();
    (cpu_micros() - cpu, wall.elapsed().as_secs_f64() * 1e6)
}

/// User and system time in ticks of 10 ms (Linux).
fn cpu_micros() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = |index| after.split_whitespace().nth(index).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) * 10_000.0
}

/// Bytes this process has sent to the disk (Linux).
fn written() -> u64 {
    let io = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    let line = io.lines().find_map(|line| line.strip_prefix("wchar: "));
    line.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}
