//! GetExecutionHistory

use super::Answer;
use crate::call::Call;
use crate::events;
use crate::lookup;
use crate::pages::Page;
use crate::wire::store_failure;

pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let (request, engine) = (&call.request, call.engine());
    let arn = call.execution_arn("executionArn")?;
    let record = lookup::execution(engine, &arn).await?;
    let reverse = request.flag("reverseOrder");
    let data = request.opt_bool("includeExecutionData") != Some(false);
    let page = Page::of(call, &[&arn.to_string(), if reverse { "reverse" } else { "" }])?;
    let first = if reverse { record.last_event } else { 1 };
    let from = page.after_number()?.unwrap_or(first);
    // The cursor is the first event of the next page.
    let mut found = engine.history(record.key, from, reverse, page.to_read()).map_err(store_failure)?;
    let next = found.get(page.size).map_or(0, |event| event.id);
    if from == 0 {
        found.clear(); // an execution whose first step is not stored yet
    }
    Ok(page.answer("events", found, |_| next.to_be_bytes().to_vec(), |event| events::event(event, data)))
}
