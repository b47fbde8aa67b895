//! Why a state could not go on, with AWS's words for each case.

use std::sync::Arc;

use stepwell_query::path::NoResult;
use stepwell_query::{EvalError, jsonata};
use stepwell_value::Payload;
use stepwell_value::json::DEPTH_MAX;

use crate::Failure;

/// A failure on its way to Retry, Catch or the end of the execution.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Problem {
    /// Error and cause.
    pub failure: Failure,
    /// How it is treated.
    pub nature: Nature,
    /// Whether a branch or iteration below the state failed, not the state itself.
    pub of_branch: bool,
}

/// How a problem is treated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Nature {
    /// An ordinary failure: a task's, a Fail state's, a timeout.
    Ordinary,
    /// A missed heartbeat: named `States.Timeout`, and caught by `States.HeartbeatTimeout` too.
    Heartbeat,
    /// `States.Runtime`: neither retried nor caught.
    Runtime,
    /// A JSONata field that could not be evaluated: an EvaluationFailed event comes first.
    Evaluation {
        /// The field: `Output/result`.
        location: Arc<str>,
    },
}

impl Problem {
    /// An ordinary failure.
    pub fn ordinary(failure: Failure) -> Problem {
        Problem { failure, nature: Nature::Ordinary, of_branch: false }
    }
}

/// What a field's evaluation may report; it becomes a [`Problem`] with the state's name in front.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fault {
    /// `States.Runtime` with this text.
    Runtime(String),
    /// `States.QueryEvaluationError` with this text, at this field.
    Evaluation(Arc<str>, String),
    /// Another error with this text.
    Named(&'static str, String),
    /// A problem that carries no state's name: size limits.
    Bare(Failure),
}

impl Fault {
    /// A path of a template (`value.$`) or of `ErrorPath`, `CausePath` that leads nowhere.
    pub fn of_eval(error: EvalError, input: &Payload) -> Fault {
        match error {
            EvalError::Path { field, missing } => Fault::Runtime(format!(
                "The JSONPath '{}' specified for the field '{field}' could not be found in the input '{}'",
                missing.path,
                input.text()
            )),
            EvalError::Intrinsic { call, reason, .. } => Fault::Named(
                "States.IntrinsicFailure",
                format!("The function '{call}' had the following error: {reason}"),
            ),
            EvalError::Jsonata { field, expression, code, message } => Fault::Evaluation(
                Arc::clone(&field),
                format!(
                    "The JSONata expression '{expression}' specified for the field '{field}' threw an error during evaluation{}",
                    jsonata::thrown(&code, &message)
                ),
            ),
            EvalError::Undefined { field, expression } => Fault::Evaluation(
                Arc::clone(&field),
                format!(
                    "The JSONata expression '{expression}' specified for the field '{field}' returned nothing (undefined)."
                ),
            ),
            EvalError::UnsupportedResult { field, expression } => Fault::Evaluation(
                Arc::clone(&field),
                format!(
                    "The JSONata expression '{expression}' specified for the field '{field}' returned an unsupported result type."
                ),
            ),
        }
    }

    /// `InputPath`, `OutputPath`, `TimeoutSecondsPath`, … that leads nowhere.
    pub fn of_path(missing: &NoResult) -> Fault {
        Fault::Runtime(format!("Invalid path '{}' : {}", missing.path, missing.reason))
    }

    /// Variables larger than the limit. AWS documents the limit; its text was not recorded.
    pub fn assigned_too_much(state: &str) -> Failure {
        Failure::new(
            "States.DataLimitExceeded",
            format!(
                "The state/task '{state}' assigned variables with a size exceeding the maximum number of bytes service limit."
            ),
        )
    }

    /// A result larger than the limit; `who` is the state's name or the called resource.
    pub fn too_large(who: &str) -> Failure {
        Failure::new(
            "States.DataLimitExceeded",
            format!(
                "The state/task '{who}' returned a result with a size exceeding the maximum number of bytes service limit."
            ),
        )
    }

    /// Data nested deeper than JSON may be; `who` is the state's name or the called resource. What AWS says of it was not
    /// recorded.
    pub fn too_deep(who: &str) -> Failure {
        Failure::new(
            "States.DataLimitExceeded",
            format!("The state/task '{who}' made data nested deeper than the maximum allowed ({DEPTH_MAX})."),
        )
    }

    /// The problem, told of this state.
    pub fn in_state(self, state: &str, entered_event: u64) -> Problem {
        self.told(|text| {
            format!(
                "An error occurred while executing the state '{state}' (entered at the event id #{entered_event}). {text}"
            )
        })
    }

    /// The problem, told of no state.
    pub fn plain(self) -> Problem {
        self.told(|text| text)
    }

    fn told(self, told: impl Fn(String) -> String) -> Problem {
        match self {
            Fault::Runtime(text) => Problem {
                failure: Failure::new("States.Runtime", told(text)),
                nature: Nature::Runtime,
                of_branch: false,
            },
            Fault::Evaluation(location, text) => Problem {
                failure: Failure::new("States.QueryEvaluationError", told(text)),
                nature: Nature::Evaluation { location },
                of_branch: false,
            },
            Fault::Named(error, text) => Problem::ordinary(Failure::new(error, told(text))),
            Fault::Bare(failure) => Problem::ordinary(failure),
        }
    }
}
