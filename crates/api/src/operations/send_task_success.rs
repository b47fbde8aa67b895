//! SendTaskSuccess

use stepwell_interpreter::Progress;
use stepwell_model::ApiError;
use stepwell_value::Payload;

use super::Answer;
use crate::call::Call;
use crate::tasks::tell;

pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let output = match call.request.opt_text("output") {
        Some(output) => output,
        None => call.request.str("output")?.into(),
    };
    let output = Payload::from_text(output).map_err(|error| ApiError::invalid_output(&error.message))?;
    tell(call, Progress::Succeeded { output }).await
}
