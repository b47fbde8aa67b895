//! `stepwell fmt`: rewriting, `--check`, faults.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop where it stands")]

mod support;

use support::{examples, run};

const JSON: &str = r#"{"States":{"A":{"End":true,"Type":"Pass","Result":[1,  2.50]}},"StartAt":"A"}"#;
const JSON_LAID_OUT: &str = r#"{
  "StartAt": "A",
  "States": {
    "A": {
      "Type": "Pass",
      "Result": [1, 2.50],
      "End": true
    }
  }
}
"#;
const YAML: &str = "States:\n    A:\n        End: true # last\n        Type: Pass\nStartAt: A\n";
const YAML_LAID_OUT: &str = "StartAt: A\nStates:\n  A:\n    Type: Pass\n    End: true # last\n";

#[test]
fn files_are_rewritten_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (json, yaml) = (path("a.asl.json"), path("b.asl.yaml"));
    std::fs::write(&json, JSON).unwrap();
    std::fs::write(&yaml, YAML).unwrap();
    let listed = run(&["fmt", "--check", &json, &yaml]).code(1);
    assert_eq!(listed.out, format!("{json}\n{yaml}\n"));
    assert_eq!(std::fs::read_to_string(&json).unwrap(), JSON);
    run(&["fmt", &json, &yaml]).code(0).says(&["a.asl.json: laid out", "b.asl.yaml: laid out"]);
    assert_eq!(std::fs::read_to_string(&json).unwrap(), JSON_LAID_OUT);
    assert_eq!(std::fs::read_to_string(&yaml).unwrap(), YAML_LAID_OUT);
    let nothing = run(&["fmt", "--check", &json, &yaml]).code(0);
    assert!(nothing.out.is_empty() && nothing.err.is_empty(), "{nothing:?}");
    // One faulty file, and none is touched.
    std::fs::write(&yaml, YAML).unwrap();
    std::fs::write(path("c.json"), "{\n'").unwrap();
    run(&["fmt", &yaml, &path("c.json")]).code(3).says(&["c.json:2:1: Unexpected character"]);
    assert_eq!(std::fs::read_to_string(&yaml).unwrap(), YAML);
    run(&["fmt", &path("none.json")]).code(2).says(&["cannot read"]);
}

/// The output of a definition does not depend on its layout.
#[test]
fn what_a_definition_does_stays_the_same() {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(examples()).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
        let name = entry.file_name().into_string().unwrap();
        let copy = folder.path().join(format!("{name}.asl.json"));
        std::fs::copy(entry.path().join(format!("{name}.asl.json")), &copy).unwrap();
        run(&["fmt", &copy.display().to_string()]).code(0);
        run(&["validate", &copy.display().to_string()]).code(0);
    }
    let file = folder.path().join("pass.asl.json");
    std::fs::write(&file, JSON).unwrap();
    let before = run(&["run", &file.display().to_string(), "--quiet"]).code(0);
    run(&["fmt", &file.display().to_string()]).code(0);
    assert_eq!(run(&["run", &file.display().to_string(), "--quiet"]).code(0).out, before.out);
}
