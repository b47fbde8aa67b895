//! ListStateMachineAliases

use stepwell_store::AliasRecord;

use super::Answer;
use crate::call::Call;
use crate::pages::Page;
use crate::wire::{Shape, date};
use crate::{lookup, machines};

/// Lists the aliases of a machine, by name; of a version: those that send executions to it.
pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let engine = call.engine();
    let arn = call.machine_arn("stateMachineArn")?;
    let page = Page::of(call, &[&arn.to_string()])?;
    let machine = lookup::existing_machine(engine, &arn).await?;
    let mut aliases = machines::aliases(engine, &lookup::scope(&arn.scope), machine.key)?;
    if let Some(number) = arn.version() {
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
