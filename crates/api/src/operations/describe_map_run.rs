//! DescribeMapRun

use stepwell_model::ApiError;
use stepwell_model::arn::MapRunArn;

use super::Answer;
use crate::call::Call;

/// This version makes no Map Runs, so that none is found.
pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let text = call.request.str("mapRunArn")?;
    MapRunArn::parse(text)?;
    Err(ApiError::resource_not_found(text))
}
