//! SendTaskFailure

use stepwell_interpreter::{FailedStage, Failure, Progress};

use super::Answer;
use crate::call::Call;
use crate::tasks::tell;

pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let failure = Failure { error: call.request.opt_text("error"), cause: call.request.opt_text("cause") };
    tell(call, Progress::Failed { failure, stage: FailedStage::Run }).await
}
