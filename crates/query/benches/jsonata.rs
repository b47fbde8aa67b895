//! CPU time of evaluating JSONata: `cargo bench -p stepwell-query`.
//!
//! Five expressions over a `$states` of 8.9 KB with 100 items, as a state machine evaluates them: parsed once, the data as a
//! [`Value`] that the engine has not seen before. Converting what is read, limits and converting the result are in the figures.
//! Of many rounds the fastest counts, for it was disturbed least.
//!
//! With the reference implementation beside it, both in the same run, the results compared:
//!
//! ```text
//! npm install --prefix /some/folder jsonata@2.0.6
//! STEPWELL_JSONATA_JS=/some/folder cargo bench -p stepwell-query
//! ```
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints, and may panic")]

use std::hint::black_box;
use std::process::Command;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use stepwell_query::Scope;
use stepwell_query::jsonata::Jsonata;
use stepwell_value::{Timestamp, Value};

/// Name and text. The first tests a condition, the last one groups, maps and sorts.
const EXPRESSIONS: [(&str, &str); 5] = [
    ("condition", "$states.input.customer.tier = 'gold' and $states.result.code = 200"),
    ("$merge", "$merge([$states.input.customer, {'code': $states.result.code, 'ok': true}])"),
    ("$sum of products", "$sum($states.input.items.(price * qty))"),
    ("filter and map", "$states.input.items[price > 20].{'sku': sku, 'total': price * qty, 'big': qty > 3}"),
    (
        "group, $map, $sort",
        "{'byKind': $states.input.items{kind: $sum(price)}, \
          'skus': $map($states.input.items, function($v) { $v.sku & '-' & $v.kind }), \
          'sorted': $sort($states.input.items.price, function($a, $b) { $a > $b })}",
    ),
];
/// How often the reference implementation is slower, at least.
const TARGET: f64 = 7.0;
const ROUNDS: u32 = 200;

fn main() {
    let states = states();
    println!("CPU time of an evaluation, $states of {} bytes", states.to_json().len());
    let reference = std::env::var("STEPWELL_JSONATA_JS").ok().map(|folder| reference(&folder, &states));
    for (index, (name, text)) in EXPRESSIONS.into_iter().enumerate() {
        let expression = Jsonata::parse(text).unwrap();
        let scope = States { states: states.clone() };
        let value = expression.eval(&scope).unwrap().unwrap();
        let ours = measure(|| expression.eval(&scope));
        let parsing = measure(|| Jsonata::parse(black_box(text)));
        print!("{name:<20}{ours:>9.2} µs, parsing {parsing:>6.2} µs");
        if let Some(theirs) = &reference {
            let theirs = &theirs.as_array().unwrap()[index];
            assert_eq!(theirs.get("value"), Some(&value), "{name}: other results");
            let micros = theirs.get("micros").and_then(Value::as_number).unwrap().as_f64();
            let verdict = if micros >= TARGET * ours { "" } else { ", below the target" };
            print!("; jsonata-js {micros:>8.2} µs: {:.1} times as long{verdict}", micros / ours);
        }
        println!();
    }
}

/// CPU microseconds of one call.
fn measure<T>(mut call: impl FnMut() -> T) -> f64 {
    let mut repeats = 1;
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        let before = cpu();
        for _ in 0..repeats {
            black_box(call());
        }
        let spent = cpu() - before;
        best = best.min(spent.as_secs_f64() * 1e6 / f64::from(repeats));
        if spent < Duration::from_micros(200) {
            repeats *= 2;
        }
    }
    best
}

fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs().try_into().unwrap())
}

/// What the reference implementation takes, and its results: an object for each expression.
fn reference(folder: &str, states: &Value) -> Value {
    let texts = Value::array(EXPRESSIONS.map(|(_, text)| Value::from(text)));
    let work = Value::object([("states", states.clone()), ("expressions", texts)]);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/jsonata.mjs");
    let output = Command::new("node").args([script, folder, &work.to_json()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Value::parse(&String::from_utf8(output.stdout).unwrap()).unwrap()
}

/// An order of 100 items, and the answer of a task.
fn states() -> Value {
    let items = (0..100_i64).map(|index| {
        let kind = ["book", "tool", "game"][usize::try_from(index % 3).unwrap()];
        let price = Value::parse(&format!("{}.{}", 5 + (index * 37) % 90, 1 + index % 9)).unwrap();
        let (sku, note) = (format!("SKU-{index:05}"), format!("note {index} of a customer"));
        Value::object([
            ("sku", Value::from(sku.as_str())),
            ("kind", Value::from(kind)),
            ("price", price),
            ("qty", Value::from(1 + index % 7)),
            ("note", Value::from(note.as_str())),
        ])
    });
    let customer = Value::parse(r#"{"id": "C-42", "name": "Ada Lovelace", "tier": "gold", "since": 1843}"#).unwrap();
    let input = Value::object([("customer", customer), ("items", Value::array(items))]);
    let result = Value::parse(r#"{"code": 200, "message": "accepted"}"#).unwrap();
    Value::object([("input", input), ("result", result)])
}

struct States {
    states: Value,
}

impl Scope for States {
    fn input(&self) -> &Value {
        self.states.get("input").unwrap()
    }
    fn result(&self) -> Option<&Value> {
        self.states.get("result")
    }
    fn context(&self) -> &Value {
        &Value::Null
    }
    fn variable(&self, _: &str) -> Option<&Value> {
        None
    }
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }
    fn random(&self) -> u64 {
        1
    }
}
