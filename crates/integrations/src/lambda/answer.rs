//! The payloads that Lambda itself writes when a function gives none.

use std::{process::ExitStatus, time::Duration};

use super::process;

/// The largest answer of a function, in bytes (AWS's value: 6 MiB and a little).
pub(super) const RESPONSE_BYTES_MAX: usize = 6_291_556;

/// The largest event of a function that is waited for, in bytes (AWS's value).
pub(super) const REQUEST_BYTES_MAX: usize = 6_291_456;

/// What a function's run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// The payload's text.
    pub(super) payload: String,
    /// Whether it describes an error (`X-Amz-Function-Error: Unhandled`).
    pub(super) failed: bool,
}

impl Answer {
    /// The function's own result.
    pub(super) fn result(payload: String) -> Self {
        Self { payload, failed: false }
    }

    /// The function's own error.
    pub(super) fn error(payload: String) -> Self {
        Self { payload, failed: true }
    }

    /// The function took too long.
    pub(super) fn timed_out(request_id: &str, after: Duration) -> Self {
        let seconds = after.as_secs_f64();
        Self::of_lambda(
            "Sandbox.Timedout",
            &format!("RequestId: {request_id} Error: Task timed out after {seconds:.2} seconds"),
        )
    }

    /// The process ended before it answered.
    pub(super) fn exited(request_id: &str, status: ExitStatus) -> Self {
        let how = process::words_of(status).map_or_else(
            || "Runtime exited without providing a reason".to_owned(),
            |words| format!("Runtime exited with error: {words}"),
        );
        Self::of_lambda("Runtime.ExitError", &format!("RequestId: {request_id} Error: {how}"))
    }

    /// The process could not be started at all.
    pub(super) fn not_started(request_id: &str, why: &str) -> Self {
        Self::of_lambda("Runtime.InvalidEntrypoint", &format!("RequestId: {request_id} Error: {why}"))
    }

    /// The answer was too large.
    pub(super) fn too_large() -> Self {
        let text = format!("Response payload size exceeded maximum allowed payload size ({RESPONSE_BYTES_MAX} bytes).");
        Self::of_lambda("Function.ResponseSizeTooLarge", &text)
    }

    fn of_lambda(error_type: &str, message: &str) -> Self {
        let payload = serde_json::json!({ "errorType": error_type, "errorMessage": message });
        Self::error(payload.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[track_caller]
    fn check(answer: &Answer, expected: &str) {
        assert_eq!(answer.payload, expected);
        assert!(answer.failed);
    }

    #[test]
    fn lambdas_own_errors() {
        let exited = |raw| Answer::exited("id", ExitStatus::from_raw(raw));
        check(
            &Answer::timed_out("id", Duration::from_secs(3)),
            r#"{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: id Error: Task timed out after 3.00 seconds"}"#,
        );
        check(
            &exited(1 << 8),
            r#"{"errorType":"Runtime.ExitError","errorMessage":"RequestId: id Error: Runtime exited with error: exit status 1"}"#,
        );
        check(
            &exited(9),
            r#"{"errorType":"Runtime.ExitError","errorMessage":"RequestId: id Error: Runtime exited with error: signal: killed"}"#,
        );
        check(
            &exited(0),
            r#"{"errorType":"Runtime.ExitError","errorMessage":"RequestId: id Error: Runtime exited without providing a reason"}"#,
        );
    }
}
