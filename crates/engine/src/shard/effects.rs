//! Performing effects, once their Transition is durable.

use std::sync::Arc;
use std::time::Duration;

use stepwell_asl::definition::Target;
use stepwell_interpreter::{Effect, FrameId, Progress, TaskRequest};
use stepwell_store::ExecutionKey;
use stepwell_value::Timestamp;

use super::{Message, Shard};
use crate::activities::Offer;
use crate::config::Sabotage;
use crate::integration::{Answer, BoxFuture, Call, Cancelled, Reporter};
use crate::shard::commit::After;
use crate::timers::Which;
use crate::token::{self, TaskRef};

/// A call that takes longer than this is shown as started before it has answered.
const STARTED_AFTER: Duration = Duration::from_millis(250);

impl Shard {
    /// Performs what a durable Transition asks for.
    pub(super) fn perform(&mut self, mut after: After) {
        let key = after.key;
        for frame in after.frames() {
            let current = self.lives.get(&key).and_then(|live| live.execution.frames.get(&frame));
            let epoch = current.map(|frame| frame.epoch);
            self.timers.keep_epoch(key, frame, epoch);
        }
        for effect in after.effects() {
            self.perform_one(key, effect, &after);
        }
    }

    pub(super) fn perform_one(&mut self, key: ExecutionKey, effect: Effect, after: &After) {
        match effect {
            Effect::SetTimer { frame, epoch, at, kind } => {
                if self.is_current(key, frame, epoch) {
                    self.timers.set(key, at, Which::Frame(frame, epoch, kind));
                }
            }
            Effect::SetExecutionTimer { at } => self.set_execution_timer(key, at),
            Effect::ScheduleTask(request) => self.schedule(key, *request),
            Effect::StartMapRun(request) => self.start_map_run(key, *request),
            Effect::CancelTask { frame, epoch } => self.cancel(Self::task_ref(key, frame, epoch)),
            Effect::Continue if self.shared.config.sabotage == Some(Sabotage::LostContinue) => {}
            Effect::Continue => self.unfinished.push_back(key),
            Effect::Finish => self.finish(key, after),
        }
    }

    pub(super) fn set_execution_timer(&mut self, key: ExecutionKey, at: Timestamp) {
        let early = if self.shared.config.sabotage == Some(Sabotage::EarlyTimer) { 5_000 } else { 0 };
        self.timers.set(key, Timestamp(at.0.saturating_sub(early)), Which::Execution);
    }

    /// Whether a frame still waits in this epoch; a later step may have gone on while the earlier one was committed.
    pub(super) fn is_current(&self, key: ExecutionKey, frame: FrameId, epoch: u32) -> bool {
        match self.lives.get(&key) {
            Some(live) => live.execution.frames.get(&frame).is_some_and(|frame| frame.epoch == epoch),
            None => true,
        }
    }

    fn finish(&mut self, key: ExecutionKey, after: &After) {
        self.timers.forget(key);
        let live = self.lives.remove(&key);
        if let (Some(sender), Some(ended)) = (live.and_then(|live| live.ended), after.ended()) {
            let _ = sender.send(ended);
        }
        for waiter in self.waiters.remove(&key).unwrap_or_default() {
            let _ = waiter.send(());
        }
    }

    fn cancel(&mut self, task: TaskRef) {
        if let Some((call, cancelled)) = self.calls.remove(&task) {
            cancelled.set();
            call.abort();
            self.abort_map_run(task);
        } else {
            self.shared.activities.withdraw(task);
        }
        for (_, reply) in self.early.remove(&task).unwrap_or_default() {
            if let Some(reply) = reply {
                let _ = reply.send(super::Applied::Stale);
            }
        }
    }

    fn schedule(&mut self, key: ExecutionKey, request: TaskRequest) {
        let task = Self::task_ref(key, request.frame, request.epoch);
        if !self.is_current(key, request.frame, request.epoch) {
            return;
        }
        if request.resource.target == Target::Activity {
            let arn = Arc::clone(&request.resource.arn);
            self.shared.activities.offer(&arn, Offer { task, input: request.parameters });
            return;
        }
        let Some(live) = self.lives.get(&key) else { return };
        let identity = Arc::clone(&live.execution.identity);
        let token = Arc::from(token::encode(&self.shared.config.secret, task));
        let shared = Arc::clone(&self.shared);
        let reporter = Reporter::new(move |progress| {
            shared.send(task.key, Message::Task { task, progress, from_call: false, reply: None });
        });
        let cancelled = Cancelled::default();
        let call = Call { request, identity, token, reporter: reporter.clone(), cancelled: cancelled.clone() };
        let call = self.shared.dispatcher.call(call);
        let shared = Arc::clone(&self.shared);
        let running = self.shared.runtime.spawn(async move {
            let answer = answer_or_notice(call, &reporter).await;
            let progress = match answer {
                Answer::Succeeded(output) => Progress::Succeeded { output },
                Answer::Submitted(output) => Progress::Submitted { output },
                Answer::Failed(failure, stage) => Progress::Failed { failure, stage },
            };
            shared.send(task.key, Message::Task { task, progress, from_call: true, reply: None });
        });
        self.calls.insert(task, (running.abort_handle(), cancelled));
    }
}

/// Waits for the answer; says that the task has started when it takes long.
async fn answer_or_notice(mut call: BoxFuture<'static, Answer>, reporter: &Reporter) -> Answer {
    if let Ok(answer) = tokio::time::timeout(STARTED_AFTER, &mut call).await {
        return answer;
    }
    reporter.report(Progress::Started { worker_name: None });
    call.await
}
