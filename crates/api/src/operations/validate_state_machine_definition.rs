//! ValidateStateMachineDefinition

use stepwell_asl::{Diagnostic, MachineType, Options, Severity, compile};
use stepwell_model::limits::DIAGNOSTICS_DEFAULT;
use stepwell_value::Value;

use super::Answer;
use crate::call::Call;
use crate::wire::Shape;

/// Says what is wrong with a definition: errors, and with `severity` WARNING also what AWS warns of.
pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let request = &call.request;
    let warnings = request.opt_str("severity") == Some("WARNING");
    let express = request.opt_str("type") == Some("EXPRESS");
    let machine_type = if express { MachineType::Express } else { MachineType::Standard };
    let compiled = compile(request.str("definition")?, &Options { machine_type, warnings });
    let failed = compiled.diagnostics.iter().any(|found| found.severity == Severity::Error);
    let shown = |found: &&Diagnostic| found.is_aws() && (warnings || found.severity == Severity::Error);
    let found: Vec<&Diagnostic> = compiled.diagnostics.iter().filter(shown).collect();
    let max = request.page_size(DIAGNOSTICS_DEFAULT);
    Ok(Shape::new()
        .with("result", if failed { "FAIL" } else { "OK" })
        .with("diagnostics", Value::array(found.iter().take(max).map(|found| item(found))))
        .with("truncated", found.len() > max)
        .build())
}

fn item(found: &Diagnostic) -> Value {
    let location = Some(&*found.location).filter(|location| !location.is_empty());
    Shape::new()
        .with("severity", if found.severity == Severity::Error { "ERROR" } else { "WARNING" })
        .with("code", found.code)
        .with("message", &*found.message)
        .with_some("location", location)
        .build()
}
