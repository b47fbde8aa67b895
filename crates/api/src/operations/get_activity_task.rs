//! GetActivityTask

use std::time::Duration;

use stepwell_model::ApiError;
use stepwell_model::limits::ACTIVITY_POLL_SECONDS;

use super::{Answer, nothing};
use crate::call::Call;
use crate::lookup;
use crate::wire::{Shape, text};

/// Waits for a task of an activity; the answer is empty when none has come within 60 seconds, or the server stops.
pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let (request, engine) = (&call.request, call.engine());
    let arn = call.activity_arn("activityArn")?;
    let text_of_arn = arn.to_string();
    if !engine.activities().is_known(&text_of_arn) {
        let missing = || ApiError::activity_does_not_exist(&text_of_arn);
        let activity = lookup::activity(engine, &arn)?.ok_or_else(missing)?;
        engine.activities().add(activity.arn); // after a restart
    }
    let max = call.config().limits.activity_pollers_max;
    let _polling =
        call.api.pollers.enter(&text_of_arn, max).ok_or_else(ApiError::activity_worker_limit_exceeded)?;
    let poll = Duration::from_secs(ACTIVITY_POLL_SECONDS);
    let taken = engine.activity_task(&text_of_arn, request.opt_text("workerName"), poll);
    let task = tokio::select! {
        task = taken => task,
        () = call.api.stopped() => None,
    };
    match task {
        Some(task) => Ok(Shape::new().with("taskToken", task.token).with("input", text(task.input.text())).build()),
        None => nothing(),
    }
}
