//! Test cases of the mock configuration: `stateMachineArn#TestCase`, as Step Functions Local has them.

use std::fmt::Debug;
use std::sync::Arc;

use stepwell_model::ApiError;

use crate::call::Call;

/// Knows the test cases of state machines.
pub trait TestCases: Debug + Send + Sync + 'static {
    /// Whether the state machine of this name has this test case.
    ///
    /// # Errors
    /// What is missing, and where it is looked for.
    fn check(&self, state_machine: &str, test_case: &str) -> Result<(), String>;
}

/// The ARN and the test case in `stateMachineArn`. Without a mock configuration a `#` is part of the ARN, as on AWS; a bare
/// one at the end names no test case, as with Step Functions Local.
pub(crate) fn split<'a>(call: &Call<'a>) -> Result<(&'a str, Option<&'a str>), ApiError> {
    let text = call.request.str("stateMachineArn")?;
    match text.split_once('#') {
        Some((arn, test_case)) if call.config().test_cases.is_some() => {
            Ok((arn, Some(test_case).filter(|name| !name.is_empty())))
        }
        _ => Ok((text, None)),
    }
}

/// The test case as an execution keeps it.
///
/// # Errors
/// ValidationException when the configuration does not have it.
pub(crate) fn existing(
    call: &Call<'_>,
    state_machine: &str,
    test_case: Option<&str>,
) -> Result<Option<Arc<str>>, ApiError> {
    let (Some(test_cases), Some(name)) = (&call.config().test_cases, test_case) else { return Ok(None) };
    test_cases.check(state_machine, name).map_err(ApiError::validation)?;
    Ok(Some(Arc::from(name)))
}
