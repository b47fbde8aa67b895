//! ListMapRuns

use stepwell_value::Value;

use super::Answer;
use crate::call::Call;
use crate::lookup;
use crate::wire::Shape;

/// Lists the Map Runs of an execution. This version makes none.
pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let arn = call.execution_arn("executionArn")?;
    lookup::execution(call.engine(), &arn).await?;
    Ok(Shape::new().with("mapRuns", Value::array([])).build())
}
