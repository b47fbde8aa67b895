//! Deploying a definition: make the state machine, or bring it up to date.

use stepwell_value::Value;

use crate::call::{self, Caller};
use crate::config::Type;
use crate::problem::Problem;

/// A state machine as it should be.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Its name.
    pub name: String,
    /// Its definition, JSON text.
    pub definition: String,
    /// Its type.
    pub machine_type: Type,
    /// Its role; any well-formed ARN.
    pub role_arn: String,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// It was made.
    Created,
    /// It was changed.
    Updated,
    /// It was as it should be.
    Unchanged,
}

/// The role that state machines get that are deployed without one.
pub fn default_role(account: &str) -> String {
    format!("arn:aws:iam::{account}:role/stepwell-dev")
}

/// Makes the state machine with this ARN, or updates it when it is there and differs.
///
/// # Errors
/// The API's, or that its type is another one.
pub async fn deploy(caller: &dyn Caller, machine: &Machine, arn: &str) -> Result<Done, Problem> {
    let found = match caller.call("DescribeStateMachine", Value::object([("stateMachineArn", Value::from(arn))])).await
    {
        Err(problem) if problem.is("StateMachineDoesNotExist") => {
            return create(caller, machine).await.map(|_| Done::Created);
        }
        other => other?,
    };
    let machine_type = call::text(&found, "type");
    if machine_type != machine.machine_type.name() {
        let message = format!("state machine `{}` is of type {machine_type}, and a type cannot change", machine.name);
        let help = format!("delete it first: stepwell sm delete {}", machine.name);
        return Err(Problem::failed(message).help(help));
    }
    if call::text(&found, "definition") == machine.definition && call::text(&found, "roleArn") == machine.role_arn {
        return Ok(Done::Unchanged);
    }
    let input = Value::object([
        ("stateMachineArn", Value::from(arn)),
        ("definition", Value::from(machine.definition.as_str())),
        ("roleArn", Value::from(machine.role_arn.as_str())),
    ]);
    caller.call("UpdateStateMachine", input).await?;
    Ok(Done::Updated)
}

/// Makes a state machine and gives its ARN.
///
/// # Errors
/// The API's.
pub async fn create(caller: &dyn Caller, machine: &Machine) -> Result<String, Problem> {
    let input = Value::object([
        ("name", Value::from(machine.name.as_str())),
        ("definition", Value::from(machine.definition.as_str())),
        ("roleArn", Value::from(machine.role_arn.as_str())),
        ("type", Value::from(machine.machine_type.name())),
    ]);
    let answer = caller.call("CreateStateMachine", input).await?;
    Ok(call::text(&answer, "stateMachineArn").to_owned())
}
