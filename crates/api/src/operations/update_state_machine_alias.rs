//! UpdateStateMachineAlias

use stepwell_model::{ApiError, InvalidReason};
use stepwell_store::record::RecordBody;

use super::Answer;
use crate::call::Call;
use crate::machines;
use crate::routing::{Routing, alias_of};
use crate::wire::{Shape, date};

pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let (request, engine) = (&call.request, call.engine());
    if !request.has("description") && !request.has("routingConfiguration") {
        return Err(ApiError::validation_because(
            InvalidReason::MissingRequiredParameter,
            "Either the description or the routing configuration must be specified",
        ));
    }
    let routing = if request.has("routingConfiguration") { Some(Routing::of(call)?) } else { None };
    let _lock = engine.lock_registry().await;
    let (scope, machine, mut alias) = alias_of(call)?;
    if machine.deleting {
        return Err(ApiError::state_machine_deleting(&machine.arn));
    }
    if let Some(routing) = routing {
        if *routing.machine.to_string() != *machine.arn {
            return Err(ApiError::referenced_resource_not_found());
        }
        alias.routing = routing.existing(engine, &scope, &machine)?;
    }
    alias.description = request.opt_text("description").or(alias.description);
    alias.updated = engine.now();
    let answer = Shape::new().with("updateDate", date(alias.updated)).build();
    machines::write(engine, vec![machines::put(&scope, RecordBody::Alias(alias))]).await?;
    Ok(answer)
}
