//! Plays a case on the interpreter, in virtual time: the clock jumps to whatever is due next.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stepwell_asl::{Definition, MachineType, Options, aws_message, compile};
use stepwell_interpreter::{
    Command, Effect, Execution, FrameId, HistoryEvent, Identity, MapRunRequest, Moment, Outside, Status, TaskRequest,
    Transition, step,
};
use stepwell_value::Timestamp;

use crate::case::Case;
use crate::disk::Disk;
use crate::invariants;
use crate::misdirected;
use crate::queue::Queue;
use crate::script::{Script, told, told_of_map_run};

/// More commands than any case needs; one that takes more never ends.
const COMMANDS_MAX: u32 = 1_000_000;

/// How an execution is kept between two steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// In memory.
    InMemory,
    /// In its stored forms: after every step it is written, read back, and everything it waits for is set up again.
    Reloading,
}

/// What became of a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// When the execution was started.
    pub started: Timestamp,
    /// The whole history.
    pub events: Vec<HistoryEvent>,
    /// The status when nothing was due any more; RUNNING when it waits for ever.
    pub status: Status,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

/// Why a case could not be played, or what the interpreter did that it must never do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The definition does not compile; AWS's message.
    #[error("{0}")]
    Definition(String),
    /// A task was scheduled that the case gives no answer for.
    #[error(
        "state `{state}` schedules its task for the {attempt}. time, and the case says nothing about that; add a `-` or `*` line under `task {state}`"
    )]
    NoAnswer {
        /// The state.
        state: String,
        /// Which attempt, from 1.
        attempt: usize,
    },
    /// It takes more commands than any case should.
    #[error("the execution does not end after {COMMANDS_MAX} commands")]
    Endless,
    /// An invariant of the interpreter is broken.
    #[error("after {command}: {what}")]
    Broken {
        /// The command after which it shows.
        command: String,
        /// What is wrong.
        what: String,
    },
}

/// Plays a case.
///
/// # Errors
/// When the definition does not compile, a task has no answer, or an invariant of the interpreter is broken.
pub fn run(case: &Case, mode: Mode) -> Result<Outcome, RunError> {
    let machine_type = if case.express { MachineType::Express } else { MachineType::Standard };
    let compiled = compile(&case.definition, &Options { machine_type, warnings: false });
    let Some(definition) = compiled.definition else {
        return Err(RunError::Definition(aws_message(&compiled.diagnostics)));
    };
    let mut player = Player::new(case, &definition, mode);
    player.play()?;
    Ok(player.outcome())
}

/// What a case lets a step know.
struct Setting<'c>(&'c Case);

impl Outside for Setting<'_> {
    fn token(&self, frame: FrameId, epoch: u32) -> Arc<str> {
        Arc::from(format!("token-{}-{epoch}", frame.0))
    }

    fn activity_exists(&self, arn: &str) -> bool {
        !self.0.missing_activities.iter().any(|missing| missing == arn)
    }
}

struct Player<'c> {
    case: &'c Case,
    definition: &'c Definition,
    execution: Execution,
    now: Timestamp,
    queue: Queue,
    script: Script<'c>,
    /// What was scheduled, and with which parameters.
    tasks: BTreeMap<(FrameId, u32), TaskRequest>,
    map_runs: Vec<MapRunRequest>,
    events: Vec<HistoryEvent>,
    contents: BTreeSet<u32>,
    ended: Option<Timestamp>,
    disk: Option<Disk>,
    commands: u32,
}

impl<'c> Player<'c> {
    fn new(case: &'c Case, definition: &'c Definition, mode: Mode) -> Player<'c> {
        Player {
            case,
            definition,
            execution: new_execution(case),
            now: case.started,
            queue: Queue::default(),
            script: Script::new(case),
            tasks: BTreeMap::new(),
            map_runs: Vec::new(),
            events: Vec::new(),
            contents: BTreeSet::new(),
            ended: None,
            disk: (mode == Mode::Reloading).then(Disk::default),
            commands: 0,
        }
    }

    fn play(&mut self) -> Result<(), RunError> {
        self.queue.add(self.now, Command::Start);
        if let Some((after, failure)) = &self.case.stop {
            self.queue.add(self.now.plus_millis(*after), Command::Stop { failure: failure.clone() });
        }
        while let Some((at, command)) = self.queue.take() {
            if self.ended.is_none() {
                self.now = self.now.max(at);
            }
            self.tell(&command)?;
            self.commands += 1;
            if self.commands > COMMANDS_MAX {
                return Err(RunError::Endless);
            }
        }
        Ok(())
    }

    /// Tells the execution a command, checks what it makes of it, and does what it asks for.
    fn tell(&mut self, command: &Command) -> Result<(), RunError> {
        let stale = self.is_stale(command);
        let before = self.execution.next_event;
        let transition = self.step(command);
        let contents = &mut self.contents;
        invariants::keep_account(contents, &transition);
        invariants::check(&self.execution, &transition, before, stale, contents)
            .map_err(|what| broken(command, what))?;
        self.events.extend(transition.events.iter().cloned());
        if let Some((_, at)) = transition.closed {
            self.ended = Some(at);
        }
        for effect in &transition.effects {
            self.perform(effect)?;
        }
        self.reload(&transition).map_err(|what| broken(command, what))
    }

    fn step(&mut self, command: &Command) -> Transition {
        let setting = Setting(self.case);
        let entropy = self.case.entropy.wrapping_add(u64::from(self.commands).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let moment = Moment { now: self.now, entropy, outside: &setting };
        step(self.definition, &mut self.execution, command, moment, &self.case.limits)
    }

    /// Whether nobody waits for this command any more.
    fn is_stale(&self, command: &Command) -> bool {
        match command {
            Command::TimerFired { frame, epoch, .. }
            | Command::Task { frame, epoch, .. }
            | Command::MapRunEnded { frame, epoch, .. } => {
                self.execution.frames.get(frame).is_none_or(|frame| frame.epoch != *epoch)
            }
            _ => self.execution.status != Status::Running,
        }
    }

    fn perform(&mut self, effect: &Effect) -> Result<(), RunError> {
        match effect {
            Effect::SetTimer { frame, epoch, at, kind } => {
                self.queue.add(*at, Command::TimerFired { frame: *frame, epoch: *epoch, kind: *kind });
            }
            Effect::SetExecutionTimer { at } => self.queue.add(*at, Command::ExecutionTimedOut),
            Effect::ScheduleTask(request) => self.schedule(request)?,
            Effect::StartMapRun(request) => self.start_map_run(request)?,
            Effect::Continue => self.queue.add(self.now, Command::Continue),
            Effect::CancelTask { .. } | Effect::Finish => {}
        }
        Ok(())
    }

    fn schedule(&mut self, request: &TaskRequest) -> Result<(), RunError> {
        let attempt = self.script.next(self.state_name(request.frame))?;
        for news in attempt {
            self.queue.add(self.now.plus_millis(news.after_millis), told(&news.answer, request));
        }
        self.tasks.insert((request.frame, request.epoch), request.clone());
        Ok(())
    }

    fn start_map_run(&mut self, request: &MapRunRequest) -> Result<(), RunError> {
        for news in self.script.next(self.state_name(request.frame))? {
            if let Some(command) = told_of_map_run(&news.answer, request) {
                self.queue.add(self.now.plus_millis(news.after_millis), command);
            }
        }
        self.map_runs.push(request.clone());
        Ok(())
    }

    fn state_name(&self, id: FrameId) -> &'c str {
        let frame = self.execution.frames.get(&id);
        frame.and_then(|frame| self.definition.states.get(frame.state.0 as usize)).map_or("", |state| &state.name)
    }

    /// Writes the step down, reads the execution back and goes on with what was read.
    fn reload(&mut self, transition: &Transition) -> Result<(), String> {
        let Some(disk) = &mut self.disk else { return Ok(()) };
        disk.write(&self.execution, transition)?;
        if self.execution.status != Status::Running {
            return Ok(());
        }
        let read = disk.read(&self.execution)?;
        invariants::same_execution(&self.execution, &read)?;
        let pending = disk.pending(self.definition, &read, &self.case.limits);
        invariants::pending(self.definition, &read, &pending, &self.queue, &self.tasks, &self.map_runs)?;
        self.execution = read;
        if pending.contains(&Effect::Continue) && self.queue.moment_of(&Command::Continue).is_none() {
            self.needless(&Command::Continue)?;
        }
        misdirected::commands(&self.execution).iter().try_for_each(|command| self.needless(command))
    }

    /// A recovered execution is told to go on and has nothing to go on with, or is told what it does not wait for.
    fn needless(&mut self, command: &Command) -> Result<(), String> {
        let before = self.execution.clone();
        let transition = self.step(command);
        if !transition.is_empty() || self.execution != before {
            return Err(format!("{command:?}, which nobody waits for, changed something: {transition:?}"));
        }
        Ok(())
    }

    fn outcome(self) -> Outcome {
        Outcome { started: self.case.started, events: self.events, status: self.execution.status, ended: self.ended }
    }
}

fn broken(command: &Command, what: String) -> RunError {
    let command = match command {
        Command::Task { frame, epoch, progress } => format!("Task {frame:?}/{epoch} {progress:?}"),
        other => format!("{other:?}"),
    };
    RunError::Broken { command, what }
}

fn new_execution(case: &Case) -> Execution {
    let machine = "arn:aws:states:us-east-1:123456789012:stateMachine:case";
    let (kind, tail) = if case.express { ("express", ":1") } else { ("execution", "") };
    let identity = Identity {
        execution_arn: Arc::from(format!("arn:aws:states:us-east-1:123456789012:{kind}:case:run{tail}")),
        name: Arc::from("run"),
        state_machine_arn: Arc::from(machine),
        state_machine_name: Arc::from("case"),
        version_arn: None,
        alias_arn: None,
        role_arn: Arc::from("arn:aws:iam::123456789012:role/case"),
        region: Arc::from("us-east-1"),
        started: case.started,
        express: case.express,
        test_case: None,
    };
    Execution::new(Arc::new(identity), case.input.clone())
}
