//! `stepwell sm …`: state machines of a server.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use stepwell_value::Value;

use super::names;
use crate::call::{self, Caller};
use crate::cli::{Connection, Format, Output};
use crate::client::Client;
use crate::config::Type;
use crate::definition_file::DefinitionFile;
use crate::deploy::{self, Machine};
use crate::problem::{Exit, Problem};
use crate::terminal::{data, say, table};

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the state machines
    List(Common),
    /// Show one
    Describe(Named),
    /// Make one of a definition
    Create(Create),
    /// Give one another definition or role
    Update(Update),
    /// Delete one
    Delete(Named),
}

/// What all have.
#[derive(Args, Debug)]
pub struct Common {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    output: Output,
}

/// One state machine.
#[derive(Args, Debug)]
pub struct Named {
    /// Its name or ARN; NAME:QUALIFIER for a version or alias
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    common: Common,
}

/// A new state machine.
#[derive(Args, Debug)]
pub struct Create {
    /// The definition: JSON, or YAML by its ending
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Its name [default: the file's, without .asl.json]
    #[arg(long)]
    name: Option<String>,
    /// The ARN of its role; any will do
    #[arg(long, value_name = "ARN")]
    role: Option<String>,
    /// Make it of type EXPRESS
    #[arg(long)]
    express: bool,
    #[command(flatten)]
    common: Common,
}

/// A change of a state machine.
#[derive(Args, Debug)]
pub struct Update {
    /// Its name or ARN
    #[arg(value_name = "NAME")]
    name: String,
    /// The new definition: JSON, or YAML by its ending
    #[arg(value_name = "FILE", required_unless_present = "role")]
    file: Option<PathBuf>,
    /// The ARN of the new role
    #[arg(long, value_name = "ARN")]
    role: Option<String>,
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
        Command::Describe(named) => describe(named).await,
        Command::Create(arguments) => create(arguments).await,
        Command::Update(arguments) => update(arguments).await,
        Command::Delete(named) => delete(named).await,
    }
    .map(|()| Exit::Ok)
}

async fn list(common: Common) -> Result<(), Problem> {
    let client = Client::new(&common.connection)?;
    let all = call::list(&client, "ListStateMachines", &[], "stateMachines", 0).await?;
    match common.output.output {
        Format::Json => data(&Value::object([("stateMachines", Value::array(all))]).to_json_pretty()),
        Format::Table => {
            let rows: Vec<Vec<String>> = all.iter().map(|one| row(one, "stateMachineArn", true)).collect();
            data(&table(&["name", "type", "created", "arn"], &rows));
        }
    }
    Ok(())
}

/// Name, type (if it has one), date and ARN of a list's item.
pub fn row(one: &Value, arn: &str, with_type: bool) -> Vec<String> {
    let created = call::date(one, "creationDate").map(|at| at.to_rfc3339()).unwrap_or_default();
    let mut row = vec![call::text(one, "name").to_owned()];
    row.extend(with_type.then(|| call::text(one, "type").to_owned()));
    row.extend([created, call::text(one, arn).to_owned()]);
    row
}

async fn describe(named: Named) -> Result<(), Problem> {
    let client = Client::new(&named.common.connection)?;
    let arn = names::state_machine(&client, &named.name).await?;
    let answer = client.call("DescribeStateMachine", Value::object([("stateMachineArn", Value::from(arn))])).await?;
    show(&answer, named.common.output);
    Ok(())
}

/// An answer: JSON as it is, or a line for each member, and texts of several lines below them.
pub fn show(answer: &Value, output: Output) {
    if output.output == Format::Json {
        return data(&answer.to_json_pretty());
    }
    let (mut rows, mut texts) = (Vec::new(), String::new());
    for (name, value) in answer.as_object().into_iter().flat_map(|members| members.iter()) {
        let is_document = matches!(&**name, "definition" | "input" | "output" | "cause");
        let text = match (value.as_str(), name.ends_with("Date")) {
            (Some(text), _) => text.to_owned(),
            (None, true) => call::date(answer, name).map(|at| at.to_rfc3339()).unwrap_or_default(),
            (None, false) => value.to_json(),
        };
        if is_document && (text.len() > 100 || text.contains('\n')) {
            let pretty = Value::parse(&text).map_or(text, |value| value.to_json_pretty());
            texts.push_str(&format!("\n{name}\n{pretty}\n"));
        } else {
            rows.push((name.to_string(), text));
        }
    }
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let rows: String = rows.iter().map(|(name, text)| format!("{name:<width$}  {text}\n")).collect();
    data(&format!("{rows}{texts}"));
}

async fn create(arguments: Create) -> Result<(), Problem> {
    let client = Client::new(&arguments.common.connection)?;
    let file = DefinitionFile::read(&arguments.file)?;
    let machine_type = Type::of_flag(arguments.express);
    let machine = Machine {
        name: arguments.name.unwrap_or_else(|| file.machine_name()),
        definition: file.json_text(machine_type.for_validation())?,
        machine_type,
        role_arn: arguments.role.unwrap_or_else(|| deploy::default_role("123456789012")),
    };
    let arn = deploy::create(&client, &machine).await?;
    match arguments.common.output.output {
        Format::Json => data(&Value::object([("stateMachineArn", Value::from(arn))]).to_json_pretty()),
        Format::Table => {
            data(&arn);
            say(&format!("start it: stepwell exec start {} --input '{{}}'", machine.name));
        }
    }
    Ok(())
}

async fn update(arguments: Update) -> Result<(), Problem> {
    let client = Client::new(&arguments.common.connection)?;
    let arn = names::state_machine(&client, &arguments.name).await?;
    let mut input = vec![("stateMachineArn", Value::from(arn.as_str()))];
    if let Some(path) = &arguments.file {
        let found = client.call("DescribeStateMachine", Value::object([("stateMachineArn", Value::from(arn))])).await?;
        let machine_type = Type::of_flag(call::text(&found, "type") == "EXPRESS");
        let definition = DefinitionFile::read(path)?.json_text(machine_type.for_validation())?;
        input.push(("definition", Value::from(definition)));
    }
    input.extend(arguments.role.map(|role| ("roleArn", Value::from(role))));
    let answer = client.call("UpdateStateMachine", Value::object(input)).await?;
    show(&answer, arguments.common.output);
    Ok(())
}

async fn delete(named: Named) -> Result<(), Problem> {
    let client = Client::new(&named.common.connection)?;
    let arn = names::state_machine(&client, &named.name).await?;
    client.call("DeleteStateMachine", Value::object([("stateMachineArn", Value::from(arn.as_str()))])).await?;
    say(&format!("deleted {arn}"));
    Ok(())
}
