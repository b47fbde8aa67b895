//! Import directions: value ← query ← asl ← interpreter ← store, engine ← integrations, api ← stepwell.

use super::Offence;
use super::metadata::{Dependency, Package};

/// Who may import whom. `model` and `iam` are for edges only; `engine` knows no concrete store, no integration and no
/// API; `api` and `integrations` do not know each other.
const ROOMS: &[(&str, &[&str])] = &[
    ("value", &[]),
    ("query", &["value"]),
    ("asl", &["value", "query"]),
    ("interpreter", &["value", "query", "asl"]),
    ("model", &["value"]),
    ("iam", &["value"]),
    ("store", &["value", "query", "asl", "interpreter", "model"]),
    ("store-sqlite", &["value", "query", "asl", "interpreter", "model", "store"]),
    ("store-postgres", &["value", "query", "asl", "interpreter", "model", "store"]),
    ("engine", &["value", "query", "asl", "interpreter", "model", "iam", "store"]),
    ("integrations", &["value", "query", "asl", "interpreter", "model", "iam", "store", "engine"]),
    ("api", &["value", "query", "asl", "interpreter", "model", "iam", "store", "engine"]),
    ("console", &[]),
];

/// Rooms that may import any room but the workshop: the binary joins them, the workshop looks at all of them.
const JOINERS: &[&str] = &["stepwell", "simulator", "conformance", "instructions", "xtask"];

/// Rooms that nobody may import, not even for tests.
const WORKSHOP: &[&str] = &["simulator", "conformance", "instructions", "xtask"];

/// Finds imports against the direction.
pub fn check(packages: &[Package]) -> Vec<Offence> {
    packages.iter().flat_map(|package| package.dependencies.iter().filter_map(|one| offence(package, one))).collect()
}

fn offence(package: &Package, dependency: &Dependency) -> Option<Offence> {
    let target = dependency.room()?;
    let told = |message: String| Some(Offence::new(&package.room, message));
    if WORKSHOP.contains(&target) {
        return told(format!("imports `{target}`, which is never shipped and which nothing may import"));
    }
    if JOINERS.contains(&package.room.as_str()) || (dependency.dev && target != "stepwell") {
        return None;
    }
    match ROOMS.iter().find(|(room, _)| *room == package.room) {
        None => told("is a new room; say in tidy/directions.rs what it may import".to_owned()),
        Some((_, imports)) if !imports.contains(&target) => {
            told(format!("imports `{target}`; it may import only {imports:?}"))
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::metadata::{Dependency, Package};

    #[track_caller]
    fn check_import(room: &str, dependency: &str, dev: bool, offence: Option<&str>) {
        let dependencies = vec![Dependency { name: dependency.to_owned(), dev }];
        let found = check(&[Package { room: room.to_owned(), dependencies }]);
        match offence {
            None => assert_eq!(found, []),
            Some(part) => assert!(found.len() == 1 && found[0].message.contains(part), "{found:?}"),
        }
    }

    #[test]
    fn planted_imports_are_found() {
        check_import("query", "stepwell-value", false, None);
        check_import("query", "regex", false, None);
        check_import("query", "stepwell-asl", false, Some("may import only"));
        check_import("interpreter", "stepwell-model", false, Some("imports `model`"));
        check_import("engine", "stepwell-store", false, None);
        check_import("engine", "stepwell-store-sqlite", false, Some("imports `store-sqlite`"));
        check_import("engine", "stepwell-api", false, Some("imports `api`"));
        check_import("engine", "stepwell-integrations", false, Some("imports `integrations`"));
        check_import("api", "stepwell-integrations", false, Some("imports `integrations`"));
        check_import("stepwell", "stepwell-integrations", false, None);
        check_import("stepwell", "stepwell-simulator", false, Some("never shipped"));
        check_import("engine", "stepwell-simulator", true, Some("never shipped"));
        check_import("engine", "stepwell-store-sqlite", true, None);
        check_import("api", "stepwell", true, Some("imports `stepwell`"));
        check_import("kitchen", "stepwell-value", false, Some("new room"));
    }
}
