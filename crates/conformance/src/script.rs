//! Hands out the attempts of a case's tasks in the order they are scheduled.

use std::collections::BTreeMap;

use stepwell_interpreter::{Command, MapRunOutcome, MapRunRequest, Progress, TaskRequest};

use crate::case::{Answer, Attempt, Case};
use crate::run::RunError;

/// How many attempts of each state were scheduled.
pub(crate) struct Script<'c> {
    case: &'c Case,
    scheduled: BTreeMap<String, usize>,
}

impl<'c> Script<'c> {
    pub fn new(case: &'c Case) -> Script<'c> {
        Script { case, scheduled: BTreeMap::new() }
    }

    /// What becomes of a task that was just scheduled.
    ///
    /// # Errors
    /// When the case says nothing about it.
    pub fn next(&mut self, state: &str) -> Result<&'c Attempt, RunError> {
        let scheduled = self.scheduled.entry(state.to_owned()).or_default();
        let attempt = *scheduled;
        *scheduled += 1;
        let script = self.case.tasks.iter().find(|script| script.state == state);
        let found = script.and_then(|script| script.attempts.get(attempt).or(script.further.as_ref()));
        found.ok_or_else(|| RunError::NoAnswer { state: state.to_owned(), attempt: attempt + 1 })
    }
}

/// The command that tells an answer to a task.
pub(crate) fn told(answer: &Answer, request: &TaskRequest) -> Command {
    let progress = match answer {
        Answer::Progress(progress) => progress.clone(),
        Answer::Echo => Progress::Succeeded { output: request.parameters.clone() },
    };
    Command::Task { frame: request.frame, epoch: request.epoch, progress }
}

/// The command that tells how a Map Run ended; `None` for news that only tasks have.
pub(crate) fn told_of_map_run(answer: &Answer, request: &MapRunRequest) -> Option<Command> {
    let outcome = match answer {
        Answer::Echo => MapRunOutcome::Succeeded(request.inputs.clone()),
        Answer::Progress(Progress::Succeeded { output }) => MapRunOutcome::Succeeded(output.clone()),
        Answer::Progress(Progress::Failed { failure, .. }) => MapRunOutcome::Failed(failure.clone()),
        Answer::Progress(_) => return None,
    };
    Some(Command::MapRunEnded { frame: request.frame, epoch: request.epoch, outcome })
}
