//! ListStateMachineVersions

use stepwell_value::Value;

use super::Answer;
use crate::call::Call;
use crate::pages::Page;
use crate::wire::{Shape, date};
use crate::{lookup, machines};

/// Lists the versions of a machine, the newest first.
pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let engine = call.engine();
    let arn = call.machine_arn("stateMachineArn")?.unqualified();
    let page = Page::of(call, &[&arn.to_string()])?;
    let machine = lookup::existing_machine(engine, &arn).await?;
    let mut versions = machines::versions(engine, &lookup::scope(&arn.scope), machine.key)?;
    versions.reverse();
    if let Some(before) = page.after_number()? {
        versions.retain(|version| version.number < before);
    }
    let item = |version: &stepwell_store::VersionRecord| -> Value {
        Shape::new()
            .with("stateMachineVersionArn", machines::version_arn(&machine, version.number))
            .with("creationDate", date(version.created))
            .build()
    };
    Ok(page.answer("stateMachineVersions", versions, |last| last.number.to_be_bytes().to_vec(), item))
}
