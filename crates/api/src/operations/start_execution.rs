//! StartExecution

use stepwell_engine::{Scope, StartError, StartRequest};
use stepwell_model::{ApiError, check_name};
use stepwell_value::Payload;

use super::Answer;
use crate::call::Call;
use crate::lookup;
use crate::test_cases;
use crate::throttle::Resource;
use crate::wire::{Shape, date, store_failure, text};

pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let started = call.engine().start(start_request(call).await?).await.map_err(start_error)?;
    Ok(Shape::new().with("executionArn", text(&started.execution_arn)).with("startDate", date(started.started)).build())
}

/// What StartExecution and StartSyncExecution ask of the engine. AWS looks for the machine before it looks at the name,
/// and at the input last.
///
/// # Errors
/// InvalidArn, StateMachineDoesNotExist, StateMachineDeleting, ValidationException (no such test case), InvalidName,
/// InvalidExecutionInput, ExecutionLimitExceeded.
pub(super) async fn start_request(call: &Call<'_>) -> Result<StartRequest, ApiError> {
    let request = &call.request;
    let (arn, test_case) = test_cases::split(call)?;
    let arn = call.machine_arn_in(arn)?;
    let resolved = lookup::resolved(call.engine(), &arn.to_string()).await?;
    let test_case = test_cases::existing(call, &resolved.machine.name, test_case)?;
    let name = request.opt_str("name");
    name.map_or(Ok(()), check_name)?;
    let input = match request.opt_text("input") {
        None => Payload::default(),
        Some(text) if text.is_empty() => return Err(ApiError::empty_execution_input()),
        Some(text) => {
            Payload::from_text(text).map_err(|error| ApiError::invalid_execution_input(&error.message))?
        }
    };
    if !resolved.machine.express {
        let scope = Scope::of_arn(&resolved.machine.arn);
        call.api.throttle.make_room(call.engine(), Resource::OpenExecutions, &scope).await?;
    }
    let (name, trace_header) = (name.map(str::to_owned), request.opt_text("traceHeader"));
    Ok(StartRequest { resolved, name, input, trace_header, test_case })
}

/// Why an execution was not started, as the API says it.
pub(crate) fn start_error(error: StartError) -> ApiError {
    match error {
        StartError::AlreadyExists(arn) => ApiError::execution_already_exists(&arn),
        StartError::Throttled => ApiError::throttling(),
        StartError::Unavailable(why) => ApiError::service_unavailable(why),
        StartError::Store(error) => store_failure(error),
    }
}
