//! Runs a compiled definition: every effect is answered off a tape, and what every step leaves is checked against what a
//! store would keep of it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use stepwell_asl::Definition;
use stepwell_interpreter::{
    Command, Effect, Execution, FailedStage, Failure, FrameId, HistoryEvent, Identity, Limits, MapRunOutcome, Moment,
    Outside, Progress, Redrive, Source, Status, TaskRequest, Transition, Waiting, pending_effects, redrive, step,
};
use stepwell_store::format::{decode_chunk, decode_frame, encode_chunk, encode_frame};
use stepwell_store::held;
use stepwell_value::{Payload, Timestamp};

use crate::scope::DOCUMENT;
use crate::tape::Tape;

/// Steps of one run; an endless loop ends here.
const STEPS_MAX: usize = 60;

const LIMITS: Limits =
    Limits { payload_bytes: Some(100_000), history_events: Some(600), transitions_per_step: 50, ..Limits::AWS };

struct Anyone;

impl Outside for Anyone {
    fn token(&self, frame: FrameId, epoch: u32) -> Arc<str> {
        Arc::from(format!("token-{}-{epoch}", frame.0))
    }
}

/// Runs a definition on the fixed input until nothing is to be done, and once more if it can be redriven.
pub fn run(definition: &Definition, tape: &[u8]) {
    let mut world = World::new(definition, tape);
    let mut execution = new_execution();
    world.step(&mut execution, &Command::Start);
    world.answer_all(&mut execution);
    if let Some((mut again, transition)) = world.redriven() {
        world.kept(&again, &transition);
        world.agenda.clear();
        world.agenda.extend(pending_effects(definition, &again, &LIMITS, &|id| world.event(id)));
        world.agenda.extend(transition.effects);
        world.answer_all(&mut again);
    }
}

struct World<'a> {
    definition: &'a Definition,
    tape: Tape<'a>,
    agenda: VecDeque<Effect>,
    history: Vec<HistoryEvent>,
    contents: BTreeMap<u32, Payload>,
    now: Timestamp,
    steps: usize,
}

impl<'a> World<'a> {
    fn new(definition: &'a Definition, tape: &'a [u8]) -> World<'a> {
        World {
            definition,
            tape: Tape::new(tape),
            agenda: VecDeque::new(),
            history: Vec::new(),
            contents: BTreeMap::new(),
            now: Timestamp(1_790_000_000_000),
            steps: 0,
        }
    }

    fn moment(&self) -> Moment<'static> {
        Moment { now: self.now, entropy: self.steps as u64, outside: &Anyone }
    }

    fn answer_all(&mut self, execution: &mut Execution) {
        let until = self.steps + STEPS_MAX;
        while let Some(effect) = self.agenda.pop_front() {
            for command in self.answers(effect) {
                if self.steps >= until || execution.status != Status::Running {
                    return;
                }
                self.step(execution, &command);
            }
        }
    }

    /// One step; then everything is as a store would give it back.
    fn step(&mut self, execution: &mut Execution, command: &Command) {
        self.steps += 1;
        let before = execution.clone();
        let transition = step(self.definition, execution, command, self.moment(), &LIMITS);
        let mut twin = before;
        let again = step(self.definition, &mut twin, command, self.moment(), &LIMITS);
        assert_eq!(format!("{again:?}"), format!("{transition:?}"), "the same step twice");
        self.kept(execution, &transition);
        let pending = pending_effects(self.definition, execution, &LIMITS, &|id| self.event(id));
        if execution.status == Status::Running {
            assert!(!execution.frames.is_empty(), "a running execution has frames");
            // A callback that was asked for, and a task that a worker has, need nothing done.
            let is_held = execution.frames.values().any(|frame| matches!(frame.waiting, Waiting::Task(_)));
            assert!(is_held || !pending.is_empty(), "a running execution waits for something: {execution:?}");
        }
        self.agenda.extend(transition.effects);
    }

    /// Events are numbered on; events and frames keep what they are in the stored form; payloads are where frames say.
    fn kept(&mut self, execution: &Execution, transition: &Transition) {
        assert_eq!(transition.expected_next_event, self.history.len() as u64 + 1);
        self.history.extend(transition.events.iter().cloned());
        assert_eq!(execution.next_event, self.history.len() as u64 + 1);
        assert_eq!(
            transition.closed.map(|(status, _)| status),
            Some(execution.status).filter(|s| *s != Status::Running)
        );
        if !transition.events.is_empty() {
            let chunk = encode_chunk(&transition.events).expect("events can be written");
            assert_eq!(decode_chunk(&chunk).expect("written events can be read"), transition.events);
        }
        self.contents.extend(transition.contents_put.iter().cloned());
        transition.contents_removed.iter().for_each(|number| drop(self.contents.remove(number)));
        for id in &transition.frames_put {
            let Some(frame) = execution.frames.get(id) else { continue };
            let stored = decode_frame(&encode_frame(frame).expect("a frame can be written")).expect("and read");
            let mut stored = BTreeMap::from([(*id, stored)]);
            let payloads =
                held::sources(stored.values()).into_iter().filter_map(|from| Some((from, self.payload(from)?)));
            let payloads = payloads.collect();
            held::fill(&mut stored, &payloads).expect("all payloads are stored");
            assert_eq!(format!("{:?}", stored.get(id)), format!("{:?}", Some(frame)), "a frame read from the store");
        }
    }

    fn payload(&self, source: Source) -> Option<Payload> {
        let payload = match source {
            Source::Content(number) => self.contents.get(&number)?.clone(),
            Source::EventInput(id) | Source::EventOutput(id) => held::payload_of(&self.event(id)?, source)?.clone(),
        };
        stepwell_value::json::parse_own(payload.text()).expect("what is stored can be read");
        Some(payload)
    }

    fn event(&self, id: u64) -> Option<HistoryEvent> {
        self.history.get(usize::try_from(id.checked_sub(1)?).ok()?).cloned()
    }

    fn redriven(&mut self) -> Option<(Execution, Transition)> {
        let request = Redrive { identity: identity(), history: &self.history, redrive_count: 1, client_token: None };
        self.contents.clear();
        self.steps += 1;
        redrive(self.definition, &request, self.moment(), &LIMITS)
    }

    /// The commands that answer an effect.
    fn answers(&mut self, effect: Effect) -> Vec<Command> {
        match effect {
            Effect::SetTimer { frame, epoch, at, kind } => {
                self.now = self.now.max(at);
                vec![Command::TimerFired { frame, epoch, kind }]
            }
            Effect::SetExecutionTimer { at } if self.tape.rarely(4) => {
                self.now = self.now.max(at);
                vec![Command::ExecutionTimedOut]
            }
            Effect::SetExecutionTimer { .. } | Effect::CancelTask { .. } | Effect::Finish => Vec::new(),
            Effect::ScheduleTask(request) => self.task(&request),
            Effect::StartMapRun(request) => {
                let outcome = match self.tape.rarely(3) {
                    true => MapRunOutcome::Failed(self.failure()),
                    false => MapRunOutcome::Succeeded(self.output(Some(&request.inputs))),
                };
                vec![Command::MapRunEnded { frame: request.frame, epoch: request.epoch, outcome }]
            }
            Effect::Continue if self.tape.rarely(16) => vec![Command::Stop { failure: self.failure() }],
            Effect::Continue => vec![Command::Continue],
        }
    }

    fn task(&mut self, request: &TaskRequest) -> Vec<Command> {
        let mut news = Vec::new();
        if !self.tape.rarely(4) {
            news.push(Progress::Started { worker_name: self.tape.rarely(2).then(|| Arc::from("worker")) });
        }
        if self.tape.rarely(3) {
            news.push(Progress::Submitted { output: self.output(None) });
        }
        if self.tape.rarely(4) {
            news.push(Progress::Heartbeat);
        }
        news.push(match self.tape.below(8) {
            0..=3 => Progress::Succeeded { output: self.output(Some(&request.parameters)) },
            4 => Progress::Failed { failure: self.failure(), stage: FailedStage::Run },
            5 => Progress::Failed { failure: self.failure(), stage: FailedStage::Submit },
            6 => Progress::Failed { failure: self.failure(), stage: FailedStage::TimedOut },
            _ => Progress::Failed { failure: self.failure(), stage: FailedStage::Start },
        });
        let (frame, epoch) = (request.frame, request.epoch);
        news.into_iter().map(|progress| Command::Task { frame, epoch, progress }).collect()
    }

    fn output(&mut self, given: Option<&Payload>) -> Payload {
        match (self.tape.below(4), given) {
            (0, Some(given)) => given.clone(),
            (1, _) => Payload::from_text("\"text\"").expect("JSON"),
            (2, _) => Payload::from_text(r#"[1, {"a": [true, 1.50]}, null]"#).expect("JSON"),
            _ => Payload::from_text(r#"{"ExecutedVersion": "$LATEST", "Payload": {"n": 1}, "StatusCode": 200}"#)
                .expect("JSON"),
        }
    }

    fn failure(&mut self) -> Failure {
        let error = self.tape.pick(&["States.TaskFailed", "States.Timeout", "Own", "States.Runtime", ""]);
        Failure::new(error, "as the tape wants it")
    }
}

fn identity() -> Arc<Identity> {
    let head = "arn:aws:states:eu-west-1:123456789012";
    Arc::new(Identity {
        execution_arn: format!("{head}:execution:fuzz:run").into(),
        name: "run".into(),
        state_machine_arn: format!("{head}:stateMachine:fuzz").into(),
        state_machine_name: "fuzz".into(),
        version_arn: None,
        alias_arn: None,
        role_arn: "arn:aws:iam::123456789012:role/fuzz".into(),
        region: "eu-west-1".into(),
        started: Timestamp(1_790_000_000_000),
        express: false,
        test_case: None,
    })
}

fn new_execution() -> Execution {
    Execution::new(identity(), Payload::from_text(DOCUMENT).expect("the fixed document is JSON"))
}
