//! DeleteStateMachineAlias

use stepwell_engine::registry;
use stepwell_store::{RecordKind, Write};

use super::{Answer, nothing};
use crate::call::Call;
use crate::machines;
use crate::routing::alias_of;

/// Deletes an alias; executions that were started through it go on.
pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let engine = call.engine();
    let _lock = engine.lock_registry().await;
    let (scope, machine, alias) = alias_of(call)?;
    let name = registry::alias_name(machine.key, &alias.name);
    let removal = Write::Remove { kind: RecordKind::Alias, scope: scope.to_string(), name };
    machines::write(engine, vec![removal]).await?;
    nothing()
}
