//! Generated executions: for the contract tests, the dictionary of the chunks and measurements. Never in the product.

use std::sync::Arc;

use stepwell_asl::{BlockId, StateId};
use stepwell_interpreter::execution::{MapRunWait, TaskWait, Variables};
use stepwell_interpreter::{
    Details, EventId, EventType, Failure, Frame, FrameId, Held, HistoryEvent, Identity, Source, Status, Waiting,
};
use stepwell_value::{Payload, Timestamp};

use crate::{ExecutionKey, ExecutionRecord, ExecutionWrite, MachineKey, Write};

/// The moment the generated executions start from.
pub const NOON: Timestamp = Timestamp(1_795_176_000_000);

/// Pseudo-random numbers from a seed (splitmix64).
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    /// The next 64 bits.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 when `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.roll().checked_rem(end).unwrap_or(0)
    }

    fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        let index = self.below(words.len() as u64);
        words.iter().copied().nth(usize::try_from(index).unwrap_or(0)).unwrap_or("")
    }

    fn hex(&mut self) -> String {
        format!("{:08x}-{:04x}-4{:03x}", self.roll() as u32, self.roll() as u16, self.roll() & 0xfff)
    }
}

/// Which execution to generate.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its number.
    pub key: u64,
    /// Its machine's number.
    pub machine: u64,
    /// Its name.
    pub name: String,
    /// Whether the name counts as made by Stepwell.
    pub generated_name: bool,
    /// The version it was started with.
    pub version_arn: Option<Arc<str>>,
    /// The alias it was started with.
    pub alias_arn: Option<Arc<str>>,
}

impl Case {
    /// An execution of machine 1 with a generated name.
    pub fn numbered(key: u64) -> Case {
        Case { key, machine: 1, name: Dice(key).hex(), generated_name: true, version_arn: None, alias_arn: None }
    }

    /// An execution with a name a caller chose.
    pub fn named(key: u64, machine: u64, name: &str) -> Case {
        Case { key, machine, name: name.to_owned(), generated_name: false, version_arn: None, alias_arn: None }
    }
}

/// The row of an execution.
pub fn record(case: &Case) -> ExecutionRecord {
    let machine_name = format!("Orders-{}", case.machine);
    let head = "arn:aws:states:us-east-1:123456789012";
    let identity = Identity {
        execution_arn: format!("{head}:execution:{machine_name}:{}", case.name).into(),
        name: case.name.as_str().into(),
        state_machine_arn: format!("{head}:stateMachine:{machine_name}").into(),
        state_machine_name: machine_name.into(),
        version_arn: case.version_arn.clone(),
        alias_arn: case.alias_arn.clone(),
        role_arn: "arn:aws:iam::123456789012:role/service-role/StepFunctions-Orders".into(),
        region: "us-east-1".into(),
        started: NOON.plus_millis(case.key),
        express: false,
        test_case: None,
    };
    ExecutionRecord {
        key: ExecutionKey(case.key),
        machine: MachineKey(case.machine),
        revision_id: "5e0b7b5c-8f43-4f0e-9d33-8c1f1f6f9a01".into(),
        identity: Arc::new(identity),
        generated_name: case.generated_name,
        status: Status::Running,
        stopped: None,
        last_event: 0,
        redrive_count: 0,
        redriven: None,
        trace_header: None,
        forked_from: None,
    }
}

/// A write that changes nothing yet: `events` from `first` on.
pub fn write(key: u64, first: EventId, events: Vec<HistoryEvent>) -> ExecutionWrite {
    ExecutionWrite {
        key: ExecutionKey(key),
        expected_next_event: first,
        next_event: first + events.len() as u64,
        events,
        frames_put: Vec::new(),
        frames_removed: Vec::new(),
        contents_put: Vec::new(),
        contents_removed: Vec::new(),
        next_frame: 1,
        next_content: 0,
        redrive_count: 0,
        redriven: None,
        closed: None,
    }
}

/// The start of an execution, whose top frame then waits for a task.
pub fn start(case: &Case) -> Write {
    let [first, ..] = batches(case, &mut Dice(case.key));
    Write::Start { record: Box::new(record(case)), write: Box::new(first) }
}

/// A whole execution of three durable batches: up to a task; its outcome, up to a wait; the end.
pub fn batches(case: &Case, dice: &mut Dice) -> [ExecutionWrite; 3] {
    let (order, answer) = (order(dice), answer(dice));
    let mut tape = Tape::new(1, NOON.plus_millis(case.key), dice.below(9) + 1);
    to_the_task(&mut tape, &order);
    let mut first = write(case.key, 1, tape.take());
    let task = Waiting::Task(task_wait(tape.next_event - 1, tape.at));
    first.frames_put = vec![frame(0, tape.next_event - 1, Source::EventInput(4), order.clone(), task)];
    let from = tape.next_event;
    to_the_wait(&mut tape, &answer);
    let mut second = write(case.key, from, tape.take());
    let wait = Waiting::Wait { until: tape.at.plus_seconds(60) };
    second.frames_put =
        vec![frame(0, tape.next_event - 1, Source::EventInput(tape.next_event - 1), answer.clone(), wait)];
    let from = tape.next_event;
    to_the_end(&mut tape, &answer);
    let mut third = write(case.key, from, tape.take());
    third.frames_removed = vec![FrameId(0)];
    third.closed = Some((Status::Succeeded, tape.at));
    [first, second, third]
}

fn to_the_task(tape: &mut Tape, order: &Payload) {
    let role_arn = "arn:aws:iam::123456789012:role/service-role/StepFunctions-Orders".into();
    let input = order.clone();
    tape.put(
        EventType::ExecutionStarted,
        Details::ExecutionStarted { input, role_arn, alias_arn: None, version_arn: None },
    );
    tape.enter(EventType::PassStateEntered, "Prepare order", order);
    tape.exit(EventType::PassStateExited, "Prepare order", order);
    tape.enter(EventType::TaskStateEntered, "Charge card", order);
    let (resource_type, resource, parameters) = ("lambda".into(), "invoke".into(), invoke(order));
    tape.put(
        EventType::TaskScheduled,
        Details::TaskScheduled {
            resource_type,
            resource,
            region: "us-east-1".into(),
            parameters,
            timeout_seconds: Some(300),
            heartbeat_seconds: None,
            credentials_role_arn: None,
        },
    );
}

fn to_the_wait(tape: &mut Tape, answer: &Payload) {
    let (resource_type, resource) = ("lambda".into(), "invoke".into());
    tape.put(EventType::TaskStarted, Details::TaskStarted { resource_type, resource });
    let (resource_type, resource, output) = ("lambda".into(), "invoke".into(), answer.clone());
    tape.put(EventType::TaskSucceeded, Details::TaskOutput { resource_type, resource, output });
    tape.exit(EventType::TaskStateExited, "Charge card", answer);
    tape.enter(EventType::WaitStateEntered, "Wait for shipping", answer);
}

fn to_the_end(tape: &mut Tape, answer: &Payload) {
    tape.exit(EventType::WaitStateExited, "Wait for shipping", answer);
    tape.enter(EventType::ChoiceStateEntered, "Shipped?", answer);
    tape.exit(EventType::ChoiceStateExited, "Shipped?", answer);
    tape.enter(EventType::SucceedStateEntered, "Done", answer);
    tape.exit(EventType::SucceedStateExited, "Done", answer);
    tape.put(EventType::ExecutionSucceeded, Details::Output { output: answer.clone() });
}

/// A frame of block 0.
pub fn frame(id: u32, last_event: EventId, input: Source, payload: Payload, waiting: Waiting) -> Frame {
    Frame {
        id: FrameId(id),
        epoch: 1,
        parent: None,
        block: BlockId(0),
        state: StateId(1),
        last_event,
        entered_event: last_event.saturating_sub(1),
        entered: NOON,
        input: Held { payload, source: input },
        retries: Vec::new(),
        variables: None,
        waiting,
    }
}

/// A frame with every field in use, holding `payload` thrice.
pub fn full_frame(id: u32, content: u32, payload: &Payload) -> Frame {
    let held = |source| Held { payload: payload.clone(), source };
    let waiting = Waiting::Iterations {
        started_event: 7,
        items: held(Source::Content(content)),
        next: 3,
        open: 2,
        max_concurrency: 2,
    };
    let mut frame = frame(id, 9, Source::Content(content), payload.clone(), waiting);
    frame.parent = Some((FrameId(0), id));
    frame.retries = vec![0, 3];
    frame.variables = Some(Variables { values: held(Source::Content(content)) });
    frame
}

/// What a frame waits for when it waits for a task.
pub fn task_wait(scheduled_event: EventId, scheduled: Timestamp) -> TaskWait {
    TaskWait {
        scheduled_event,
        scheduled,
        started: true,
        submitted_event: 0,
        timeout: Some(scheduled.plus_seconds(300)),
        heartbeat_seconds: Some(60),
        heartbeat: Some(scheduled.plus_seconds(60)),
    }
}

/// What a frame waits for when it waits for a Map Run.
pub fn map_run_wait(inputs: Held) -> MapRunWait {
    MapRunWait {
        map_run_arn: "arn:aws:states:us-east-1:123456789012:mapRun:Orders-1/Map:5e0b7b5c".into(),
        inputs,
        max_concurrency: 40,
        tolerated_count: Some(3),
        tolerated_percentage: Some(12.5),
    }
}

/// Events in a row.
pub struct Tape {
    events: Vec<HistoryEvent>,
    /// The id the next event gets.
    pub next_event: EventId,
    /// The moment of the last event.
    pub at: Timestamp,
    pace: u64,
}

impl Tape {
    /// Events from `first` on, so many milliseconds apart.
    pub fn new(first: EventId, at: Timestamp, pace: u64) -> Tape {
        Tape { events: Vec::new(), next_event: first, at, pace }
    }

    /// Adds an event.
    pub fn put(&mut self, event_type: EventType, details: Details) {
        let id = self.next_event;
        self.at = self.at.plus_millis(self.pace);
        self.events.push(HistoryEvent { id, previous: id - 1, at: self.at, event_type, details });
        self.next_event += 1;
    }

    /// Takes the events so far.
    pub fn take(&mut self) -> Vec<HistoryEvent> {
        std::mem::take(&mut self.events)
    }

    fn enter(&mut self, event_type: EventType, name: &str, input: &Payload) {
        self.put(event_type, Details::StateEntered { name: name.into(), input: input.clone() });
    }

    fn exit(&mut self, event_type: EventType, name: &str, output: &Payload) {
        let assigned = Vec::new();
        self.put(event_type, Details::StateExited { name: name.into(), output: output.clone(), assigned });
    }
}

/// Pass events with a payload of their own each, from `first` on.
pub fn pass_events(first: EventId, count: u64) -> Vec<HistoryEvent> {
    let mut tape = Tape::new(first, NOON.plus_millis(first), 1);
    for id in first..first + count {
        let payload = Payload::from_checked_text(format!("{{\"event\":{id}}}"));
        if id % 2 == 0 {
            tape.enter(EventType::PassStateEntered, "Count", &payload);
        } else {
            tape.exit(EventType::PassStateExited, "Count", &payload);
        }
    }
    tape.take()
}

/// Batches of events of all kinds, as a dictionary is trained with.
pub fn varied_batches(seed: u64) -> Vec<Vec<HistoryEvent>> {
    let mut dice = Dice(seed);
    let case = Case::numbered(seed);
    let mut found: Vec<_> = batches(&case, &mut dice).into_iter().map(|write| write.events).collect();
    let mut tape = Tape::new(dice.below(50) + 2, NOON.plus_millis(dice.below(1 << 40)), dice.below(200));
    for part in [function_call, activity, fan_out, map_run, failures] {
        part(&mut tape, &mut dice);
        found.push(tape.take());
    }
    found
}

fn function_call(tape: &mut Tape, dice: &mut Dice) {
    let input = order(dice);
    let name = dice.pick(&["Resize image", "SendEmail", "Validate", "Charge card", "Store result", "Notify"]);
    let resource =
        format!("arn:aws:lambda:us-east-1:123456789012:function:{}", dice.pick(&["resize", "mail", "check"]));
    tape.enter(EventType::TaskStateEntered, name, &input);
    tape.put(
        EventType::LambdaFunctionScheduled,
        Details::Scheduled {
            resource: resource.into(),
            input,
            timeout_seconds: None,
            heartbeat_seconds: None,
            credentials_role_arn: None,
        },
    );
    tape.put(EventType::LambdaFunctionStarted, Details::None);
    let output = answer(dice);
    tape.put(EventType::LambdaFunctionSucceeded, Details::Output { output: output.clone() });
    let assigned = vec![("orderId".into(), Payload::from_checked_text(format!("\"{}\"", dice.hex())))];
    tape.put(EventType::TaskStateExited, Details::StateExited { name: name.into(), output, assigned });
}

fn activity(tape: &mut Tape, dice: &mut Dice) {
    let input = order(dice);
    tape.enter(EventType::TaskStateEntered, "Approve", &input);
    tape.put(
        EventType::ActivityScheduled,
        Details::Scheduled {
            resource: "arn:aws:states:us-east-1:123456789012:activity:approve".into(),
            input,
            timeout_seconds: Some(3600),
            heartbeat_seconds: Some(60),
            credentials_role_arn: None,
        },
    );
    let worker_name = Some(format!("worker-{}", dice.below(20)).into());
    tape.put(EventType::ActivityStarted, Details::ActivityStarted { worker_name });
    tape.put(EventType::ActivitySucceeded, Details::Output { output: answer(dice) });
}

fn fan_out(tape: &mut Tape, dice: &mut Dice) {
    let input = order(dice);
    tape.enter(EventType::MapStateEntered, "For each item", &input);
    tape.put(EventType::MapStateStarted, Details::MapStateStarted { length: 3 });
    for index in 0..3 {
        let name: Arc<str> = "For each item".into();
        tape.put(EventType::MapIterationStarted, Details::MapIteration { name: name.clone(), index });
        tape.enter(EventType::PassStateEntered, "Item", &answer(dice));
        tape.put(EventType::MapIterationSucceeded, Details::MapIteration { name, index });
    }
    tape.put(EventType::MapStateSucceeded, Details::None);
    tape.enter(EventType::ParallelStateEntered, "Both", &input);
    tape.put(EventType::ParallelStateStarted, Details::None);
    tape.put(EventType::ParallelStateSucceeded, Details::None);
    tape.exit(EventType::ParallelStateExited, "Both", &input);
}

fn map_run(tape: &mut Tape, dice: &mut Dice) {
    let map_run_arn: Arc<str> =
        format!("arn:aws:states:us-east-1:123456789012:mapRun:Orders-1/Map:{}", dice.hex()).into();
    tape.put(EventType::MapRunStarted, Details::MapRunStarted { map_run_arn: map_run_arn.clone() });
    tape.put(EventType::MapRunRedriven, Details::MapRunRedriven { map_run_arn, redrive_count: 1 });
    tape.put(EventType::MapRunFailed, Details::Failure(failure(dice)));
    tape.put(EventType::ExecutionRedriven, Details::ExecutionRedriven { redrive_count: 1, client_token: None });
}

fn failures(tape: &mut Tape, dice: &mut Dice) {
    let (resource_type, resource) = ("states".into(), "startExecution.sync:2".into());
    tape.put(EventType::TaskFailed, Details::TaskFailure { resource_type, resource, failure: failure(dice) });
    let (location, state) = ("Output/result".into(), "Compute".into());
    tape.put(
        EventType::EvaluationFailed,
        Details::EvaluationFailed { failure: Failure::named("States.QueryEvaluationError"), location, state },
    );
    tape.put(EventType::LambdaFunctionFailed, Details::Failure(failure(dice)));
    tape.put(EventType::ExecutionFailed, Details::Failure(failure(dice)));
}

fn failure(dice: &mut Dice) -> Failure {
    let error = dice.pick(&["States.TaskFailed", "States.Timeout", "Lambda.Unknown", "Error", "States.Runtime"]);
    Failure::new(
        error,
        format!("{{\"errorMessage\":\"order {} not found\",\"errorType\":\"Error\",\"trace\":[]}}", dice.below(99_999)),
    )
}

/// A payload such as a shop's.
pub fn order(dice: &mut Dice) -> Payload {
    let customer = dice.pick(&["Ada Lovelace", "Grace Hopper", "Alan Turing", "Barbara Liskov", "Edsger Dijkstra"]);
    let city = dice.pick(&["Berlin", "Lagos", "Lima", "Oslo", "Kyoto", "Austin"]);
    let items: Vec<String> = (0..dice.below(3) + 1)
        .map(|_| {
            format!("{{\"sku\":\"{}\",\"quantity\":{},\"price\":{}.99}}", dice.hex(), dice.below(9), dice.below(200))
        })
        .collect();
    Payload::from_checked_text(format!(
        "{{\"orderId\":\"{}\",\"customer\":{{\"name\":\"{customer}\",\"city\":\"{city}\"}},\"items\":[{}],\"express\":{}}}",
        dice.hex(),
        items.join(","),
        dice.below(2) == 1
    ))
}

fn answer(dice: &mut Dice) -> Payload {
    Payload::from_checked_text(format!(
        "{{\"statusCode\":200,\"body\":{{\"paymentId\":\"{}\",\"amount\":{},\"currency\":\"EUR\",\"status\":\"{}\"}}}}",
        dice.hex(),
        dice.below(90_000),
        dice.pick(&["captured", "authorized", "pending"])
    ))
}

fn invoke(order: &Payload) -> Payload {
    Payload::from_checked_text(format!(
        "{{\"FunctionName\":\"arn:aws:lambda:us-east-1:123456789012:function:charge-card\",\"Payload\":{}}}",
        order.text()
    ))
}
