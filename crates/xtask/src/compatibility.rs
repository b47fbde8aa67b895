//! `cargo xtask compatibility`: the table of operations in COMPATIBILITY.md, made of what there is and what was tested.
//!
//! - which operations AWS has: `crates/model/facts/states.json`; which are there: the table of `crates/api`;
//! - recorded: how many cases of `conformance-floor.txt`, which every build has to pass, compare an answer of the operation
//!   with AWS's. The cases lie beside the checkout; `--cases FOLDER` counts them into `conformance-operations.json`;
//! - clients: which real clients call it, as `scripts/clients/operations.json` says;
//! - own tests: whether a test of `crates/api` calls it;
//! - remarks: `crates/xtask/remarks.json`, written by hand.
//!
//! What it must not do: claim what no test shows. Start reading at [`table`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

const PAGE: &str = "COMPATIBILITY.md";
const FLOOR: &str = "conformance-floor.txt";
const COUNTED: &str = "conformance-operations.json";
const BEGIN: &str = "<!-- made by `cargo xtask compatibility` -->\n";
const END: &str = "<!-- end -->\n";
/// The clients of `scripts/clients/play.py`, by the names that steps leave them out with.
const CLIENTS: [&str; 4] = ["boto3", "cli", "js", "rust"];

/// Rewrites the table; with a folder of recorded cases, counts them first.
///
/// # Errors
/// When a file cannot be read or written.
pub fn rewrite(root: &Path, cases: Option<&Path>) -> Result<String, String> {
    if let Some(cases) = cases {
        let counted = count(&floor(root)?, cases)?;
        write(&root.join(COUNTED), &counted)?;
    }
    let (page, made) = made(root)?;
    if page != made {
        write(&root.join(PAGE), &made)?;
    }
    Ok(format!("{PAGE} tells of {} operations", table_rows(&made)))
}

/// What is wrong with the table as it stands; nothing when it is what it would be made to.
///
/// # Errors
/// When a file cannot be read.
pub fn check(root: &Path) -> Result<Option<String>, String> {
    let counted = read_json(&root.join(COUNTED))?;
    let (then, now) = (counted["cases"].as_u64().unwrap_or(0), floor(root)?.len() as u64);
    if now < then {
        let told = format!("has {now} cases; {COUNTED} counts {then}: run `cargo xtask compatibility --cases FOLDER`");
        return Ok(Some(told));
    }
    let (page, made) = made(root)?;
    Ok((page != made).then(|| "its table of operations is stale: run `cargo xtask compatibility`".to_owned()))
}

/// The page as it is, and as it would be made.
fn made(root: &Path) -> Result<(String, String), String> {
    let page = read(&root.join(PAGE))?;
    let no_place = || format!("{PAGE} has no place for the table, between {BEGIN} and {END}");
    let (before, rest) = page.split_once(BEGIN).ok_or_else(no_place)?;
    let (_, after) = rest.split_once(END).ok_or_else(no_place)?;
    let made = format!("{before}{BEGIN}{}{END}{after}", table(&Sources::read(root)?)?);
    Ok((page, made))
}

fn table_rows(page: &str) -> usize {
    let between = page.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END));
    between.map_or(0, |(table, _)| table.lines().count().saturating_sub(2))
}

/// What the table is made of.
struct Sources {
    operations: Vec<String>,
    there: BTreeSet<String>,
    recorded: Value,
    clients: BTreeMap<String, BTreeSet<String>>,
    tested: String,
    remarks: Value,
}

impl Sources {
    fn read(root: &Path) -> Result<Sources, String> {
        let facts = read_json(&root.join("crates/model/facts/states.json"))?;
        let operations = facts["operations"].as_object().map(|all| all.keys().cloned().collect());
        let script = read_json(&root.join("scripts/clients/operations.json"))?;
        let mut tested = String::new();
        for file in rust_files(&root.join("crates/api/tests"))? {
            tested.push_str(&read(&file)?);
        }
        Ok(Sources {
            operations: operations.unwrap_or_default(),
            there: names_of_table(&read(&root.join("crates/api/src/operations/mod.rs"))?),
            recorded: read_json(&root.join(COUNTED))?,
            clients: called(&script),
            tested,
            remarks: read_json(&root.join("crates/xtask/remarks.json"))?,
        })
    }
}

/// The table: a row for each operation of AWS's.
fn table(sources: &Sources) -> Result<String, String> {
    let remarks = sources.remarks.as_object().into_iter().flat_map(Map::keys);
    if let Some(unknown) = remarks.clone().find(|name| !sources.operations.contains(*name)) {
        return Err(format!("remarks.json tells of {unknown}, which is no operation"));
    }
    let mut out =
        "| operation | | recorded cases | clients | own tests | remarks |\n| --- | --- | --- | --- | --- | --- |\n"
            .to_owned();
    for name in &sources.operations {
        let there = if sources.there.contains(name) { "yes" } else { "**no**" };
        let recorded = match sources.recorded["operations"][name].as_u64() {
            Some(cases) => cases.to_string(),
            None => "–".to_owned(),
        };
        let clients = sources.clients.get(name).map(BTreeSet::len).filter(|count| *count > 0);
        let clients = clients.map_or("–".to_owned(), |count| count.to_string());
        let tested = if sources.tested.contains(&format!("\"{name}\"")) { "yes" } else { "–" };
        let remark = sources.remarks[name].as_str().unwrap_or("");
        out += &format!("| {name} | {there} | {recorded} | {clients} | {tested} | {remark} |\n");
    }
    Ok(out)
}

/// The names in the table of `crates/api/src/operations/mod.rs`: `"CreateActivity" => create_activity,`.
fn names_of_table(text: &str) -> BTreeSet<String> {
    let table = text.split_once("operations! {").map_or("", |(_, rest)| rest.split('}').next().unwrap_or(""));
    table.lines().filter_map(|line| line.trim().strip_prefix('"')?.split('"').next()).map(str::to_owned).collect()
}

/// Which clients call each operation, by a script of `scripts/clients`.
fn called(script: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let mut called: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for step in script.as_array().into_iter().flatten() {
        let Some(name) = step["call"].as_str().or_else(|| step["pages"].as_str()) else { continue };
        let left_out = |client: &&str| step["except"].as_array().is_some_and(|names| names.contains(&json!(*client)));
        let clients = CLIENTS.iter().filter(|client| !left_out(client)).map(|client| (*client).to_owned());
        called.entry(name.to_owned()).or_default().extend(clients);
    }
    called
}

/// Of each operation, in how many cases of the floor an answer of it is compared with AWS's.
fn count(floor: &BTreeSet<String>, folder: &Path) -> Result<String, String> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let mut found = 0;
    for file in json_files(folder)? {
        let group = read_json(&file)?;
        for case in group["cases"].as_array().into_iter().flatten() {
            if !case["id"].as_str().is_some_and(|id| floor.contains(id)) {
                continue;
            }
            found += 1;
            let compared = |call: &&Value| call["compare_as"].as_array().is_some_and(|keys| !keys.is_empty());
            let calls = case["calls"].as_array().into_iter().flatten();
            let names: BTreeSet<&str> = calls.filter(compared).filter_map(|call| call["op"].as_str()).collect();
            names.into_iter().for_each(|name| *counts.entry(name.to_owned()).or_default() += 1);
        }
    }
    if found < floor.len() {
        return Err(format!("{} has {found} of the {} cases of {FLOOR}", folder.display(), floor.len()));
    }
    let text = serde_json::to_string_pretty(&json!({"cases": found, "operations": counts}));
    text.map(|text| text + "\n").map_err(|error| error.to_string())
}

fn floor(root: &Path) -> Result<BTreeSet<String>, String> {
    let text = read(&root.join(FLOOR))?;
    Ok(text.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")).map(str::to_owned).collect())
}

fn rust_files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    files(folder, "rs")
}

fn json_files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    files(folder, "json")
}

/// Files below a folder with this ending, in the order of their names.
fn files(folder: &Path, ending: &str) -> Result<Vec<PathBuf>, String> {
    let told = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(told)? {
        let path = entry.map_err(told)?.path();
        if path.is_dir() {
            found.extend(files(&path, ending)?);
        } else if path.extension().is_some_and(|extension| extension == ending) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn read_json(path: &Path) -> Result<Value, String> {
    serde_json::from_str(&read(path)?).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_say_what_was_tested_and_no_more() {
        let script = json!([{"call": "A", "except": ["cli"]}, {"pages": "B"}, {"note": "C"}]);
        let sources = Sources {
            operations: ["A", "B", "C"].map(str::to_owned).into(),
            there: names_of_table("operations! {\n    \"A\" => a,\n    \"B\" => b,\n}\n\"C\""),
            recorded: json!({"operations": {"A": 3}}),
            clients: called(&script),
            tested: "(\"B\", \"{}\", 200)".to_owned(),
            remarks: json!({"B": "slow"}),
        };
        let rows = table(&sources).unwrap();
        let rows: Vec<&str> = rows.lines().skip(2).collect();
        assert_eq!(
            rows,
            ["| A | yes | 3 | 3 | – |  |", "| B | yes | – | 4 | yes | slow |", "| C | **no** | – | – | – |  |"]
        );
        assert!(table(&Sources { remarks: json!({"X": ""}), ..sources }).is_err());
    }
}
