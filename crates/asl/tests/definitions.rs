//! Definitions and what the validator says to them: `tests/definitions/*.txt`.
//!
//! A row is a definition in one line, then the expected diagnostics, one a line behind `=> `, then an empty line. The first
//! word says what the line holds: `M` a machine, `S` a state (the machine around it is `{"StartAt": "S", "States": {"S": …}}`,
//! with a Succeed state `N` if the line names one), `J` the same in a JSONata machine, `T` a state alone as TestState takes
//! it. Words before the brace: `express`, `warnings`. Lines that begin with `#` are comments.
//! A comment says where an answer comes from: `recorded` names a recorded case; `as reported of AWS` is what users publicly
//! report of ValidateStateMachineDefinition; rows without a comment follow the specification and those texts by analogy.
//! With `UPDATE=1` in the environment the expectations are rewritten; look at the difference before you commit it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use stepwell_asl::{Compiled, MachineType, Options, Severity, compile, compile_state};

/// What may stand before a definition.
const WORDS: [&str; 6] = ["M", "S", "J", "T", "express", "warnings"];

/// Compiles the definition of a row's first line.
fn compile_row(line: &str) -> Compiled {
    let mut words: Vec<&str> = Vec::new();
    let mut text = line;
    while let Some((word, rest)) = text.split_once(' ').filter(|(word, _)| WORDS.contains(word)) {
        words.push(word);
        text = rest;
    }
    let machine_type = if words.contains(&"express") { MachineType::Express } else { MachineType::Standard };
    let options = Options { machine_type, warnings: words.contains(&"warnings") };
    let follower = if text.contains("\"N\"") { ", \"N\": {\"Type\": \"Succeed\"}" } else { "" };
    let machine = |language: &str| format!("{{\"StartAt\": \"S\"{language}, \"States\": {{\"S\": {text}{follower}}}}}");
    match words.first() {
        Some(&"M") => compile(text, &options),
        Some(&"S") => compile(&machine(""), &options),
        Some(&"J") => compile(&machine(", \"QueryLanguage\": \"JSONata\""), &options),
        Some(&"T") => compile_state(text, "StateName", &options),
        other => panic!("a row begins with M, S, J or T, not {other:?}: {line}"),
    }
}

/// The diagnostics in the text form of the rows.
fn said(compiled: &Compiled) -> Vec<String> {
    let one = |found: &stepwell_asl::Diagnostic| {
        let severity = if found.severity == Severity::Warning { "warning " } else { "" };
        let help = found.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        format!("=> {severity}{}: {} at {}{help}", found.code, found.message.replace('\n', "\\n"), found.location)
    };
    compiled.diagnostics.iter().map(one).collect()
}

#[track_caller]
fn check_file(path: &std::path::Path) {
    let text = std::fs::read_to_string(path).unwrap();
    let mut rewritten = String::new();
    let mut faults = Vec::new();
    for row in text.split("\n\n").filter(|row| !row.trim().is_empty()) {
        let lines: Vec<&str> = row.lines().filter(|line| !line.is_empty()).collect();
        let comments = lines.iter().take_while(|line| line.starts_with('#')).count();
        let Some(line) = lines.get(comments) else { continue };
        let compiled = compile_row(line);
        let found = said(&compiled);
        let expected: Vec<&str> = lines[comments + 1..].to_vec();
        let has_errors = compiled.diagnostics.iter().any(|one| one.severity == Severity::Error);
        assert_eq!(compiled.definition.is_none(), has_errors, "{line}");
        if found != expected {
            faults.push(format!("{line}\n  expected {expected:#?}\n  found {found:#?}"));
        }
        let block: Vec<String> = lines[..=comments].iter().map(|line| line.to_string()).chain(found).collect();
        rewritten.push_str(&block.join("\n"));
        rewritten.push_str("\n\n");
    }
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, rewritten.trim_end().to_owned() + "\n").unwrap();
    } else {
        assert!(faults.is_empty(), "{}:\n{}", path.display(), faults.join("\n"));
    }
}

#[test]
fn every_definition_gets_its_diagnostics() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/definitions");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths.iter().for_each(|path| check_file(path));
}
