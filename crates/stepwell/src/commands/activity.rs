//! `stepwell activity …`: activities of a server.

use clap::{Args, Subcommand};
use stepwell_value::Value;

use super::{names, sm};
use crate::call::{self, Caller};
use crate::cli::{Connection, Format, Output};
use crate::client::Client;
use crate::problem::{Exit, Problem};
use crate::terminal::{data, say, table};

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the activities
    List(Common),
    /// Make one
    Create(Create),
    /// Wait for a task of an activity and take it; exit code 1 when none came
    Poll(Poll),
}

/// What all have.
#[derive(Args, Debug)]
pub struct Common {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    output: Output,
}

/// A new activity.
#[derive(Args, Debug)]
pub struct Create {
    /// Its name
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    common: Common,
}

/// A worker's question for a task.
#[derive(Args, Debug)]
pub struct Poll {
    /// The activity's name or ARN
    #[arg(value_name = "ACTIVITY")]
    activity: String,
    /// The name of the worker, for the history
    #[arg(long, value_name = "NAME")]
    worker: Option<String>,
    #[command(flatten)]
    common: Common,
}

/// Runs one of them.
///
/// # Errors
/// The API's, or that no server answers.
pub async fn run(command: Command) -> Result<Exit, Problem> {
    match command {
        Command::List(common) => list(common).await,
        Command::Create(arguments) => create(arguments).await,
        Command::Poll(arguments) => poll(arguments).await,
    }
}

async fn list(common: Common) -> Result<Exit, Problem> {
    let client = Client::new(&common.connection)?;
    let all = call::list(&client, "ListActivities", &[], "activities", 0).await?;
    match common.output.output {
        Format::Json => data(&Value::object([("activities", Value::array(all))]).to_json_pretty()),
        Format::Table => {
            let rows: Vec<Vec<String>> = all.iter().map(|one| sm::row(one, "activityArn", false)).collect();
            data(&table(&["name", "created", "arn"], &rows));
        }
    }
    Ok(Exit::Ok)
}

async fn create(arguments: Create) -> Result<Exit, Problem> {
    let client = Client::new(&arguments.common.connection)?;
    let answer = client.call("CreateActivity", Value::object([("name", Value::from(arguments.name))])).await?;
    sm::show(&answer, arguments.common.output);
    Ok(Exit::Ok)
}

async fn poll(arguments: Poll) -> Result<Exit, Problem> {
    let client = Client::new(&arguments.common.connection)?;
    let arn = names::activity(&client, &arguments.activity).await?;
    let mut request = vec![("activityArn", Value::from(arn))];
    request.extend(arguments.worker.map(|worker| ("workerName", Value::from(worker))));
    let answer = client.call("GetActivityTask", Value::object(request)).await?;
    let token = call::text(&answer, "taskToken").to_owned();
    if token.is_empty() {
        say("no task came");
        return Ok(Exit::Failed);
    }
    sm::show(&answer, arguments.common.output);
    say("answer it: stepwell task success TOKEN --result JSON, or stepwell task failure TOKEN --error NAME");
    Ok(Exit::Ok)
}
