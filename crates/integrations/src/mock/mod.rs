//! The mock configuration of Step Functions Local: tasks of an execution that was started with a test case
//! (`stateMachineArn#TestCase`) answer from a file instead of calling their service.
//!
//! [`config`] is the file's form, [`file`] notices its changes, [`attempts`] counts, [`response`] shapes answers as AWS's
//! history shows them. States that a test case does not name call their service as ever.

mod attempts;
pub mod config;
pub mod file;
mod response;

use std::path::PathBuf;
use std::sync::Arc;

use stepwell_asl::definition::Pattern;
use stepwell_engine::{Answer, Call, Handle, token};
use stepwell_interpreter::{Failure, Progress};
use stepwell_store::ExecutionKey;

use attempts::Attempts;
use config::{Reply, Responses};
use file::MockFile;
use response::Called;

/// The mock configuration of a server; cheap to clone.
#[derive(Clone, Debug)]
pub struct Mock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    file: MockFile,
    adds_metadata: bool,
    attempts: Attempts,
}

impl Mock {
    /// A mock that reads this file; it need not exist yet. `adds_metadata`: whether `Return` gets what AWS's SDK adds to a
    /// response and the mock leaves out, as in the cloud; Step Functions Local adds nothing.
    pub fn new(path: PathBuf, adds_metadata: bool) -> Mock {
        Mock(Arc::new(Inner { file: MockFile::new(path), adds_metadata, attempts: Attempts::default() }))
    }

    /// Reads the file; says in the log when it cannot be used.
    pub fn load(&self) {
        let _ = self.0.file.current(); // it has told the log
    }

    /// Whether the state machine of this name has this test case.
    ///
    /// # Errors
    /// What is missing in which file, or what is wrong with the file.
    pub fn check(&self, state_machine: &str, test_case: &str) -> Result<(), String> {
        let file = &self.0.file;
        let config = file.current().map_err(|fault| format!("The mock configuration cannot be used: {fault}"))?;
        let found = config.test_case(state_machine, test_case);
        found.map(|_| ()).map_err(|what| format!("The mock configuration `{}`: {what}", file.path().display()))
    }

    /// Has to be called for every task, in the order in which they were scheduled: counts the attempts of Express
    /// executions, which have no history to count in.
    pub(crate) fn note(&self, engine: &Handle, call: &Call) -> Option<u32> {
        if call.identity.test_case.is_none() || call.identity.is_kept() {
            return None;
        }
        Some(self.0.attempts.next_express(key_of(engine, call)?, &call.request.state))
    }

    /// The answer to a task of a test case; none when its state is not mocked. `noted` is what [`Mock::note`] gave.
    pub(crate) async fn answer(&self, engine: &Handle, call: &Call, noted: Option<u32>) -> Option<Answer> {
        let test_case = Arc::clone(call.identity.test_case.as_ref()?);
        let (mock, engine, asked) = (self.clone(), engine.clone(), call.clone());
        // The file and the history are read; that may take a while.
        let reply = tokio::task::spawn_blocking(move || mock.reply(&engine, &asked, &test_case, noted)).await;
        match reply.unwrap_or_else(|_| Err("reading the mock configuration failed".to_owned())) {
            Ok(None) => None,
            Ok(Some(reply)) => Some(self.play(call, &reply)),
            Err(what) => Some(Answer::failed(Failure::new("States.Runtime", what))),
        }
    }

    /// The reply to this attempt; none when the state is not mocked.
    fn reply(
        &self,
        engine: &Handle,
        call: &Call,
        test_case: &str,
        noted: Option<u32>,
    ) -> Result<Option<Reply>, String> {
        let Inner { file, attempts, .. } = &*self.0;
        let machine = &call.identity.state_machine_name;
        // The children of a Map Run are of `MACHINE/LABEL`.
        let machine = machine.split('/').next().unwrap_or(machine);
        let place = format!("The mock configuration `{}`", file.path().display());
        let config = file.current().map_err(|fault| format!("The mock configuration cannot be used: {fault}"))?;
        let case = config.test_case(machine, test_case).map_err(|what| format!("{place}: {what}"))?;
        let Some(responses) = case.get(&call.request.state) else { return Ok(None) };
        let attempt = match noted {
            Some(attempt) => attempt,
            None => {
                let key = key_of(engine, call).ok_or("the token of the task is none")?;
                let attempt = attempts.of_event(engine, key, call.request.scheduled_event);
                let attempt = attempt.map_err(|error| format!("the history cannot be read: {error}"))?;
                attempt.ok_or("the history has no event for the task")?
            }
        };
        let reply = responses.at(attempt).cloned();
        reply.map(Some).ok_or_else(|| no_reply(&place, call, responses, attempt))
    }

    /// Does as if the service had answered.
    fn play(&self, call: &Call, reply: &Reply) -> Answer {
        let called = Called::of(&call.request.resource.target);
        let adds_metadata = self.0.adds_metadata;
        if called.pattern != Pattern::RequestResponse && call.request.submitted.is_none() {
            // Recorded: test_sqs_wait_for_task_token, test_sqs_wait_for_task_token_task_failure.
            let output = response::submitted(&called, call, reply, adds_metadata);
            call.reporter.report(Progress::Submitted { output });
        }
        match reply {
            Reply::Return(value) => Answer::Succeeded(response::output(&called, value, adds_metadata)),
            Reply::Throw(failure) => Answer::failed(failure.clone()),
        }
    }
}

fn key_of(engine: &Handle, call: &Call) -> Option<ExecutionKey> {
    Some(token::decode(engine.secret(), &call.token)?.key)
}

fn no_reply(place: &str, call: &Call, responses: &Responses, attempt: u32) -> String {
    let (state, name, covered) = (&call.request.state, &responses.name, responses.covered());
    format!(
        "{place} has no response for attempt {attempt} of state '{state}': `MockedResponses.{name}` covers {covered}"
    )
}
