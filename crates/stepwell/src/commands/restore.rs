//! `stepwell restore`: a backup becomes a data folder.

use std::path::PathBuf;

use clap::Args;
use stepwell_store_sqlite::backup::restore;

use super::backup::summary;
use crate::problem::{Exit, Problem};
use crate::terminal::say;

/// Arguments of `stepwell restore`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// A file made by `stepwell backup`
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The data folder to make
    #[arg(long, value_name = "FOLDER")]
    data: PathBuf,
    /// Set the data aside that is in the folder
    #[arg(long)]
    force: bool,
}

/// Verifies the file, then puts it into the folder.
///
/// # Errors
/// When the file is damaged or of a newer version, or the folder is in use or not empty.
pub fn run(arguments: &Arguments) -> Result<Exit, Problem> {
    let restored = restore(&arguments.file, &arguments.data, arguments.force);
    let restored = restored.map_err(|error| Problem::failed(error.to_string()))?;
    if let Some(place) = &restored.replaced {
        say(&format!("the data that was there is in {}", place.display()));
    }
    say(&format!("restored {}: {}", arguments.data.display(), summary(&restored.report)));
    say("executions that run go on with the next start; do not start the server that the backup was made of as well");
    Ok(Exit::Ok)
}
