//! `stepwell fmt`: definitions in canonical layout.

use std::path::PathBuf;

use clap::Args;
use stepwell_value::Position;

use crate::definition_file::DefinitionFile;
use crate::problem::{Exit, Problem};
use crate::terminal::{data, say};

/// Arguments of `stepwell fmt`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The definitions: JSON, or YAML by their ending
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Change nothing; name the files that are laid out otherwise, and end with exit code 1 when there are any
    #[arg(long)]
    check: bool,
}

/// Rewrites the files that are laid out otherwise. All files are read before the first one is written.
///
/// # Errors
/// When a file cannot be read, laid out or written; exit code 3 when it is no JSON or YAML.
pub fn run(arguments: &Arguments) -> Result<Exit, Problem> {
    let mut changed = Vec::new();
    for path in &arguments.files {
        let file = DefinitionFile::read(path)?;
        let formatted = formatted(&file)?;
        if formatted != file.text {
            changed.push((file.path, formatted));
        }
    }
    if arguments.check {
        changed.iter().for_each(|(path, _)| data(&path.display().to_string()));
        return Ok(if changed.is_empty() { Exit::Ok } else { Exit::Failed });
    }
    for (path, formatted) in changed {
        let told = |error: std::io::Error| Problem::failed(format!("cannot write `{}`: {error}", path.display()));
        std::fs::write(&path, formatted).map_err(told)?;
        say(&format!("{}: laid out", path.display()));
    }
    Ok(Exit::Ok)
}

fn formatted(file: &DefinitionFile) -> Result<String, Problem> {
    let at = |Position { line, column }: Position, what: &str| {
        let message = format!("{}:{line}:{column}: {what}", file.path.display());
        Problem { exit: Exit::Invalid, ..Problem::failed(message) }
    };
    if file.is_yaml() {
        return stepwell_asl::format::yaml(&file.text).map_err(|error| at(error.position, &error.message));
    }
    stepwell_asl::format::json(&file.text).map_err(|error| at(Position::of(&file.text, error.offset), &error.message))
}
