//! The fake services: what calls of tasks are answered, when, and how often.

use std::sync::Arc;

use stepwell_asl::definition::{Pattern, Target};
use stepwell_engine::{Answer, BoxFuture, Call, Dispatcher, token};
use stepwell_interpreter::{FailedStage, Failure, Progress};
use stepwell_value::Payload;
use tokio::sync::oneshot;

use crate::agenda::Event;
use crate::desk::{Desk, SharedDesk};
use crate::disk::Disk;
use crate::seen::Seen;

/// The services, as one incarnation of the engine sees them.
pub struct Services {
    desk: SharedDesk,
    disk: Arc<Disk>,
    secret: [u8; 32],
}

impl Services {
    /// Services that report to this desk.
    pub fn new(desk: &SharedDesk, disk: &Arc<Disk>, secret: [u8; 32]) -> Services {
        Services { desk: desk.clone(), disk: Arc::clone(disk), secret }
    }
}

impl Dispatcher for Services {
    fn call(&self, call: Call) -> BoxFuture<'static, Answer> {
        let (sender, receiver) = oneshot::channel();
        let mut desk = self.desk.lock();
        if let Some(task) = token::decode(&self.secret, &call.token) {
            let called = if !call.identity.is_kept() {
                Seen::CalledExpress(task.key, &call.identity.execution_arn)
            } else {
                Seen::Called(task)
            };
            desk.see(&called, &self.disk);
        }
        desk.plan_answer(&call, sender);
        Box::pin(async move {
            match receiver.await {
                Ok(answer) => answer,
                Err(_) => std::future::pending().await,
            }
        })
    }
}

/// A shown output of a task.
fn output(number: u64) -> Payload {
    Payload::from_checked_text(format!("{{\"ok\":{number}}}"))
}

impl Desk {
    /// Decides how a call is answered and enters it into the agenda.
    fn plan_answer(&mut self, call: &Call, sender: oneshot::Sender<Answer>) {
        let now = self.clock.elapsed();
        let by_token =
            matches!(&call.request.resource.target, Target::Integration { pattern: Pattern::WaitForTaskToken, .. });
        let delay = self.delay();
        let answer = self.answer(&call.request.resource.target, by_token);
        let silent = self.fault(self.options.task_silent);
        for after in [251, delay + 251] {
            self.agenda.push(now + after, Event::Tick); // a call that takes longer is shown as started
        }
        if by_token && matches!(answer, Answer::Submitted(_)) {
            self.plan_callback(&call.token, call.request.heartbeat_seconds);
        } else if self.fault(self.options.task_twice) {
            let early = now + self.rng.below(delay + 1);
            let reported = Progress::Succeeded { output: output(self.rng.below(1000)) };
            self.agenda.push(early, Event::Report(call.reporter.clone(), reported));
        }
        if silent {
            self.silent.push((sender, answer));
        } else {
            self.agenda.push(now + delay, Event::Answer(sender, answer));
        }
    }

    /// Whether a fault of this rate happens now; none does when it is calm.
    pub fn fault(&mut self, rate: f64) -> bool {
        let happens = self.rng.chance(rate);
        happens && !self.calm
    }

    /// How long something takes, in milliseconds.
    pub fn delay(&mut self) -> u64 {
        if self.fault(self.options.task_slow) {
            return self.rng.between(2_000, 90_000);
        }
        let most = *self.rng.pick(&[0, 5, 200, 3000]).unwrap_or(&0);
        self.rng.below(most + 1)
    }

    fn answer(&mut self, target: &Target, by_token: bool) -> Answer {
        let number = self.rng.below(1000);
        if !self.fault(self.options.task_fails) {
            return if by_token { Answer::Submitted(output(number)) } else { Answer::Succeeded(output(number)) };
        }
        let stages: &[FailedStage] = match target {
            Target::Integration { .. } => &[FailedStage::Run, FailedStage::Submit, FailedStage::Start],
            _ => &[FailedStage::Run, FailedStage::Start, FailedStage::Schedule],
        };
        let stage = self.rng.pick(stages).copied().unwrap_or(FailedStage::Run);
        Answer::Failed(self.failure(), stage)
    }

    fn failure(&mut self) -> Failure {
        let names = ["Boom", "Lambda.Unknown", "States.TaskFailed", "States.Timeout"];
        Failure::new(self.rng.pick(&names).copied().unwrap_or("Boom"), "planned")
    }

    /// Enters the callbacks of a task into the agenda: signs of life, an outcome, perhaps twice, perhaps never.
    pub fn plan_callback(&mut self, token: &Arc<str>, heartbeat_seconds: Option<u64>) {
        let now = self.clock.elapsed();
        let delay = self.delay();
        if let Some(seconds) = heartbeat_seconds {
            let every = (seconds * 800).max(1);
            for beat in (1..=delay / every).take(5) {
                self.agenda.push(now + beat * every, Event::Callback(Arc::clone(token), Progress::Heartbeat));
            }
        }
        if self.fault(self.options.task_silent) {
            return; // whoever had the token has died
        }
        let times = if self.fault(self.options.task_twice) { self.rng.between(2, 4) } else { 1 };
        for _ in 0..times {
            let progress = self.outcome();
            let again = self.rng.below(2) * self.rng.below(5000);
            self.agenda.push(now + delay + again, Event::Callback(Arc::clone(token), progress));
        }
    }

    fn outcome(&mut self) -> Progress {
        if self.fault(self.options.task_fails) {
            return Progress::Failed { failure: self.failure(), stage: FailedStage::Run };
        }
        Progress::Succeeded { output: output(self.rng.below(1000)) }
    }
}
