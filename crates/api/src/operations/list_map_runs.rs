//! ListMapRuns

use stepwell_store::RecordKind;
use stepwell_store::record::{MapRunRecord, RecordBody};
use stepwell_value::Value;

use super::Answer;
use crate::call::Call;
use crate::lookup;
use crate::pages::Page;
use crate::wire::{Shape, date, text};

/// Lists the Map Runs of an execution, by ARN.
pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let engine = call.engine();
    let arn = call.execution_arn("executionArn")?;
    let execution = lookup::execution(engine, &arn).await?;
    let execution_arn = &execution.identity.execution_arn;
    let page = Page::of(call, &[execution_arn])?;
    let prefix = format!("{}/", arn.state_machine);
    let (scope, after) = (lookup::scope(&arn.scope), page.after_name()?);
    let found = lookup::records(engine, RecordKind::MapRun, &scope, &prefix, after, usize::MAX)?;
    let runs = found.into_iter().filter_map(|record| match record.body {
        RecordBody::MapRun(run) if run.execution_arn == *execution_arn => Some((record.name, run)),
        _ => None,
    });
    Ok(page.answer("mapRuns", runs.collect(), |(name, _)| name.as_bytes().to_vec(), |(_, run)| item(run)))
}

fn item(run: &MapRunRecord) -> Value {
    let machine = run.arn.replacen(":mapRun:", ":stateMachine:", 1);
    let machine = machine.rsplit_once(':').map_or(&*machine, |(labelled, _)| labelled);
    Shape::new()
        .with("executionArn", text(&run.execution_arn))
        .with("mapRunArn", text(&run.arn))
        .with("stateMachineArn", machine)
        .with("startDate", date(run.started))
        .with_some("stopDate", run.stopped.map(date))
        .build()
}
