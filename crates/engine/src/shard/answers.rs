//! News of tasks: from their calls, and from outside by token.

use stepwell_interpreter::{Command, Progress};
use tokio::sync::oneshot;

use super::{Applied, Shard};
use crate::config::Sabotage;
use crate::token::TaskRef;

impl Shard {
    /// Takes news of a task.
    pub(super) fn task(
        &mut self,
        task: TaskRef,
        progress: Progress,
        from_call: bool,
        reply: Option<oneshot::Sender<Applied>>,
    ) {
        if from_call {
            self.calls.remove(&task);
            self.apply(task, progress, reply);
            for (progress, reply) in self.early.remove(&task).unwrap_or_default() {
                self.apply(task, progress, reply);
            }
        } else if reply.is_some() && self.calls.contains_key(&task) && ends_task(&progress) {
            // A callback that overtook the answer of the call it belongs to: TaskSubmitted comes first in the history.
            self.early.entry(task).or_default().push((progress, reply));
        } else {
            self.apply(task, progress, reply);
        }
    }

    fn apply(&mut self, mut task: TaskRef, progress: Progress, reply: Option<oneshot::Sender<Applied>>) {
        if self.shared.config.sabotage == Some(Sabotage::NoFence) {
            let frame = self.lives.get(&task.key).and_then(|live| live.execution.frames.get(&task.frame));
            task.epoch = frame.map_or(task.epoch, |frame| frame.epoch);
        }
        let command = Command::Task { frame: task.frame, epoch: task.epoch, progress };
        self.command(task.key, &command, reply);
    }
}

fn ends_task(progress: &Progress) -> bool {
    matches!(progress, Progress::Succeeded { .. } | Progress::Failed { .. })
}
