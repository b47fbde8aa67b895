//! StartExecution

use stepwell_engine::{Resolved, StartError, StartRequest};
use stepwell_model::{ApiError, check_name};
use stepwell_value::Payload;

use super::Answer;
use crate::call::Call;
use crate::lookup;
use crate::test_cases;
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
    let resolved = match known(call, arn) {
        Some(resolved) => resolved,
        None => lookup::resolved(call.engine(), &call.machine_arn_in(arn)?.to_string()).await?,
    };
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
        call.api.throttle.make_room_beside(call.engine(), &resolved.machine.arn).await?;
    }
    let (name, trace_header) = (name.map(str::to_owned), request.opt_text("traceHeader"));
    Ok(StartRequest { resolved, name, input, trace_header, test_case })
}

/// The machine of which a text is the very ARN, when it was looked up lately: then there is nothing wrong with the ARN. `None` as
/// well for a caller of another account, for whom it is looked at in full.
fn known(call: &Call<'_>, arn: &str) -> Option<Resolved> {
    let account = arn.split(':').nth(4)?;
    let is_ours = call.caller.principal.is_none() || *account == *call.caller.account;
    let known = call.engine().known_machine(arn).filter(|known| *known.machine.arn == *arn);
    known.filter(|_| is_ours)
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
