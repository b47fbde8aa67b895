//! DescribeStateMachine

use std::sync::Arc;

use stepwell_engine::resolve::{ResolveError, of_machine};
use stepwell_model::ApiError;
use stepwell_value::Value;

use super::Answer;
use crate::call::Call;
use crate::wire::{Shape, date, store_failure, text};
use crate::{lookup, machines};

/// Describes a machine, or one of its versions. Of an alias it describes the version that gets the greater weight.
pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let (request, engine) = (&call.request, call.engine());
    let arn = call.machine_arn("stateMachineArn")?;
    let missing = || ApiError::state_machine_does_not_exist(&arn.to_string());
    let machine = lookup::existing_machine(engine, &arn).await?;
    let scope = lookup::scope(&arn.scope);
    let qualifier = arn.qualifier.as_ref().map(ToString::to_string);
    let deleting = machine.deleting;
    let resolved = of_machine(engine, &scope, machine, qualifier.as_deref(), || 50).map_err(|error| match error {
        ResolveError::Store(error) => store_failure(error),
        _ => missing(),
    })?;
    let version = match resolved.version {
        None => None,
        Some(number) => {
            let found = stepwell_engine::registry::version(&**engine.store(), &scope, resolved.machine.key, number);
            Some(found.map_err(store_failure)?.ok_or_else(missing)?)
        }
    };
    let definition = engine.definition(&resolved).map_err(store_failure)?;
    let machine = &resolved.machine;
    let described = version.as_ref().map(|version| format!("{}:{}", machine.arn, version.number));
    let mut shape = Shape::new()
        .with("stateMachineArn", described.map_or_else(|| text(&machine.arn), Value::from))
        .with("name", text(&machine.name))
        .with("status", if deleting { "DELETING" } else { "ACTIVE" })
        .with("type", if machine.express { "EXPRESS" } else { "STANDARD" })
        .with("creationDate", date(version.as_ref().map_or(machine.created, |version| version.created)))
        .with_some("description", version.as_ref().and_then(|version| version.description.as_ref()).map(Arc::clone));
    machines::put_definition(&mut shape, &definition, machines::metadata_only(request));
    machines::put_revision(&mut shape, &resolved.revision, call.config().shows_default_encryption);
    Ok(shape.build())
}
