//! What the three SendTask… operations share.

use stepwell_engine::TaskError;
use stepwell_interpreter::Progress;
use stepwell_model::ApiError;
use stepwell_value::Value;

use crate::call::Call;

/// Tells the engine news of the task that `taskToken` names.
///
/// # Errors
/// InvalidToken for a text that is no token of this server, TaskTimedOut when nobody waits for the task any more,
/// TaskDoesNotExist when its activity has been deleted (API reference: "The activity does not exist").
pub(crate) async fn tell(call: &Call<'_>, progress: Progress) -> Result<Value, ApiError> {
    let token = call.request.str("taskToken")?;
    match call.engine().task(token, progress).await {
        Ok(()) => Ok(Value::empty_object()),
        Err(TaskError::InvalidToken) => Err(ApiError::invalid_token()),
        Err(TaskError::TaskTimedOut) => Err(ApiError::task_timed_out()),
        Err(TaskError::TaskDoesNotExist) => Err(ApiError::task_does_not_exist()),
        Err(TaskError::Unavailable) => {
            Err(ApiError::service_unavailable("the execution of the task cannot go on now; see the server's log"))
        }
    }
}
