//! `stepwell task …`: the answer of a task, by its token.

use clap::{Args, Subcommand};
use stepwell_value::Value;

use crate::call::Caller;
use crate::cli::Connection;
use crate::client::Client;
use crate::input;
use crate::problem::{Exit, Problem};
use crate::terminal::say;

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The task is done
    Success(Success),
    /// The task has failed
    Failure(Failure),
    /// The task is still being worked on
    Heartbeat(Token),
}

/// Which task.
#[derive(Args, Debug)]
pub struct Token {
    /// The task's token
    #[arg(value_name = "TOKEN")]
    token: String,
    #[command(flatten)]
    connection: Connection,
}

/// A task that is done.
#[derive(Args, Debug)]
pub struct Success {
    #[command(flatten)]
    token: Token,
    /// The task's result: JSON, @FILE, or - for standard input
    #[arg(long, short, value_name = "JSON", default_value = "{}", allow_hyphen_values = true)]
    result: String,
}

/// A task that has failed.
#[derive(Args, Debug)]
pub struct Failure {
    #[command(flatten)]
    token: Token,
    /// The error, for Retry and Catch
    #[arg(long, value_name = "NAME")]
    error: Option<String>,
    /// The cause, for people
    #[arg(long, value_name = "TEXT")]
    cause: Option<String>,
}

/// Runs one of them.
///
/// # Errors
/// The API's, or that no server answers.
pub async fn run(command: Command) -> Result<Exit, Problem> {
    let (operation, token, members) = match command {
        Command::Success(arguments) => {
            let output = input::read(&arguments.result)?;
            ("SendTaskSuccess", arguments.token, vec![("output", Value::from(output))])
        }
        Command::Failure(arguments) => {
            let members = [("error", arguments.error), ("cause", arguments.cause)];
            let members = members.into_iter().filter_map(|(name, text)| Some((name, Value::from(text?))));
            ("SendTaskFailure", arguments.token, members.collect())
        }
        Command::Heartbeat(token) => ("SendTaskHeartbeat", token, Vec::new()),
    };
    let client = Client::new(&token.connection)?;
    let request = Value::object([("taskToken", Value::from(token.token))].into_iter().chain(members));
    client.call(operation, request).await?;
    say("taken");
    Ok(Exit::Ok)
}
