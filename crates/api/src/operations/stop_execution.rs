//! StopExecution

use stepwell_interpreter::Failure;

use super::Answer;
use crate::call::Call;
use crate::lookup;
use crate::wire::{Shape, date, store_failure};

/// Stops an execution; of one that has ended already it tells when that was.
pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let (request, engine) = (&call.request, call.engine());
    let arn = call.execution_arn("executionArn")?;
    let record = lookup::execution(engine, &arn).await?;
    let failure = Failure { error: request.opt_text("error"), cause: request.opt_text("cause") };
    engine.stop(record.key, failure).await.map_err(store_failure)?;
    let record = engine.store().execution(record.key).map_err(store_failure)?;
    let stopped = record.and_then(|record| record.stopped).unwrap_or_else(|| engine.now());
    Ok(Shape::new().with("stopDate", date(stopped)).build())
}
