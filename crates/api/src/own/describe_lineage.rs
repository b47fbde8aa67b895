//! DescribeLineage: which execution, and which event of it, an execution was forked from, and that one, and so on.

use stepwell_model::arn::ExecutionArn;
use stepwell_store::record::ForkedFrom;
use stepwell_value::Value;

use crate::call::Call;
use crate::lookup;
use crate::operations::Answer;
use crate::wire::{Shape, count, text};

/// Ancestors that are told.
const ANCESTORS_MAX: usize = 1_000;

pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let engine = call.engine();
    let record = lookup::execution(engine, &call.execution_arn("executionArn")?).await?;
    let mut ancestors = Vec::new();
    let mut next = record.forked_from.clone();
    while let Some(from) = next.filter(|_| ancestors.len() < ANCESTORS_MAX) {
        ancestors.push(forked_from(&from));
        // What has expired is still named, and ends the list.
        next = match lookup::execution(engine, &ExecutionArn::parse(&from.execution_arn)?).await {
            Ok(ancestor) => ancestor.forked_from.clone(),
            Err(error) if error.code == "ExecutionDoesNotExist" => None,
            Err(error) => return Err(error),
        };
    }
    Ok(Shape::new()
        .with("executionArn", text(&record.identity.execution_arn))
        .with_some("forkedFrom", record.forked_from.as_deref().map(forked_from))
        .with("ancestors", Value::array(ancestors))
        .build())
}

/// `{executionArn, eventId}`
pub(super) fn forked_from(from: &ForkedFrom) -> Value {
    Shape::new().with("executionArn", text(&from.execution_arn)).with("eventId", count(from.event)).build()
}
