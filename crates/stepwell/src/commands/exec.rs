//! `stepwell exec …`: executions of a server.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use stepwell_asl::MachineType;
use stepwell_value::Value;

use super::{names, sm};
use crate::call::{self, Caller};
use crate::cli::{Connection, Format, Output};
use crate::client::Client;
use crate::definition_file::DefinitionFile;
use crate::input;
use crate::problem::{Exit, Problem};
use crate::progress::{self, Ended, Lines};
use crate::server;
use crate::terminal::{Style, data, say, table};

/// The operation that forks, with its prefix.
const OWN_FORK: &str = "Stepwell.ForkExecution";
/// How often a running execution is looked at.
const INTERVAL: Duration = Duration::from_millis(250);

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start an execution
    Start(Start),
    /// List the executions of a state machine, the newest first
    List(List),
    /// Show an execution
    Describe(Named),
    /// Show the history of an execution
    History(History),
    /// Follow an execution to its end; the exit code is its outcome
    Watch(Named),
    /// Stop an execution
    Stop(Stop),
    /// Start an execution that goes on from a past event of another one, with other input or another definition
    Fork(Fork),
}

/// A new execution.
#[derive(Args, Debug)]
pub struct Start {
    /// The name or ARN of the state machine; NAME:QUALIFIER for a version or alias, NAME#TESTCASE for a test case of the
    /// mock configuration
    #[arg(value_name = "MACHINE")]
    machine: String,
    /// The input: JSON, @FILE, or - for standard input
    #[arg(long, short, value_name = "JSON", default_value = "{}", allow_hyphen_values = true)]
    input: String,
    /// The execution's name [default: a new one]
    #[arg(long)]
    name: Option<String>,
    /// Follow it to its end and print its output; the exit code is its outcome
    #[arg(long, short)]
    wait: bool,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    output: Output,
}

/// The executions of a state machine.
#[derive(Args, Debug)]
pub struct List {
    /// The name or ARN of the state machine; NAME:QUALIFIER for a version or alias
    #[arg(value_name = "MACHINE")]
    machine: String,
    /// Only those in this status: RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED
    #[arg(long)]
    status: Option<String>,
    /// At most so many; 0 for all
    #[arg(long, value_name = "NUMBER", default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    output: Output,
}

/// One execution.
#[derive(Args, Debug)]
pub struct Named {
    /// Its ARN, or MACHINE:NAME
    #[arg(value_name = "EXECUTION")]
    execution: String,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    output: Output,
}

/// The history of an execution.
#[derive(Args, Debug)]
pub struct History {
    #[command(flatten)]
    named: Named,
    /// The newest event first
    #[arg(long)]
    reverse: bool,
    /// At most so many events; 0 for all
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    limit: usize,
}

/// The end of an execution.
#[derive(Args, Debug)]
pub struct Stop {
    #[command(flatten)]
    named: Named,
    /// The error it ends with
    #[arg(long)]
    error: Option<String>,
    /// The cause it ends with
    #[arg(long)]
    cause: Option<String>,
}

/// An execution that goes on from a past event of another one.
#[derive(Args, Debug)]
pub struct Fork {
    #[command(flatten)]
    named: Named,
    /// The id of the last event that counts; see `stepwell exec history`
    #[arg(long, value_name = "ID")]
    event: u64,
    /// What the state that this event belongs to gets as input instead (the state after it, when it is done): JSON, @FILE,
    /// or - for standard input
    #[arg(long, short, value_name = "JSON", allow_hyphen_values = true)]
    input: Option<String>,
    /// A definition to go on with: a file in JSON or YAML
    #[arg(long, value_name = "FILE")]
    definition: Option<PathBuf>,
    /// The new execution's name [default: a new one]
    #[arg(long)]
    name: Option<String>,
    /// Follow it to its end and print its output; the exit code is its outcome
    #[arg(long, short)]
    wait: bool,
}

/// Runs one of them.
///
/// # Errors
/// The API's, or that no server answers.
pub async fn run(command: Command) -> Result<Exit, Problem> {
    match command {
        Command::Start(arguments) => start(arguments).await,
        Command::List(arguments) => list(arguments).await.map(|()| Exit::Ok),
        Command::Describe(named) => describe(named).await.map(|()| Exit::Ok),
        Command::History(arguments) => history(arguments).await.map(|()| Exit::Ok),
        Command::Watch(named) => watch(named).await,
        Command::Stop(arguments) => stop(arguments).await.map(|()| Exit::Ok),
        Command::Fork(arguments) => fork(arguments).await,
    }
}

async fn start(arguments: Start) -> Result<Exit, Problem> {
    let client = Client::new(&arguments.connection)?;
    let input = input::read(&arguments.input)?;
    let machine = names::state_machine(&client, &arguments.machine).await?;
    let mut request = vec![("stateMachineArn", Value::from(machine.as_str())), ("input", Value::from(input))];
    request.extend(arguments.name.map(|name| ("name", Value::from(name))));
    if arguments.wait && is_express(&client, &machine).await? {
        return sync(&client, Value::object(request), arguments.output).await;
    }
    let started = client.call("StartExecution", Value::object(request)).await?;
    begun(&client, &started, arguments.wait, arguments.output).await
}

/// Tells of a new execution, or follows it to its end.
async fn begun(client: &Client, started: &Value, wait: bool, output: Output) -> Result<Exit, Problem> {
    let arn = call::text(started, "executionArn");
    if wait {
        say(arn);
        return follow(client, arn, output).await;
    }
    match output.output {
        Format::Json => data(&started.to_json_pretty()),
        Format::Table => {
            data(arn);
            say(&format!("follow it: stepwell exec watch {arn}"));
        }
    }
    Ok(Exit::Ok)
}

async fn fork(arguments: Fork) -> Result<Exit, Problem> {
    let Named { execution, connection, output } = arguments.named;
    let client = Client::new(&connection)?;
    let arn = names::execution(&client, &execution).await?;
    let event = i64::try_from(arguments.event).unwrap_or(i64::MAX);
    let mut request = vec![("executionArn", Value::from(arn)), ("eventId", Value::from(event))];
    if let Some(input) = &arguments.input {
        request.push(("input", Value::from(input::read(input)?)));
    }
    if let Some(path) = &arguments.definition {
        request.push(("definition", Value::from(DefinitionFile::read(path)?.json_text(MachineType::Standard)?)));
    }
    request.extend(arguments.name.map(|name| ("name", Value::from(name))));
    let started = client.call(OWN_FORK, Value::object(request)).await?;
    begun(&client, &started, arguments.wait, output).await
}

async fn is_express(client: &Client, machine: &str) -> Result<bool, Problem> {
    let machine = machine.split('#').next().unwrap_or(machine); // a test case is none of the machine's
    let found = client.call("DescribeStateMachine", Value::object([("stateMachineArn", Value::from(machine))])).await?;
    Ok(call::text(&found, "type") == "EXPRESS")
}

/// Express executions keep no history to follow: the call waits for the end.
async fn sync(client: &Client, request: Value, output: Output) -> Result<Exit, Problem> {
    let answer = client.call("StartSyncExecution", request).await?;
    let ended = Ended::of(&answer).ok_or_else(|| Problem::failed("the execution has not ended"))?;
    Ok(tell(&ended, &answer, output))
}

async fn list(arguments: List) -> Result<(), Problem> {
    let client = Client::new(&arguments.connection)?;
    let machine = names::state_machine(&client, &arguments.machine).await?;
    let mut filter = vec![("stateMachineArn", Value::from(machine))];
    filter.extend(arguments.status.map(|status| ("statusFilter", Value::from(status.to_uppercase()))));
    let all = call::list(&client, "ListExecutions", &filter, "executions", arguments.limit).await?;
    if arguments.output.output == Format::Json {
        data(&Value::object([("executions", Value::array(all))]).to_json_pretty());
        return Ok(());
    }
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    data(&table(&["name", "status", "started", "took", "arn"], &rows));
    Ok(())
}

fn row(one: &Value) -> Vec<String> {
    let (started, stopped) = (call::date(one, "startDate"), call::date(one, "stopDate"));
    let took = started.zip(stopped).map(|(started, stopped)| progress::duration(stopped.0 - started.0));
    vec![
        call::text(one, "name").to_owned(),
        call::text(one, "status").to_owned(),
        started.map(|at| at.to_rfc3339()).unwrap_or_default(),
        took.unwrap_or_default(),
        call::text(one, "executionArn").to_owned(),
    ]
}

async fn describe(named: Named) -> Result<(), Problem> {
    let client = Client::new(&named.connection)?;
    let arn = names::execution(&client, &named.execution).await?;
    let answer = client.call("DescribeExecution", Value::object([("executionArn", Value::from(arn))])).await?;
    sm::show(&answer, named.output);
    Ok(())
}

async fn history(arguments: History) -> Result<(), Problem> {
    let client = Client::new(&arguments.named.connection)?;
    let arn = names::execution(&client, &arguments.named.execution).await?;
    let request = [
        ("executionArn", Value::from(arn)),
        ("reverseOrder", Value::from(arguments.reverse)),
        ("includeExecutionData", Value::from(true)),
        ("maxResults", Value::from(1000)),
    ];
    let events = call::list(&client, "GetExecutionHistory", &request, "events", arguments.limit).await?;
    if arguments.named.output.output == Format::Json {
        data(&Value::object([("events", Value::array(events))]).to_json_pretty());
        return Ok(());
    }
    let rows: Vec<Vec<String>> = events.iter().map(event_row).collect();
    data(&table(&["id", "previous", "time", "type", "what"], &rows));
    Ok(())
}

fn event_row(event: &Value) -> Vec<String> {
    let number = |name: &str| event.get(name).and_then(Value::as_i64).unwrap_or(0).to_string();
    let at = call::date(event, "timestamp").map(|at| at.to_rfc3339()).unwrap_or_default();
    vec![number("id"), number("previousEventId"), at, call::text(event, "type").to_owned(), Lines::what(event)]
}

async fn watch(named: Named) -> Result<Exit, Problem> {
    let client = Client::new(&named.connection)?;
    let arn = names::execution(&client, &named.execution).await?;
    follow(&client, &arn, named.output).await
}

/// Follows an execution; Ctrl-C leaves it running.
async fn follow(client: &Client, arn: &str, output: Output) -> Result<Exit, Problem> {
    let ended = tokio::select! {
        ended = progress::follow(client, arn, INTERVAL, false) => ended?,
        () = server::signal() => return Err(Problem::failed("no longer followed; the execution goes on")),
    };
    let answer = match output.output {
        Format::Json => client.call("DescribeExecution", Value::object([("executionArn", Value::from(arn))])).await?,
        Format::Table => Value::Null,
    };
    Ok(tell(&ended, &answer, output))
}

/// Writes how an execution ended: its output, or the whole answer as JSON.
fn tell(ended: &Ended, answer: &Value, output: Output) -> Exit {
    match (output.output, &ended.output) {
        (Format::Json, _) => data(&answer.to_json_pretty()),
        (Format::Table, Some(text)) => data(text),
        (Format::Table, None) => {}
    }
    say(&ended.to_line(Style::of_stderr()));
    if ended.status == "SUCCEEDED" { Exit::Ok } else { Exit::Failed }
}

async fn stop(arguments: Stop) -> Result<(), Problem> {
    let client = Client::new(&arguments.named.connection)?;
    let arn = names::execution(&client, &arguments.named.execution).await?;
    let mut request = vec![("executionArn", Value::from(arn))];
    request.extend(arguments.error.map(|error| ("error", Value::from(error))));
    request.extend(arguments.cause.map(|cause| ("cause", Value::from(cause))));
    let answer = client.call("StopExecution", Value::object(request)).await?;
    sm::show(&answer, arguments.named.output);
    Ok(())
}
