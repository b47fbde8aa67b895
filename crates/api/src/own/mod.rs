//! Stepwell's own operations, beyond AWS's: `X-Amz-Target: Stepwell.NAME`, in all else like AWS's. To add one: its shapes
//! in `model/facts/stepwell.json`, `own/NAME.rs` with `pub async fn run`, and a line below.

mod describe_lineage;
mod fork_execution;

use std::pin::Pin;

use crate::call::Call;
use crate::operations::{Answer, missing};

/// Runs the operation that a call names.
pub(crate) fn run<'a>(call: &'a Call<'a>) -> Pin<Box<dyn Future<Output = Answer> + Send + 'a>> {
    match call.operation.name() {
        "DescribeLineage" => Box::pin(describe_lineage::run(call)),
        "ForkExecution" => Box::pin(fork_execution::run(call)),
        _ => Box::pin(missing(call)),
    }
}
