//! CreateStateMachineAlias

use std::sync::Arc;

use stepwell_engine::registry;
use stepwell_model::ApiError;
use stepwell_store::record::{AliasRecord, MachineRecord, RecordBody};

use super::Answer;
use crate::call::Call;
use crate::routing::Routing;
use crate::wire::{Shape, date, store_failure};
use crate::{lookup, machines};

/// Makes an alias; the same alias with the same description and routing is given again (recorded:
/// test_idempotent_create_alias).
pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let (request, engine) = (&call.request, call.engine());
    let name = request.str("name")?;
    let routing = Routing::of(call)?;
    lookup::machine(engine, &routing.machine).await?;
    let scope = lookup::scope(&routing.machine.scope);
    let _lock = engine.lock_registry().await;
    let machine = registry::machine(&**engine.store(), &scope, &routing.machine.name).map_err(store_failure)?;
    let machine = machine.ok_or_else(ApiError::referenced_resource_not_found)?;
    if machine.deleting {
        return Err(ApiError::state_machine_deleting(&machine.arn));
    }
    let now = engine.now();
    let alias = AliasRecord {
        machine: machine.key,
        name: Arc::from(name),
        description: request.opt_text("description"),
        routing: routing.existing(engine, &scope, &machine)?,
        created: now,
        updated: now,
    };
    let aliases = machines::aliases(engine, &scope, machine.key)?;
    if let Some(existing) = aliases.iter().find(|existing| existing.name == alias.name) {
        let same = existing.description == alias.description && existing.routing == alias.routing;
        return if same { Ok(answer(&machine, existing)) } else { Err(ApiError::alias_exists()) };
    }
    if aliases.len() as u64 >= call.config().limits.aliases_max {
        return Err(ApiError::service_quota_exceeded("The maximum number of state machine aliases has been reached."));
    }
    machines::write(engine, vec![machines::put(&scope, RecordBody::Alias(alias.clone()))]).await?;
    Ok(answer(&machine, &alias))
}

fn answer(machine: &MachineRecord, alias: &AliasRecord) -> stepwell_value::Value {
    Shape::new()
        .with("stateMachineAliasArn", format!("{}:{}", machine.arn, alias.name))
        .with("creationDate", date(alias.created))
        .build()
}
