//! Which errors a state can raise, for warnings about handlers that wait for another one.

use stepwell_value::json::Spanned;

/// Why a state never raises an error of this name where `Retry` and `Catch` would see it; `None` when it may.
///
/// Only names of Step Functions itself are known. What a Parallel or Map runs inside may raise anything a Task may.
pub(crate) fn never(name: &str, state: &Spanned, is_jsonata: bool) -> Option<&'static str> {
    let state_type = state.get("Type").and_then(Spanned::as_str)?;
    let is_task = state_type == "Task";
    match name {
        "States.Runtime" => Some("this error ends the execution, whatever handles it"),
        "States.NoChoiceMatched" if is_task => Some("only a Choice without a match raises it"),
        "States.BranchFailed" if is_task => Some("only a Parallel raises it"),
        "States.HeartbeatTimeout" if is_task && lacks(state, &["HeartbeatSeconds", "HeartbeatSecondsPath"]) => {
            Some("without HeartbeatSeconds there is no heartbeat to miss")
        }
        "States.ExceedToleratedFailureThreshold" | "States.ItemReaderFailed" | "States.ResultWriterFailed"
            if is_task || (state_type == "Map" && !is_distributed(state)) =>
        {
            Some("only a Map in mode DISTRIBUTED raises it")
        }
        "States.QueryEvaluationError" if is_task && !is_jsonata => Some("only JSONata raises it"),
        "States.ParameterPathFailure" | "States.ResultPathMatchFailure" | "States.IntrinsicFailure"
            if is_task && is_jsonata =>
        {
            Some("only JSONPath raises it")
        }
        _ if is_task && name.starts_with("States.Http.") && !calls(state, "http:invoke") => {
            Some("only a call of http:invoke raises it")
        }
        _ => None,
    }
}

fn lacks(state: &Spanned, fields: &[&str]) -> bool {
    fields.iter().all(|field| state.get(field).is_none())
}

fn calls(state: &Spanned, integration: &str) -> bool {
    state.get("Resource").and_then(Spanned::as_str).is_some_and(|resource| resource.contains(integration))
}

/// Whether a Map is distributed, or has a Map inside that may be.
fn is_distributed(map: &Spanned) -> bool {
    let processor = map.get("ItemProcessor").or_else(|| map.get("Iterator"));
    let mode = processor.and_then(|processor| processor.get("ProcessorConfig")?.get("Mode")?.as_str());
    let inner = || processor.and_then(|processor| processor.get("States")).is_some_and(holds_distributed);
    mode == Some("DISTRIBUTED") || inner()
}

fn holds_distributed(states: &Spanned) -> bool {
    let stepwell_value::json::Node::Object(members) = &states.node else { return false };
    members.iter().any(|(_, _, state)| match state.get("Type").and_then(Spanned::as_str) {
        Some("Map") => is_distributed(state),
        Some("Parallel") => true, // its branches are not looked into
        _ => false,
    })
}
