//! Every case file, kept in memory and reloaded from its stored forms after every step.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use std::fs;
use std::path::Path;

use stepwell_conformance::{Mode, parse, render, run, with_expected};

include!(concat!(env!("OUT_DIR"), "/cases.rs"));

#[track_caller]
fn check(file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = fs::read_to_string(&path).unwrap();
    let case = parse(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
    let played = run(&case, Mode::InMemory).unwrap_or_else(|error| panic!("{file}: {error}"));
    let reloaded = run(&case, Mode::Reloading).unwrap_or_else(|error| panic!("{file}, reloading: {error}"));
    let (found, found_reloaded) = (render(&played), render(&reloaded));
    assert!(found == found_reloaded, "{file}: reloading changes the history\n{}", differences(&found, &found_reloaded));
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, with_expected(&text, &found)).unwrap();
        return;
    }
    assert!(
        found == case.expected,
        "{file}: another history than expected (`-` expected, `+` found); if it is meant, UPDATE_EXPECT=1 writes it down\n{}",
        differences(&case.expected, &found)
    );
}

/// The lines that differ, each text's in its order.
fn differences(expected: &str, found: &str) -> String {
    let (one, two): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), found.lines().collect());
    let mut text = String::new();
    for index in 0..one.len().max(two.len()) {
        let (left, right) = (one.get(index), two.get(index));
        if left != right {
            text.extend(left.map(|line| format!("-{line}\n")));
            text.extend(right.map(|line| format!("+{line}\n")));
        }
    }
    text
}
