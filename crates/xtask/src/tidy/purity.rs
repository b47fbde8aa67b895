//! Purity: no clock, randomness, input, output, threads, async or unordered iteration in the pure rooms.

use super::Offence;
use super::metadata::Package;
use super::source::Source;

/// The pure rooms.
const PURE: &[&str] = &["value", "query", "asl", "interpreter", "model", "iam"];

/// Crates that bring the world in.
const IMPURE_CRATES: &[&str] = &[
    "async-std",
    "axum",
    "chrono",
    "crossbeam",
    "futures",
    "getrandom",
    "hyper",
    "hyper-util",
    "libc",
    "mio",
    "notify",
    "rand",
    "rayon",
    "reqwest",
    "rusqlite",
    "rustls",
    "tokio",
    "tracing",
    "tracing-subscriber",
    "uuid",
];

/// Paths that bring the world in; a grouped `use std::{fs, …}` is found by its parts.
const IMPURE_PATHS: &[&str] =
    &["std::fs", "std::net", "std::thread", "std::process", "std::env", "std::io::stdin", ".await", "async fn"];

/// Names that bring the world in, however they are imported.
const IMPURE_NAMES: &[&str] = &["SystemTime", "HashMap"];

/// The clock's name, which other types may bear too: an offence where it is taken from `time`, or asked for now.
const CLOCK: &str = "Instant";

/// Finds pure rooms that depend on an impure crate (tests may).
pub fn check_dependencies(packages: &[Package]) -> Vec<Offence> {
    let pure = packages.iter().filter(|package| PURE.contains(&package.room.as_str()));
    let mut offences = Vec::new();
    for package in pure {
        for dependency in package.dependencies.iter().filter(|dependency| !dependency.dev) {
            if IMPURE_CRATES.contains(&dependency.name.as_str()) {
                let message = format!("is a pure room and depends on `{}`", dependency.name);
                offences.push(Offence::new(&package.room, message));
            }
        }
    }
    offences
}

/// Finds impure names in a source file of a pure room, outside its tests.
pub fn check_source(source: &Source) -> Vec<Offence> {
    if !PURE.contains(&source.room()) || source.is_test() {
        return Vec::new();
    }
    let mut offences = Vec::new();
    for (number, line) in source.code_lines() {
        let words = IMPURE_NAMES.iter().filter(|name| has_word(line, name));
        let paths = IMPURE_PATHS.iter().filter(|path| line.contains(**path) || is_grouped(line, path));
        let is_clock = has_word(line, CLOCK) && (line.contains("time::") || line.contains("Instant::now"));
        for name in words.chain(paths).chain(is_clock.then_some(&CLOCK)) {
            offences.push(Offence::new(&source.path, format!("a pure room names `{name}` (line {number})")));
        }
    }
    offences
}

fn has_word(line: &str, word: &str) -> bool {
    line.split(|character: char| !(character.is_alphanumeric() || character == '_')).any(|part| part == word)
}

/// Whether `use std::{fs, net}` names `std::fs`.
fn is_grouped(line: &str, path: &str) -> bool {
    let Some(name) = path.strip_prefix("std::") else { return false };
    line.trim_start().starts_with("use std::{") && has_word(line, name)
}

#[cfg(test)]
mod tests {
    use super::{check_dependencies, check_source};
    use crate::tidy::metadata::{Dependency, Package};
    use crate::tidy::source::Source;

    #[track_caller]
    fn check(path: &str, text: &str, offences: usize) {
        let found = check_source(&Source::new(path, text));
        assert_eq!(found.len(), offences, "{text}: {found:?}");
    }

    #[test]
    fn planted_names_are_found() {
        check("crates/query/src/a.rs", "use std::fs;\n", 1);
        check("crates/query/src/a.rs", "use std::{fs, net};\n", 2);
        check("crates/query/src/a.rs", "use std::time::{Duration, Instant};\n", 1);
        check("crates/query/src/a.rs", "let now = Instant::now();\n", 1);
        check("crates/query/src/a.rs", "struct Instant(i64);\n", 0);
        check("crates/query/src/a.rs", "let now = std::time::SystemTime::now();\n", 1);
        check("crates/query/src/a.rs", "let map: HashMap<u8, u8> = x;\n", 1);
        check("crates/iam/src/a.rs", "pub async fn go() { x.await }\n", 2);
        check("crates/engine/src/a.rs", "use std::fs;\n", 0);
    }

    #[test]
    fn comments_strings_and_tests_may_name_them() {
        check("crates/query/src/a.rs", "// std::fs\nlet text = \"std::fs HashMap\";\nlet instantly = 1;\n", 0);
        check("crates/query/src/a.rs", "/* HashMap\n HashMap */\n", 0);
        check("crates/query/src/a.rs", "#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n", 0);
        check("crates/query/src/a.rs", "#[cfg(test)]\nmod tests {\n}\nuse std::fs;\n", 1);
        check("crates/query/tests/a.rs", "use std::fs;\n", 0);
    }

    #[test]
    fn planted_dependencies_are_found() {
        let package = |room: &str, name: &str, dev| Package {
            room: room.to_owned(),
            dependencies: vec![Dependency { name: name.to_owned(), dev }],
        };
        assert_eq!(check_dependencies(&[package("asl", "tokio", false)]).len(), 1);
        assert_eq!(check_dependencies(&[package("asl", "tokio", true)]).len(), 0);
        assert_eq!(check_dependencies(&[package("asl", "regex", false)]).len(), 0);
        assert_eq!(check_dependencies(&[package("engine", "tokio", false)]).len(), 0);
    }
}
