//! The operations of the API, one file each. To add one: write `operations/NAME.rs` with `pub async fn run`, and name it in
//! the table below.

use std::pin::Pin;

use stepwell_model::ApiError;
use stepwell_value::Value;

use crate::call::Call;

pub(crate) use start_execution::start_error;

/// What an operation answers.
pub(crate) type Answer = Result<Value, ApiError>;

macro_rules! operations {
    ($($name:literal => $module:ident,)*) => {
        $(mod $module;)*

        /// The operations that this version has.
        pub const NAMES: &[&str] = &[$($name,)*];

        /// Runs the operation that a call names.
        pub(crate) fn run<'a>(call: &'a Call<'a>) -> Pin<Box<dyn Future<Output = Answer> + Send + 'a>> {
            match call.operation.name() {
                $($name => Box::pin($module::run(call)),)*
                _ => Box::pin(missing(call)),
            }
        }
    };
}

operations! {
    "CreateActivity" => create_activity,
    "CreateStateMachine" => create_state_machine,
    "CreateStateMachineAlias" => create_state_machine_alias,
    "DeleteActivity" => delete_activity,
    "DeleteStateMachine" => delete_state_machine,
    "DeleteStateMachineAlias" => delete_state_machine_alias,
    "DeleteStateMachineVersion" => delete_state_machine_version,
    "DescribeActivity" => describe_activity,
    "DescribeExecution" => describe_execution,
    "DescribeMapRun" => describe_map_run,
    "DescribeStateMachine" => describe_state_machine,
    "DescribeStateMachineAlias" => describe_state_machine_alias,
    "DescribeStateMachineForExecution" => describe_state_machine_for_execution,
    "GetActivityTask" => get_activity_task,
    "GetExecutionHistory" => get_execution_history,
    "ListActivities" => list_activities,
    "ListExecutions" => list_executions,
    "ListMapRuns" => list_map_runs,
    "ListStateMachineAliases" => list_state_machine_aliases,
    "ListStateMachineVersions" => list_state_machine_versions,
    "ListStateMachines" => list_state_machines,
    "ListTagsForResource" => list_tags_for_resource,
    "PublishStateMachineVersion" => publish_state_machine_version,
    "RedriveExecution" => redrive_execution,
    "SendTaskFailure" => send_task_failure,
    "SendTaskHeartbeat" => send_task_heartbeat,
    "SendTaskSuccess" => send_task_success,
    "StartExecution" => start_execution,
    "StartSyncExecution" => start_sync_execution,
    "StopExecution" => stop_execution,
    "TagResource" => tag_resource,
    "TestState" => test_state,
    "UntagResource" => untag_resource,
    "UpdateMapRun" => update_map_run,
    "UpdateStateMachine" => update_state_machine,
    "UpdateStateMachineAlias" => update_state_machine_alias,
    "ValidateStateMachineDefinition" => validate_state_machine_definition,
}

/// The answer to an operation of AWS's that this version does not have.
pub(crate) async fn missing(call: &Call<'_>) -> Answer {
    let name = call.operation.name();
    let message = format!("This version of Stepwell does not have the operation {name}.");
    // Not a 5xx: SDKs would try it again.
    Err(ApiError::authentication("UnsupportedOperationException", message, 400))
}

/// An empty answer.
pub(crate) fn nothing() -> Answer {
    Ok(Value::empty_object())
}
