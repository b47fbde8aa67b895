//! `stepwell backup`: a data folder as one file, also while a server works in it.

use std::path::PathBuf;

use clap::Args;
use stepwell_store_sqlite::backup::backup;
use stepwell_store_sqlite::verify::{Kind, Report};

use crate::problem::{Exit, Problem};
use crate::terminal::{data, say};

/// Arguments of `stepwell backup`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The data folder
    #[arg(long, value_name = "FOLDER", default_value = ".stepwell", env = "STEPWELL_DATA")]
    data: PathBuf,
    /// The file to make; it must not exist yet
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

/// Makes the backup, verifies it, and prints its path.
///
/// # Errors
/// When there is no data, the file cannot be made, or what is stored is damaged.
pub fn run(arguments: &Arguments) -> Result<Exit, Problem> {
    let made = backup(&arguments.data, &arguments.to);
    let report = made.map_err(|error| {
        Problem::failed(error.to_string())
            .help("what is damaged in a data folder is shown by: stepwell doctor --verify --data FOLDER")
    })?;
    say(&format!("{}; it holds the installation's secret: keep it as safe as the data", summary(&report)));
    data(&arguments.to.display().to_string());
    Ok(Exit::Ok)
}

/// What is in a database, in a few words.
pub fn summary(report: &Report) -> String {
    let counts = [Kind::Executions, Kind::Open, Kind::Events, Kind::Records];
    counts.map(|kind| format!("{} {}", report.count(kind).seen, kind.name())).join(", ")
}
