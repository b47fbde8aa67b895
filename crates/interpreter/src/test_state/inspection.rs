//! What a test shows of the data on its way, and which of it AWS shows for which state.

use stepwell_asl::{QueryLanguage, State, StateKind, StateType};
use stepwell_value::Payload;

use super::probe::Probe;

/// `inspectionData`: the data after each stage that the state has and that was reached.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inspection {
    /// The raw input.
    pub input: Payload,
    /// After `Arguments`, of a Task in JSONata.
    pub after_arguments: Option<Payload>,
    /// After `InputPath`.
    pub after_input_path: Option<Payload>,
    /// After `Parameters`.
    pub after_parameters: Option<Payload>,
    /// The result of the Task, or the `Result` of a Pass state.
    pub result: Option<Payload>,
    /// After `ResultSelector`.
    pub after_result_selector: Option<Payload>,
    /// After `ResultPath`.
    pub after_result_path: Option<Payload>,
    /// The workflow variables after the state.
    pub variables: Option<Payload>,
    /// What Retry and Catch make of the error.
    pub error_details: Option<ErrorDetails>,
    /// The items of a Map after `ItemsPath`.
    pub after_items_path: Option<Payload>,
    /// The inputs of a Map's iterations after `ItemSelector`.
    pub after_item_selector: Option<Payload>,
    /// What the `ItemsPointer` of an item reader selects.
    pub after_items_pointer: Option<Payload>,
    /// `ToleratedFailureCount`
    pub tolerated_failure_count: Option<u64>,
    /// `ToleratedFailurePercentage`, 0 to 100.
    pub tolerated_failure_percentage: Option<f64>,
    /// `MaxConcurrency`, 0 where the state has none.
    pub max_concurrency: Option<u64>,
}

/// `errorDetails`: which retrier or catcher applies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErrorDetails {
    /// The index of the catcher.
    pub catch_index: Option<usize>,
    /// The index of the retrier, though its attempts may be used up.
    pub retry_index: Option<usize>,
    /// The whole seconds until the next attempt.
    pub retry_backoff_interval_seconds: Option<u64>,
}

impl ErrorDetails {
    /// Whether neither a retrier nor a catcher applies.
    pub fn is_empty(&self) -> bool {
        *self == ErrorDetails::default()
    }
}

/// Keeps of what the step told what AWS shows, and adds input and variables. Recorded: test_base_inspection_level_debug,
/// test_base_lambda_task_state, test_base_parallel_state_mock_success, test_state_map_context_object,
/// test_base_map_state_inspect, test_state_task_catch_error.
pub(super) fn shown(probe: Probe, state: &State, input: &Payload, rest: Inspection) -> Inspection {
    let mut shown = probe.into_told().inspection;
    shown.input = input.clone();
    shown.variables = rest.variables;
    let jsonata = state.query_language == QueryLanguage::Jsonata;
    match state.state_type() {
        StateType::Task if jsonata => shown.after_arguments = shown.after_parameters.take(),
        StateType::Pass if has_literal_result(state) => {
            shown.after_input_path = None;
            shown.after_parameters = None;
        }
        StateType::Task | StateType::Pass => {}
        StateType::Parallel => {
            shown.after_input_path = None;
            shown.after_parameters = None;
            shown.result = None;
        }
        StateType::Map => {
            shown.after_parameters = None;
            shown.result = None;
        }
        StateType::Choice | StateType::Wait | StateType::Succeed | StateType::Fail => {
            shown.after_result_selector = None;
            shown.after_result_path = None;
        }
    }
    if jsonata {
        shown.after_input_path = None;
        shown.after_parameters = None;
        shown.after_items_path = None;
        shown.after_result_selector = None;
        shown.after_result_path = None;
    }
    shown
}

fn has_literal_result(state: &State) -> bool {
    matches!(&state.kind, StateKind::Pass(pass) if pass.result.is_some())
}
