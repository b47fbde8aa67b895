//! What a case says. Its text form:
//!
//! ```text
//! # Notes: what the case shows; `recorded: …` names the recorded case whose facts it mirrors.
//! definition
//!   {"StartAt": "Charge", "States": {…}}
//! input {"amount": 1}
//! limits history_events=12 payload_bytes=none
//! task Charge
//!   - fail Payment.Declined the card has expired
//!   - after 3s succeed {"paid": true}
//!   * never
//! stop after 60s Operator.Stop no longer needed
//! expect
//!   1 0 ExecutionStarted input={"amount": 1}
//!   …
//!   SUCCEEDED
//! ```
//!
//! A word at the beginning of a line opens a section; indented lines belong to it. Sections, all but `definition`
//! optional:
//!
//! | section | says |
//! | --- | --- |
//! | `definition` | the ASL text |
//! | `input` | the input, JSON, kept as it is spelled; `{}` without it |
//! | `limits` | `payload_bytes`, `history_events`, `inline_map_concurrency` (a number or `none`), `transitions_per_step`; AWS's without it |
//! | `started` | when the execution is started, RFC 3339; `2026-01-01T00:00:00Z` without it |
//! | `entropy` | the number that all chance is derived from; 1 without it |
//! | `express` | the machine is of type EXPRESS |
//! | `missing` | the ARN of an activity that does not exist |
//! | `task NAME` | what becomes of the attempts of this Task state, in the order they are scheduled: `-` begins the next attempt, `*` all further ones |
//! | `stop after 5s ERROR CAUSE` | StopExecution |
//! | `expect` | the history and the final status |
//!
//! News of an attempt, one a line, the first beside its `-` or `*`: `started [WORKER]`, `submitted JSON`, `heartbeat`,
//! `succeed JSON`, `echo` (succeeds with its parameters), `fail [at schedule|start|submit|timeout] ERROR [CAUSE]`, `never`.
//! `after 2.5s` before it counts from the moment the attempt was scheduled. An ERROR `-` is none. A CAUSE that begins
//! with a quotation mark is a JSON string. News comes even when nobody waits for it any more: then it is late, and must
//! change nothing. A Map in mode DISTRIBUTED is answered like a task: `succeed` gives the outputs of its child executions,
//! `echo` their inputs, `fail` fails the Map Run.

use stepwell_interpreter::{FailedStage, Failure, Limits, Progress};
use stepwell_value::{Payload, Timestamp};

/// One case. See the module for its text form.
#[derive(Clone, Debug)]
pub struct Case {
    /// The ASL text.
    pub definition: String,
    /// The execution's input.
    pub input: Payload,
    /// The limits in force.
    pub limits: Limits,
    /// When the execution is started.
    pub started: Timestamp,
    /// What all chance is derived from.
    pub entropy: u64,
    /// Whether the machine is of type EXPRESS.
    pub express: bool,
    /// ARNs of activities that do not exist.
    pub missing_activities: Vec<String>,
    /// What becomes of tasks, by state.
    pub tasks: Vec<TaskScript>,
    /// StopExecution: milliseconds after the start, error and cause.
    pub stop: Option<(u64, Failure)>,
    /// The expected history, as [`crate::render()`] writes it; empty when the case has none yet.
    pub expected: String,
}

/// What becomes of the attempts of one Task state.
#[derive(Clone, Debug, Default)]
pub struct TaskScript {
    /// The state's name.
    pub state: String,
    /// The first attempts, in the order they are scheduled.
    pub attempts: Vec<Attempt>,
    /// All further attempts; without it a further attempt is an error of the case.
    pub further: Option<Attempt>,
}

/// What becomes of one attempt, in the order it is told; nothing: it is never answered.
pub type Attempt = Vec<News>;

/// One piece of news of a task.
#[derive(Clone, Debug)]
pub struct News {
    /// Milliseconds after the attempt was scheduled.
    pub after_millis: u64,
    /// What is told.
    pub answer: Answer,
}

/// What the outside tells of a task.
#[derive(Clone, Debug)]
pub enum Answer {
    /// This.
    Progress(Progress),
    /// It succeeded with its own parameters.
    Echo,
}

impl Answer {
    /// A failure at this point.
    pub(crate) fn failed(failure: Failure, stage: FailedStage) -> Answer {
        Answer::Progress(Progress::Failed { failure, stage })
    }
}
