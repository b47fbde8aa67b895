//! UpdateMapRun

use stepwell_engine::{MapRunUpdate, UpdateError};
use stepwell_model::{ApiError, InvalidReason};

use super::Answer;
use crate::call::Call;
use crate::wire::store_failure;

/// Changes how many children of a Map Run run at a time, and how many may fail.
pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let request = &call.request;
    let arn = call.map_run_arn("mapRunArn")?;
    let number = |member: &str| request.opt_i64(member).and_then(|number| u64::try_from(number).ok());
    let update = MapRunUpdate {
        max_concurrency: number("maxConcurrency"),
        tolerated_count: number("toleratedFailureCount"),
        tolerated_percentage: request.opt_f64("toleratedFailurePercentage"),
    };
    if update == MapRunUpdate::default() {
        return Err(ApiError::validation_because(
            InvalidReason::MissingRequiredParameter,
            "At least one of maxConcurrency, toleratedFailureCount and toleratedFailurePercentage must be specified",
        ));
    }
    let arn = arn.to_string();
    match call.engine().update_map_run(&arn, update).await {
        Ok(()) => super::nothing(),
        Err(UpdateError::NotFound) => Err(ApiError::resource_not_found(&arn)),
        Err(UpdateError::Ended) => Err(ApiError::validation_because(
            InvalidReason::CannotUpdateCompletedMapRun,
            format!("The Map Run has completed and cannot be updated: '{arn}'"),
        )),
        Err(error @ UpdateError::Unavailable) => Err(ApiError::service_unavailable(error.to_string())),
        Err(UpdateError::Store(error)) => Err(store_failure(error)),
    }
}
