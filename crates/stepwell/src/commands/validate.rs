//! `stepwell validate`: what is wrong with definitions, and where.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use stepwell_asl::{Diagnostic, Severity, Source};
use stepwell_value::Value;

use crate::config::Type;
use crate::definition_file::DefinitionFile;
use crate::problem::{Exit, Problem};
use crate::terminal::{data, say};

/// Arguments of `stepwell validate`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The definitions: JSON, or YAML by their ending
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Text with source lines for people, or a JSON array for programs
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
    /// Check them as Express state machines
    #[arg(long)]
    express: bool,
    /// Warnings make a definition invalid too
    #[arg(long)]
    strict: bool,
}

/// The forms of the findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Human,
    /// For programs.
    Json,
}

/// Checks all files; exit code 3 when one is invalid.
///
/// # Errors
/// When a file cannot be read.
pub fn run(arguments: &Arguments) -> Result<Exit, Problem> {
    let machine_type = Type::of_flag(arguments.express).for_validation();
    let (mut errors, mut warnings) = (0, 0);
    let mut findings = Vec::new();
    for path in &arguments.files {
        let file = DefinitionFile::read(path)?;
        let compiled = file.compile(machine_type, true);
        let source = file.source();
        for diagnostic in &compiled.diagnostics {
            match diagnostic.severity {
                Severity::Error => errors += 1,
                Severity::Warning => warnings += 1,
            }
            match arguments.format {
                Format::Human => data(&format!("{}\n", source.render(diagnostic))),
                Format::Json => findings.push(finding(&file, &source, diagnostic)),
            }
        }
        if compiled.diagnostics.is_empty() && arguments.format == Format::Human {
            say(&format!("{}: valid", path.display()));
        }
    }
    if arguments.format == Format::Json {
        data(&Value::array(findings).to_json_pretty());
    }
    if errors + warnings > 0 {
        let plural = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        say(&format!("{}, {}", plural(errors, "error"), plural(warnings, "warning")));
    }
    let invalid = errors > 0 || (arguments.strict && warnings > 0);
    Ok(if invalid { Exit::Invalid } else { Exit::Ok })
}

/// A finding for programs: lines and columns count from 1, columns in characters; the end is exclusive.
fn finding(file: &DefinitionFile, source: &Source<'_>, diagnostic: &Diagnostic) -> Value {
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let position = |offset: Option<usize>| offset.map(|offset| source.position(offset));
    let start = position(diagnostic.span.map(|span| span.start));
    let end = position(diagnostic.span.map(|span| span.end));
    let number = |value: Option<u32>| value.map_or(Value::Null, |value| Value::from(i64::from(value)));
    let text = |text: Option<&str>| text.map_or(Value::Null, Value::from);
    Value::object([
        ("file", Value::from(file.path.display().to_string())),
        ("severity", Value::from(severity)),
        ("code", Value::from(diagnostic.code)),
        ("message", Value::from(diagnostic.message.as_str())),
        ("location", text(Some(&*diagnostic.location).filter(|location| !location.is_empty()))),
        ("line", number(start.map(|start| start.line))),
        ("column", number(start.map(|start| start.column))),
        ("endLine", number(end.map(|end| end.line))),
        ("endColumn", number(end.map(|end| end.column))),
        ("help", text(diagnostic.help.as_deref())),
    ])
}
