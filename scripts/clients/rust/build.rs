//! Writes the calls of all operations out of the facts of the service model (`crates/model/facts/states.json`): from JSON to
//! the SDK's builders, and from its answers to JSON. The SDK has no calls of its own that take or give JSON.

use std::fmt::Write as _;
use std::{env, fs, path::Path};

use serde_json::{Map, Value};

const FACTS: &str = "../../../crates/model/facts/states.json";
/// Operations with a paginator in the SDK, and the list that its pages carry.
const PAGED: [(&str, &str); 5] = [
    ("GetExecutionHistory", "events"),
    ("ListActivities", "activities"),
    ("ListExecutions", "executions"),
    ("ListMapRuns", "map_runs"),
    ("ListStateMachines", "state_machines"),
];

fn main() {
    println!("cargo::rerun-if-changed={FACTS}");
    let facts: Value = serde_json::from_str(&fs::read_to_string(FACTS).unwrap()).unwrap();
    let shapes = facts["shapes"].as_object().unwrap();
    let operations = facts["operations"].as_object().unwrap();
    let tops: Vec<&str> =
        operations.values().flat_map(|it| ["input", "output"].map(|top| it[top].as_str().unwrap_or(""))).collect();
    let mut out = String::new();
    let (given, answered) = (reach(operations, shapes, "input"), reach(operations, shapes, "output"));
    for (name, shape) in shapes {
        if is_enum(shape) {
            writeln!(out, "text_type!(types::{name});").unwrap();
        }
        if shape["type"] != "structure" || tops.contains(&name.as_str()) {
            continue;
        }
        if given.contains(name) {
            writeln!(out, "impl FromJson for types::{name} {{ fn from_json(v: &Value) -> Option<Self> {{ Some(types::{name}::builder(){}.build().built()) }} }}", setters(shape)).unwrap();
            writeln!(out, "impl Built for types::{name} {{ type T = Self; fn built(self) -> Self {{ self }} }}").unwrap();
        }
        if answered.contains(name) {
            writeln!(out, "impl ToJson for &types::{name} {{ fn to_json(self) -> Value {{ let a = self; {} }} }}", getters(shape)).unwrap();
        }
    }
    calls(operations, shapes, &mut out);
    fs::write(Path::new(&env::var("OUT_DIR").unwrap()).join("calls.rs"), out).unwrap();
}

fn calls(operations: &Map<String, Value>, shapes: &Map<String, Value>, out: &mut String) {
    writeln!(out, "pub async fn call(client: &Client, operation: &str, v: &Value) -> Outcome {{ match operation {{").unwrap();
    for (name, operation) in operations {
        let request = format!("client.{}(){}", snake(name), setters(&shapes[operation["input"].as_str().unwrap()]));
        let answer = getters(&shapes[operation["output"].as_str().unwrap()]);
        writeln!(out, "{name:?} => {{ let a = &{request}.send().await.map_err(refused)?; let _ = a; Ok({{ {answer} }}) }}").unwrap();
    }
    writeln!(out, "_ => panic!(\"no operation {{operation}}\") }} }}").unwrap();
    writeln!(out, "pub async fn pages(client: &Client, operation: &str, v: &Value, size: i32) -> Outcome {{ let mut items = Vec::new(); match operation {{").unwrap();
    for (name, list) in PAGED {
        let request = format!("client.{}(){}", snake(name), setters(&shapes[operations[name]["input"].as_str().unwrap()]));
        writeln!(out, "{name:?} => {{ let mut pages = {request}.into_paginator().page_size(size).send(); while let Some(page) = pages.next().await {{ items.extend(page.map_err(refused)?.{list}().iter().map(ToJson::to_json)); }} }}").unwrap();
    }
    writeln!(out, "_ => panic!(\"{{operation}} has no paginator\") }} Ok(Value::Array(items)) }}").unwrap();
}

/// Names of the shapes within the inputs or outputs of all operations.
fn reach(operations: &Map<String, Value>, shapes: &Map<String, Value>, top: &str) -> Vec<String> {
    let mut todo: Vec<String> = operations.values().map(|it| it[top].as_str().unwrap().to_owned()).collect();
    let mut seen: Vec<String> = Vec::new();
    while let Some(name) = todo.pop() {
        if seen.contains(&name) {
            continue;
        }
        let shape = &shapes[&name];
        let members = shape["members"].as_object().into_iter().flat_map(Map::values);
        todo.extend(members.chain([&shape["member"], &shape["value"]]).filter_map(Value::as_str).map(str::to_owned));
        seen.push(name);
    }
    seen
}

fn is_enum(shape: &Value) -> bool {
    shape["type"] == "string" && !shape["enum"].is_null()
}

fn members(shape: &Value) -> impl Iterator<Item = &String> {
    shape["members"].as_object().into_iter().flat_map(Map::keys)
}

fn setters(shape: &Value) -> String {
    members(shape).map(|member| format!(".set_{}(given(v, {member:?}))", snake(member))).collect()
}

fn getters(shape: &Value) -> String {
    let word = |member: &str| if member == "type" { "r#type".to_owned() } else { snake(member) };
    let put = |member: &String| format!("put(&mut o, {member:?}, a.{}());", word(member));
    format!("#[allow(unused_mut)] let mut o = Map::new(); {} Value::Object(o)", members(shape).map(put).collect::<String>())
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    for (place, letter) in name.char_indices() {
        if letter.is_uppercase() && place > 0 {
            let before = name.as_bytes()[place - 1].is_ascii_lowercase();
            let after = name.as_bytes().get(place + 1).is_some_and(u8::is_ascii_lowercase);
            if before || after {
                out.push('_');
            }
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}
