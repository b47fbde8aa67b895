//! Definitions: read, compiled, rendered, run.

use stepwell_asl::{Compiled, MachineType, Options, Severity, aws_message, compile, compile_state, render, yaml};

use crate::{grow, run};

const OPTIONS: [Options; 2] = [
    Options { machine_type: MachineType::Standard, warnings: true },
    Options { machine_type: MachineType::Express, warnings: false },
];

/// Compiles a text as JSON, as a machine and as a single state; what compiles is run.
pub fn json(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for options in &OPTIONS {
        let compiled = compile(text, options);
        check(&compiled, text);
        if let Some(definition) = &compiled.definition {
            assert_eq!(&*definition.text, text);
            run::run(definition, bytes);
        }
    }
    check(&compile_state(text, "Only", &OPTIONS[0]), text);
}

/// Compiles a text as YAML; its JSON text compiles to the same.
pub fn yaml(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let compiled = yaml::compile(text, &OPTIONS[0]);
    check(&compiled, text);
    let Ok(json) = yaml::to_json_text(text) else { return };
    let from_json = compile(&json, &OPTIONS[0]);
    assert_eq!(told(&compiled), told(&from_json), "YAML and its JSON");
    if let Some(definition) = &compiled.definition {
        assert_eq!(*definition.text, json);
        run::run(definition, bytes);
    }
}

/// Grows a definition from the bytes, most of the time one that compiles.
pub fn grown(bytes: &[u8]) {
    let (text, rest) = grow::definition(bytes);
    if std::env::var_os("FUZZ_SHOW").is_some() {
        eprintln!("{text}");
    }
    let compiled = compile(&text, &OPTIONS[0]);
    check(&compiled, &text);
    if let Some(definition) = &compiled.definition {
        run::run(definition, rest);
    } else if std::env::var_os("FUZZ_SHOW").is_some() {
        eprintln!("{}", aws_message(&compiled.diagnostics));
    }
}

/// What every outcome keeps to: a definition unless there are errors, places within the text, a text for people.
fn check(compiled: &Compiled, text: &str) {
    let is_refused = compiled.diagnostics.iter().any(|found| found.severity == Severity::Error);
    assert_eq!(compiled.definition.is_none(), is_refused, "{:?}", compiled.diagnostics);
    for diagnostic in &compiled.diagnostics {
        if let Some(span) = diagnostic.span {
            assert!(span.start <= span.end && span.start <= text.len(), "{diagnostic:?}");
        }
        render(diagnostic, "machine.asl.json", text);
    }
    aws_message(&compiled.diagnostics);
}

/// What is said, without the places in the text.
fn told(compiled: &Compiled) -> Vec<(&str, &str, &str)> {
    compiled.diagnostics.iter().map(|found| (found.code, found.message.as_str(), found.location.as_str())).collect()
}
