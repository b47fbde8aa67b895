//! ListStateMachineAliases

use stepwell_engine::registry;
use stepwell_model::ApiError;
use stepwell_store::AliasRecord;

use super::Answer;
use crate::call::Call;
use crate::pages::Page;
use crate::wire::{Shape, date, store_failure};
use crate::{lookup, machines};

/// Lists the aliases of a machine, by name (recorded: test_base_lifecycle_create_delete_list, though the API reference
/// says the newest first); of a version: those that send executions to it.
pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let engine = call.engine();
    let arn = call.machine_arn("stateMachineArn")?;
    let page = Page::of(call, &[&arn.to_string()])?;
    let machine = lookup::existing_machine(engine, &arn).await?;
    if machine.deleting {
        return Err(ApiError::state_machine_deleting(&machine.arn));
    }
    let scope = lookup::scope(&arn.scope);
    let mut aliases = machines::aliases(engine, &scope, machine.key)?;
    if let Some(number) = arn.version() {
        let version = registry::version(&**engine.store(), &scope, machine.key, number).map_err(store_failure)?;
        version.ok_or_else(ApiError::referenced_resource_not_found)?;
        aliases.retain(|alias| alias.routing.iter().any(|(version, _)| *version == number));
    }
    if let Some(after) = page.after_name()? {
        aliases.retain(|alias| &*alias.name > after);
    }
    let item = |alias: &AliasRecord| {
        Shape::new()
            .with("stateMachineAliasArn", format!("{}:{}", machine.arn, alias.name))
            .with("creationDate", date(alias.created))
            .build()
    };
    Ok(page.answer("stateMachineAliases", aliases, |last| last.name.as_bytes().to_vec(), item))
}
