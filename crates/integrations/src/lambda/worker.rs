//! One warm process of a function and its Runtime API: an invocation at a time.

use std::{path::PathBuf, time::Duration};

use tokio::time::{Instant, timeout_at};

use super::{
    answer::Answer,
    code::CodeStamp,
    config::FunctionSpec,
    logs::{FunctionLog, LogStream},
    process::{Group, Process},
    runtime_api::{Invocation, RuntimeApi, RuntimeEvent},
};

/// How long a function may load before its first invocation, unless its own timeout is longer (AWS's value).
const INIT_SECONDS: u64 = 10;

/// A process of a function.
pub(super) struct Worker {
    api: RuntimeApi,
    process: Process,
    log: FunctionLog,
    asks: bool,
    used: bool,
    timeout: Duration,
    /// What the code looked like when the process was started.
    pub(super) stamp: CodeStamp,
    /// When the last invocation ended.
    pub(super) idle_since: Instant,
}

/// What became of an invocation.
pub(super) enum Run {
    /// It has an answer; `warm` says whether the process can take another one.
    Done { answer: Answer, warm: bool },
    /// The process was gone before it took the invocation: another process may take it.
    NotTaken,
}

/// What is needed to start a process.
pub(super) struct Start {
    pub(super) words: Vec<PathBuf>,
    pub(super) environment: std::collections::BTreeMap<String, String>,
    pub(super) log: FunctionLog,
    pub(super) stamp: CodeStamp,
}

impl Worker {
    /// Starts a process; it loads the function while we go on.
    pub(super) fn start(spec: &FunctionSpec, api: RuntimeApi, start: Start) -> std::io::Result<Self> {
        let process = Process::start(&start.words, &spec.code, &start.environment, &start.log)?;
        Ok(Self {
            api,
            process,
            log: start.log,
            asks: false,
            used: false,
            timeout: spec.timeout,
            stamp: start.stamp,
            idle_since: Instant::now(),
        })
    }

    /// Gives the process group.
    pub(super) fn group(&self) -> Group {
        self.process.group()
    }

    /// Says whether the process still runs.
    pub(super) fn is_running(&self) -> bool {
        self.process.is_running()
    }

    /// Gives the last lines of the log, in base64.
    pub(super) fn log_tail(&self) -> String {
        self.log.tail()
    }

    /// Runs one invocation to its end. The time that loading takes does not count towards the function's timeout.
    pub(super) async fn run(&mut self, mut invocation: Invocation) -> Run {
        let request_id = invocation.request_id.clone();
        if let Some(early) = self.wait_until_it_asks(&request_id).await {
            return early;
        }
        self.log.start_tail();
        self.log.line(LogStream::Platform, &format!("START RequestId: {request_id} Version: $LATEST"));
        let begun = Instant::now();
        let deadline = begun + self.timeout;
        invocation.deadline_ms =
            crate::ids::now_ms().saturating_add(i64::try_from(self.timeout.as_millis()).unwrap_or(i64::MAX));
        self.asks = false;
        self.api.hand_over(invocation).await;
        let answer = match timeout_at(deadline, self.answer(&request_id)).await {
            Ok(None) => return Run::NotTaken,
            Ok(Some(answer)) => Ok(answer),
            Err(late) => Err(late),
        };
        self.used = true;
        let warm = answer.is_ok() && self.process.is_running();
        let answer = answer.unwrap_or_else(|_| Answer::timed_out(&request_id, self.timeout));
        self.log_end(&request_id, begun, &answer);
        self.idle_since = Instant::now();
        Run::Done { answer, warm }
    }

    /// Waits until the process asks for an invocation; gives the end of the story if it never does.
    async fn wait_until_it_asks(&mut self, request_id: &str) -> Option<Run> {
        let limit = self.timeout.max(Duration::from_secs(INIT_SECONDS));
        let deadline = Instant::now() + limit;
        while !self.asks {
            let told = timeout_at(deadline, self.event_or_end()).await;
            let done = |answer| Some(Run::Done { answer, warm: false });
            match told {
                Ok(Told::Event(RuntimeEvent::Asks)) => self.asks = true,
                Ok(Told::Event(RuntimeEvent::Answered(_) | RuntimeEvent::Takes)) => {} // late: nobody waits for it any more
                Ok(Told::Event(RuntimeEvent::InitFailed(payload))) => return done(Answer::error(payload)),
                Ok(Told::End(_)) if self.used => return Some(Run::NotTaken),
                Ok(Told::End(status)) => return done(Answer::exited(request_id, status)),
                Err(_) => return done(Answer::timed_out(request_id, limit)),
            }
        }
        (self.used && !self.process.is_running()).then_some(Run::NotTaken)
    }

    /// Waits for the answer to the invocation that was handed over; none when a warm process ended without having taken it.
    async fn answer(&mut self, request_id: &str) -> Option<Answer> {
        let mut taken = false;
        loop {
            match self.event_or_end().await {
                Told::Event(RuntimeEvent::Takes) => taken = true,
                Told::Event(RuntimeEvent::Answered(answer)) => return Some(answer),
                Told::Event(RuntimeEvent::Asks) => self.asks = true,
                Told::Event(RuntimeEvent::InitFailed(payload)) => return Some(Answer::error(payload)),
                Told::End(_) if self.used && !taken => return None,
                Told::End(status) => return Some(Answer::exited(request_id, status)),
            }
        }
    }

    /// Waits for an event or the end of the process; what it told before its end comes first.
    async fn event_or_end(&mut self) -> Told {
        let status = tokio::select! {
            biased;
            event = self.api.next_event() => return Told::Event(event),
            status = self.process.ended() => status,
        };
        self.api.event_now().map_or(Told::End(status), Told::Event)
    }

    fn log_end(&self, request_id: &str, begun: Instant, answer: &Answer) {
        let milliseconds = begun.elapsed().as_secs_f64() * 1000.0;
        self.log.line(LogStream::Platform, &format!("END RequestId: {request_id}"));
        let failed = if answer.failed { "\tStatus: error" } else { "" };
        self.log.line(
            LogStream::Platform,
            &format!("REPORT RequestId: {request_id}\tDuration: {milliseconds:.2} ms{failed}"),
        );
    }
}

/// What `event_or_end` saw.
enum Told {
    Event(RuntimeEvent),
    End(std::process::ExitStatus),
}
