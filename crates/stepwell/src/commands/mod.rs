//! The commands, one file each: its arguments, and what it does.

pub mod activity;
pub mod backup;
pub mod completions;
pub mod dev;
pub mod doctor;
pub mod env;
pub mod exec;
pub mod fmt;
pub mod restore;
pub mod run;
pub mod serve;
pub mod sm;
pub mod task;
pub mod validate;

mod names;

use crate::cli::Command;
use crate::problem::{Exit, Problem};

/// Runs a command.
///
/// # Errors
/// What kept it from its work.
pub async fn run(command: Command) -> Result<Exit, Problem> {
    match command {
        Command::Dev(arguments) => dev::run(arguments).await,
        Command::Serve(arguments) => serve::run(arguments).await,
        Command::Run(arguments) => run::run(arguments).await,
        Command::Validate(arguments) => validate::run(&arguments),
        Command::Fmt(arguments) => fmt::run(&arguments),
        Command::Sm(command) => sm::run(command).await,
        Command::Exec(command) => exec::run(command).await,
        Command::Activity(command) => activity::run(command).await,
        Command::Task(command) => task::run(command).await,
        Command::Env(arguments) => env::run(&arguments),
        Command::Backup(arguments) => backup::run(&arguments),
        Command::Restore(arguments) => restore::run(&arguments),
        Command::Doctor(arguments) => doctor::run(arguments).await,
        Command::Completions(arguments) => Ok(completions::run(&arguments)),
    }
}
