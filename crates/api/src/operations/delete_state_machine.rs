//! DeleteStateMachine

use stepwell_model::ApiError;

use super::{Answer, nothing};
use crate::call::Call;
use crate::{lookup, machines};

/// Deletes a machine with its versions and aliases; one that does not exist is no error (recorded:
/// test_delete_nonexistent_sm). While executions run the machine is DELETING; it goes when somebody asks for it after the
/// last one has ended.
pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let engine = call.engine();
    let arn = call.machine_arn("stateMachineArn")?;
    if arn.qualifier.is_some() {
        return Err(ApiError::validation(
            "DeleteStateMachine takes the ARN of a state machine; use DeleteStateMachineVersion or \
             DeleteStateMachineAlias for a version or an alias",
        ));
    }
    let scope = lookup::scope(&arn.scope);
    let _lock = engine.lock_registry().await;
    let store = &**engine.store();
    let machine = stepwell_engine::registry::machine(store, &scope, &arn.name).map_err(crate::wire::store_failure)?;
    match machine {
        Some(machine) => machines::delete(engine, &scope, machine).await?,
        None => return nothing(),
    }
    nothing()
}
