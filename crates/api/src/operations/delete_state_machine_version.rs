//! DeleteStateMachineVersion

use stepwell_engine::registry;
use stepwell_model::ApiError;
use stepwell_store::{RecordKind, Write};

use super::{Answer, nothing};
use crate::call::Call;
use crate::wire::store_failure;
use crate::{lookup, machines};

/// Deletes a version; one that does not exist is no error (recorded: test_list_delete_version). Its revision stays.
pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let engine = call.engine();
    let arn = call.machine_arn("stateMachineVersionArn")?;
    let Some(number) = arn.version() else {
        return Err(ApiError::validation(format!("'{arn}' is not the ARN of a state machine version")));
    };
    let scope = lookup::scope(&arn.scope);
    let _lock = engine.lock_registry().await;
    let machine = registry::machine(&**engine.store(), &scope, &arn.name).map_err(store_failure)?;
    let Some(machine) = machine else { return nothing() };
    let aliases = machines::aliases(engine, &scope, machine.key)?;
    let routes = aliases.iter().filter(|alias| alias.routing.iter().any(|(version, _)| *version == number));
    let referencing: Vec<&str> = routes.map(|alias| &*alias.name).collect();
    if !referencing.is_empty() {
        return Err(ApiError::version_is_referenced(&referencing));
    }
    let name = registry::version_name(machine.key, number);
    let removal = Write::Remove { kind: RecordKind::Version, scope: scope.to_string(), name };
    machines::write(engine, vec![removal]).await?;
    nothing()
}
