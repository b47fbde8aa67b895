//! SendTaskHeartbeat

use stepwell_interpreter::Progress;

use super::Answer;
use crate::call::Call;
use crate::tasks::tell;

pub(crate) async fn run(call: &Call<'_>) -> Answer {
    tell(call, Progress::Heartbeat).await
}
