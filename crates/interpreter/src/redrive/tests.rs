//! Tests: executions fail or are stopped, are redriven, and go on; histories as text.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stepwell_asl::{Definition, Options, compile};
use stepwell_value::{Payload, Timestamp};

use super::{Redrive, redrive};
use crate::{
    Command, Details, Effect, EventType, Execution, FailedStage, Failure, FrameId, HistoryEvent, Identity, Limits,
    MapRunOutcome, Moment, Outside, Progress, Status, TimerKind, Transition, Waiting, pending_effects, step,
};

pub(super) struct Tokens;

impl Outside for Tokens {
    fn token(&self, frame: FrameId, epoch: u32) -> Arc<str> {
        Arc::from(format!("{}-{epoch}", frame.0))
    }
}

/// An execution in virtual time. Functions answer their input; `fail` fails as long as `broken`, `never` always.
pub(super) struct Run {
    pub definition: Definition,
    pub limits: Limits,
    pub execution: Execution,
    pub history: Vec<HistoryEvent>,
    pub due: BTreeMap<(Timestamp, u32), Command>,
    pub sent: u32,
    pub now: Timestamp,
    pub broken: bool,
    /// Frame numbers that were ever used.
    pub frames: BTreeSet<FrameId>,
    pub contents: BTreeSet<u32>,
}

pub(super) fn definition(text: &str) -> Definition {
    let text = text.replace("F:", "arn:aws:lambda:us-east-1:123456789012:function:");
    let compiled = compile(&text, &Options::default());
    compiled.definition.unwrap_or_else(|| panic!("{:?}", compiled.diagnostics))
}

impl Run {
    pub fn start(text: &str, input: &str) -> Run {
        let identity = Identity {
            execution_arn: "arn:x:execution:m:e".into(),
            name: "e".into(),
            state_machine_arn: "arn:x:stateMachine:m".into(),
            state_machine_name: "m".into(),
            version_arn: None,
            alias_arn: None,
            role_arn: "role".into(),
            region: "r".into(),
            started: Timestamp(0),
            express: false,
            test_case: None,
        };
        let execution = Execution::new(Arc::new(identity), Payload::from_text(input).unwrap());
        let mut run = Run {
            definition: definition(text),
            limits: Limits::AWS,
            execution,
            history: Vec::new(),
            due: BTreeMap::new(),
            sent: 0,
            now: Timestamp(0),
            broken: true,
            frames: BTreeSet::new(),
            contents: BTreeSet::new(),
        };
        run.send(0, Command::Start);
        run
    }

    pub fn send(&mut self, after_millis: u64, command: Command) {
        self.sent += 1;
        self.due.insert((self.now.plus_millis(after_millis), self.sent), command);
    }

    /// Takes the next command; `false`: there is none.
    pub fn turn(&mut self) -> bool {
        let Some(((at, _), command)) = self.due.pop_first() else { return false };
        self.now = self.now.max(at);
        self.apply(&command);
        true
    }

    pub fn apply(&mut self, command: &Command) {
        let moment = Moment { now: self.now, entropy: 7, outside: &Tokens };
        let transition = step(&self.definition, &mut self.execution, command, moment, &self.limits);
        self.committed(transition);
    }

    pub fn committed(&mut self, transition: Transition) {
        self.history.extend(transition.events);
        self.frames.extend(&transition.frames_put);
        self.contents.retain(|number| !transition.contents_removed.contains(number));
        self.contents.extend(transition.contents_put.iter().map(|(number, _)| *number));
        if transition.closed.is_some() {
            self.contents.clear();
            self.due.clear();
        }
        for effect in transition.effects {
            self.perform(effect);
        }
    }

    pub fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::SetTimer { frame, epoch, at, kind } => {
                self.send(at.millis_since(self.now), Command::TimerFired { frame, epoch, kind });
            }
            Effect::ScheduleTask(request) => {
                let arn = &request.resource.arn;
                let fails = arn.ends_with(":never") || (self.broken && arn.ends_with(":fail"));
                let progress = match fails {
                    true => Progress::Failed { failure: Failure::new("E", "as asked"), stage: FailedStage::Run },
                    false => Progress::Succeeded { output: request.parameters },
                };
                self.send(10, Command::Task { frame: request.frame, epoch: request.epoch, progress });
            }
            Effect::StartMapRun(request) => {
                let outcome = match self.broken {
                    true => MapRunOutcome::Failed(Failure::named("States.ExceedToleratedFailureThreshold")),
                    false => MapRunOutcome::Succeeded(request.inputs),
                };
                self.send(10, Command::MapRunEnded { frame: request.frame, epoch: request.epoch, outcome });
            }
            Effect::Continue => self.send(0, Command::Continue),
            Effect::SetExecutionTimer { .. } | Effect::CancelTask { .. } | Effect::Finish => {}
        }
    }

    pub fn end(mut self) -> Run {
        while self.turn() {}
        self
    }

    pub fn stop(&mut self) {
        self.apply(&Command::Stop { failure: Failure::default() });
    }

    pub fn redrive(&mut self) {
        self.now = self.now.plus_seconds(60);
        let request = Redrive {
            identity: Arc::clone(&self.execution.identity),
            history: &self.history,
            redrive_count: self.execution.redrive_count + 1,
            client_token: None,
        };
        let moment = Moment { now: self.now, entropy: 7, outside: &Tokens };
        let redriven = redrive(&self.definition, &request, moment, &self.limits);
        let (execution, transition) = redriven.unwrap_or_else(|| panic!("not redrivable: {}", self.text(1)));
        let fresh = |frame: &FrameId| !self.frames.contains(frame);
        assert!(execution.frames.keys().all(fresh), "{:?} were used before: {}", execution.frames, self.text(1));
        assert!(transition.closed.is_none());
        self.execution = execution;
        self.check_recovery(&transition);
        self.committed(transition);
    }

    /// What recovery would set up is what the redrive has asked for.
    pub fn check_recovery(&self, transition: &Transition) {
        let events = self.history.iter().chain(&transition.events);
        let event = |id: crate::EventId| events.clone().find(|event| event.id == id).cloned();
        let mut recovered = pending_effects(&self.definition, &self.execution, &self.limits, &event);
        recovered.sort_by_key(|effect| format!("{effect:?}"));
        let mut asked = transition.effects.clone();
        asked.sort_by_key(|effect| format!("{effect:?}"));
        assert_eq!(recovered, asked);
    }

    /// The events from this one on: `7<6 TaskStateEntered A`, one a line.
    pub fn text(&self, from: usize) -> String {
        let lines = self.history.iter().skip(from - 1).map(|event| {
            let about = match &event.details {
                Details::StateEntered { name, .. } | Details::StateExited { name, .. } => format!(" {name}"),
                Details::MapIteration { index, .. } => format!(" {index}"),
                Details::Output { output } => format!(" {}", output.text()),
                Details::Failure(failure) => format!(" {}", failure.name()),
                Details::Scheduled { input, .. } => format!(" {}", input.text()),
                Details::ExecutionRedriven { redrive_count, .. } | Details::MapRunRedriven { redrive_count, .. } => {
                    format!(" {redrive_count}")
                }
                _ => String::new(),
            };
            format!("{}<{} {}{about}", event.id, event.previous, event.event_type.name())
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    pub fn output(&self) -> &Payload {
        match &self.history.last().unwrap().details {
            Details::Output { output } => output,
            other => panic!("{other:?}\n{}", self.text(1)),
        }
    }
}

/// Runs until it fails, redrives it, and shows what follows.
#[track_caller]
fn check(text: &str, input: &str, repaired: bool, expected: &str) {
    let mut run = Run::start(text, input).end();
    let from = run.history.len() + 1;
    run.broken = !repaired;
    run.redrive();
    let run = run.end();
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(run.text(from), expected.join("\n"), "after:\n{}", run.text(1));
}

const TASK: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","Next":"A","Assign":{"v":5}},
    "A":{"Type":"Task","Resource":"F:fail","Next":"Z","RETRY"
        "Parameters":{"v.$":"$v","count.$":"$$.Execution.RedriveCount","again.$":"$$.State.RetryCount"}},
    "Z":{"Type":"Pass","End":true}}}"#;

#[test]
fn a_task_is_scheduled_again_and_not_entered_again() {
    check(
        &TASK.replace("\"RETRY\"", ""),
        "{}",
        true,
        r#"9<8 ExecutionRedriven 1
        10<9 LambdaFunctionScheduled {"v":5,"count":1,"again":0}
        11<10 LambdaFunctionStarted
        12<11 LambdaFunctionSucceeded {"v":5,"count":1,"again":0}
        13<12 TaskStateExited A
        14<13 PassStateEntered Z
        15<14 PassStateExited Z
        16<15 ExecutionSucceeded {"v":5,"count":1,"again":0}"#,
    );
}

#[test]
fn attempts_count_from_zero() {
    let retry = r#""Retry":[{"ErrorEquals":["States.ALL"],"MaxAttempts":1,"IntervalSeconds":1}],"#;
    check(
        &TASK.replace("\"RETRY\"", retry),
        "{}",
        false,
        r#"12<11 ExecutionRedriven 1
        13<12 LambdaFunctionScheduled {"v":5,"count":1,"again":0}
        14<13 LambdaFunctionStarted
        15<14 LambdaFunctionFailed E
        16<15 LambdaFunctionScheduled {"v":5,"count":1,"again":1}
        17<16 LambdaFunctionStarted
        18<17 LambdaFunctionFailed E
        19<18 ExecutionFailed E"#,
    );
}

#[test]
fn a_fail_state_is_entered_again() {
    check(
        r#"{"StartAt":"N","States":{"N":{"Type":"Fail","Error":"No"}}}"#,
        "{}",
        true,
        "4<3 ExecutionRedriven 1
        5<4 FailStateEntered N
        6<5 ExecutionFailed No",
    );
}

/// One branch has ended, one waits, one fails.
const BRANCHES: &str = r#"{"StartAt":"B","States":{"B":{"Type":"Parallel","End":true,"Branches":[
    {"StartAt":"Done","States":{"Done":{"Type":"Pass","Result":1,"End":true}}},
    {"StartAt":"Slow","States":{"Slow":{"Type":"Wait","Seconds":1,"Next":"Slow2"},"Slow2":{"Type":"Pass","End":true}}},
    {"StartAt":"Bad","States":{"Bad":{"Type":"Task","Resource":"F:fail","End":true}}}]}}}"#;

#[test]
fn only_the_branches_that_failed_run_again() {
    check(
        BRANCHES,
        r#"{"x":2}"#,
        true,
        r#"15<14 ExecutionRedriven 1
        16<10 LambdaFunctionScheduled {"x":2}
        17<16 LambdaFunctionStarted
        18<17 LambdaFunctionSucceeded {"x":2}
        19<18 TaskStateExited Bad
        20<6 WaitStateExited Slow
        21<20 PassStateEntered Slow2
        22<21 PassStateExited Slow2
        23<22 ParallelStateSucceeded
        24<22 ParallelStateExited B
        25<24 ExecutionSucceeded [1,{"x":2},{"x":2}]"#,
    );
}

const ITEMS: &str = r#"{"StartAt":"M","States":{"M":{"Type":"Map","MaxConcurrency":2,"End":true,
    "ItemSelector":{"n.$":"$$.Map.Item.Value"},"ItemProcessor":{"StartAt":"C","States":{
        "C":{"Type":"Choice","Choices":[{"Variable":"$.n","NumericEquals":2,"Next":"Bad"}],"Default":"Good"},
        "Good":{"Type":"Pass","Parameters":{"good.$":"$$.Map.Item.Index"},"End":true},
        "Bad":{"Type":"Task","Resource":"F:fail","End":true}}}}}}"#;

#[test]
fn only_the_iterations_that_failed_or_never_ran_run_again() {
    let mut run = Run::start(ITEMS, "[1,2,3,4]").end();
    let begun =
        |run: &Run| run.history.iter().filter(|event| event.event_type == EventType::MapIterationStarted).count();
    let before = begun(&run);
    assert!(before >= 2);
    run.broken = false;
    run.redrive();
    let run = run.end();
    assert_eq!(begun(&run), 4, "{}", run.text(1));
    assert_eq!(run.output().text().as_ref(), r#"[{"good":0},{"n":2},{"good":2},{"good":3}]"#);
}

#[test]
fn a_map_run_is_redriven() {
    let text = r#"{"StartAt":"M","States":{"M":{"Type":"Map","End":true,"ItemProcessor":{
        "ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},
        "StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}}}}"#;
    check(
        text,
        "[1, 2]",
        true,
        "8<7 ExecutionRedriven 1
        9<8 MapRunRedriven 1
        10<9 MapRunSucceeded
        11<10 MapStateSucceeded
        12<10 MapStateExited M
        13<12 ExecutionSucceeded [1,2]",
    );
}

#[test]
fn the_timeout_of_the_machine_counts_from_the_redrive() {
    let text = r#"{"TimeoutSeconds":9,"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":99,"End":true}}}"#;
    let mut run = Run::start(text, "{}");
    run.turn();
    run.apply(&Command::ExecutionTimedOut);
    assert_eq!(run.execution.status, Status::TimedOut);
    run.redrive();
    let timer = Effect::SetExecutionTimer { at: run.now.plus_seconds(9) };
    let nothing = |_: crate::EventId| None;
    assert!(pending_effects(&run.definition, &run.execution, &run.limits, &nothing).contains(&timer));
    run.turn(); // the Wait state waits again, from now on
    let until = run.now.plus_seconds(99);
    assert!(run.execution.frames.values().any(|frame| frame.waiting == Waiting::Wait { until }));
    assert!(run.due.values().any(|command| matches!(command, Command::TimerFired { kind: TimerKind::Resume, .. })));
}

#[test]
fn what_succeeded_or_runs_is_not_redriven() {
    let run = Run::start(r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#, "{}").end();
    let identity = Arc::clone(&run.execution.identity);
    let request = Redrive { identity, history: &run.history, redrive_count: 1, client_token: None };
    let moment = Moment { now: run.now, entropy: 7, outside: &Tokens };
    assert!(redrive(&run.definition, &request, moment, &run.limits).is_none());
    let open = Redrive { history: &run.history[..1], ..request };
    assert!(redrive(&run.definition, &open, moment, &run.limits).is_none());
}

/// Everything at once: nested Parallel and Map, Choice, Catch, Retry, variables in every scope.
const NESTED: &str = r#"{"StartAt":"P","States":{
    "P":{"Type":"Pass","Assign":{"top":"t","n":0},"Next":"C0"},
    "C0":{"Type":"Choice","Choices":[{"Variable":"$.none","IsPresent":true,"Next":"Never"}],"Default":"B",
        "Assign":{"chosen":true}},
    "Never":{"Type":"Fail"},
    "B":{"Type":"Parallel","Next":"Last","Parameters":{"items.$":"$.items","top.$":"$top"},
        "Retry":[{"ErrorEquals":["E"],"MaxAttempts":1,"IntervalSeconds":3}],
        "Branches":[
        {"StartAt":"M","States":{"M":{"Type":"Map","ItemsPath":"$.items","MaxConcurrency":2,"End":true,
            "Retry":[{"ErrorEquals":["E"],"MaxAttempts":1}],
            "ItemSelector":{"i.$":"$$.Map.Item.Index","v.$":"$$.Map.Item.Value","top.$":"$top"},
            "ItemProcessor":{"StartAt":"I","States":{
                "I":{"Type":"Pass","Assign":{"mine.$":"$.v"},"Next":"C"},
                "C":{"Type":"Choice","Default":"Ok","Choices":[
                    {"Variable":"$.v","NumericEquals":2,"Next":"Inner","Assign":{"two":true}},
                    {"Variable":"$.v","NumericEquals":4,"Next":"Bad"}]},
                "Ok":{"Type":"Task","Resource":"F:echo","Parameters":{"mine.$":"$mine"},"End":true},
                "Bad":{"Type":"Task","Resource":"F:CAUGHT","Parameters":{"mine.$":"$mine"},"Next":"Done",
                    "Catch":[{"ErrorEquals":["E"],"ResultPath":null,"Next":"Caught"}]},
                "Caught":{"Type":"Pass","Result":"caught","Next":"Done"},
                "Inner":{"Type":"Parallel","Next":"Done","Branches":[
                    {"StartAt":"X","States":{"X":{"Type":"Task","Resource":"F:echo","End":true}}},
                    {"StartAt":"Y","States":{"Y":{"Type":"Wait","Seconds":2,"Next":"Y2"},
                        "Y2":{"Type":"Task","Resource":"F:fail","Parameters":{"mine.$":"$mine","two.$":"$two"},"End":true}}}]},
                "Done":{"Type":"Succeed"}}}}}},
        {"StartAt":"Q","States":{"Q":{"Type":"Wait","Seconds":1,"Next":"Q2"},
            "Q2":{"Type":"Choice","Choices":[{"Variable":"$.top","StringEquals":"t","Next":"Q3"}]},
            "Q3":{"Type":"Pass","Assign":{"q":3},"Next":"Q4"},
            "Q4":{"Type":"Task","Resource":"F:echo","Parameters":{"q.$":"$q","chosen.$":"$chosen"},"End":true}}}]},
    "Last":{"Type":"Pass","Parameters":{"all.$":"$","top.$":"$top","chosen.$":"$chosen"},"End":true}}}"#;

/// Stopped after any number of commands and redriven, an execution comes to the same output as when it is left alone.
#[track_caller]
fn any_stop(text: &str, input: &str, transitions_per_step: u32, fails_first: bool) {
    let start = || {
        let mut run = Run::start(text, input);
        run.limits.transitions_per_step = transitions_per_step;
        run.broken = fails_first;
        run
    };
    let mut alone = start();
    alone.broken = false;
    let alone = alone.end();
    let mut commands = 1;
    loop {
        let mut run = start();
        let mut more = true;
        for _ in 0..commands {
            more = more && run.execution.status == Status::Running && run.turn();
        }
        let place = format!("stopped after {commands} commands, {transitions_per_step} transitions each");
        if run.execution.status == Status::Running {
            run.stop();
        } else {
            more = false;
        }
        if run.execution.status == Status::Succeeded {
            break;
        }
        run.redrive();
        run.turn();
        run.turn();
        if run.execution.status == Status::Running {
            run.stop(); // and once more
        }
        if run.execution.status != Status::Succeeded {
            run.redrive();
        }
        run.broken = false;
        let run = run.end();
        assert_eq!(run.execution.status, Status::Succeeded, "{place}\n{}", run.text(1));
        assert_eq!(run.output().text(), alone.output().text(), "{place}\n{}", run.text(1));
        assert!(run.contents.is_empty(), "{place}: {:?} are left", run.contents);
        commands += 1;
        if !more {
            break;
        }
    }
    assert!(commands > 2, "only {commands} commands");
}

#[test]
fn any_stop_is_made_good() {
    let input = r#"{"items":[1,2,3,4,2]}"#;
    for transitions in [0, 1, 2, 3, 5, 512] {
        for fails in [false, true] {
            any_stop(&NESTED.replace("CAUGHT", "echo"), input, transitions, fails);
            any_stop(&NESTED.replace("CAUGHT", "never"), input, transitions, fails);
            any_stop(BRANCHES, "{}", transitions, fails);
        }
        any_stop(ITEMS, "[1,2,3,4,2,1,1,1,2]", transitions, false);
    }
}
