//! News of tasks: from their calls, and from outside by token.

use std::sync::Arc;
use std::time::Duration;

use stepwell_asl::StateKind;
use stepwell_asl::definition::Target;
use stepwell_interpreter::{Command, Outside as _, Progress};
use stepwell_store::Error;
use tokio::sync::oneshot;

use super::{Applied, Message, Shard};
use crate::config::Sabotage;
use crate::token::{ExecutionOutside, TaskRef};

/// How long a callback waits for the answer of its call.
const HELD_FOR: Duration = Duration::from_millis(100);

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
            self.overtaken(task);
        } else if reply.is_some() && self.calls.contains_key(&task) && ends_task(&progress) {
            self.hold(task, progress, reply);
        } else {
            self.apply(task, progress, reply);
        }
    }

    /// A callback has overtaken the answer of the call it belongs to. It is held for a moment, so that TaskSubmitted comes
    /// first in the history; not longer, since the one who calls back may be the function that is called.
    fn hold(&mut self, task: TaskRef, progress: Progress, reply: Option<oneshot::Sender<Applied>>) {
        self.early.entry(task).or_default().push((progress, reply));
        let shared = Arc::clone(&self.shared);
        self.shared.runtime.spawn(async move {
            tokio::time::sleep(HELD_FOR).await;
            shared.send(task.key, Message::Overtaken { task });
        });
    }

    /// A callback was held long enough.
    pub(super) fn overtaken(&mut self, task: TaskRef) {
        for (progress, reply) in self.early.remove(&task).unwrap_or_default() {
            self.apply(task, progress, reply);
        }
    }

    fn apply(&mut self, mut task: TaskRef, progress: Progress, reply: Option<oneshot::Sender<Applied>>) {
        if self.shared.config.sabotage == Some(Sabotage::NoFence) {
            let frame = self.lives.get(&task.key).and_then(|live| live.execution.frames.get(&task.frame));
            task.epoch = frame.map_or(task.epoch, |frame| frame.epoch);
        }
        let is_workers = reply.is_some() && !matches!(progress, Progress::Started { .. });
        let command = Command::Task { frame: task.frame, epoch: task.epoch, progress };
        match if is_workers { self.activity_is_gone(task) } else { Ok(false) } {
            Ok(false) => self.command(task.key, &command, reply),
            Ok(true) => drop(reply.map(|reply| reply.send(Applied::NoActivity))),
            Err(error) => self.unread(task.key, &command, reply, &error),
        }
    }

    /// Whether a task that is waited for is one of an activity that has been deleted.
    ///
    /// # Errors
    /// When the store cannot be read for a moment.
    fn activity_is_gone(&mut self, task: TaskRef) -> Result<bool, Error> {
        match self.bring_in(task.key) {
            Ok(true) => {}
            Err(error) if !error.lasts() => return Err(error),
            _ => return Ok(false), // whatever is wrong is found again
        }
        let Some(live) = self.lives.get(&task.key) else { return Ok(false) };
        let frame = live.execution.frames.get(&task.frame).filter(|frame| frame.epoch == task.epoch);
        let kind = frame.map(|frame| &live.definition.state(frame.state).kind);
        let Some(StateKind::Task(waiting)) = kind else { return Ok(false) };
        let outside = ExecutionOutside {
            secret: &self.shared.config.secret,
            key: task.key,
            activities: &self.shared.activities,
            store: &*self.shared.store,
        };
        Ok(waiting.resource.target == Target::Activity && !outside.activity_exists(&waiting.resource.arn))
    }
}

fn ends_task(progress: &Progress) -> bool {
    matches!(progress, Progress::Succeeded { .. } | Progress::Failed { .. })
}
