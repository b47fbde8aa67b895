//! The stored form of a frame: where it stands and what it waits for. Payloads are stored as their [`Source`] only.

use serde::{Deserialize, Serialize};
use stepwell_asl::{BlockId, StateId};
use stepwell_interpreter::execution::{MapRunWait, TaskWait, Variables};
use stepwell_interpreter::{Frame, FrameId, Held, Source, Waiting};
use stepwell_value::{Payload, Timestamp};

use super::envelope::{self, Packing};
use crate::Error;

const WHAT: &str = "a frame";

#[derive(Serialize, Deserialize)]
struct FrameV1 {
    id: u32,
    epoch: u32,
    parent: Option<(u32, u32)>,
    block: u32,
    state: u32,
    last_event: u64,
    entered_event: u64,
    entered: i64,
    input: SourceV1,
    retries: Vec<u32>,
    variables: Option<SourceV1>,
    waiting: WaitingV1,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum SourceV1 {
    EventInput(u64),
    EventOutput(u64),
    Content(u32),
}

#[derive(Serialize, Deserialize)]
enum WaitingV1 {
    Nothing,
    Wait { until: i64 },
    Retry { until: i64 },
    Task(TaskWaitV1),
    Branches { started_event: u64, open: u32 },
    Iterations { started_event: u64, items: SourceV1, next: u32, open: u32, max_concurrency: u32 },
    Siblings { output: SourceV1 },
    MapRun(MapRunWaitV1),
}

#[derive(Serialize, Deserialize)]
struct MapRunWaitV1 {
    map_run_arn: String,
    inputs: SourceV1,
    max_concurrency: u64,
    tolerated_count: Option<u64>,
    tolerated_percentage: Option<f64>,
}

#[derive(Serialize, Deserialize)]
struct TaskWaitV1 {
    scheduled_event: u64,
    scheduled: i64,
    started: bool,
    submitted_event: u64,
    timeout: Option<i64>,
    heartbeat_seconds: Option<u64>,
    heartbeat: Option<i64>,
}

/// The stored form of a frame, without its payloads.
///
/// # Errors
/// When it cannot be written, which is a bug.
pub fn encode_frame(frame: &Frame) -> Result<Vec<u8>, Error> {
    envelope::seal_form(WHAT, &[], &to_v1(frame), Packing::Raw)
}

/// Reads a frame; its payloads are `{}` until [`crate::held::fill`] completes them.
///
/// # Errors
/// When it is damaged or of a newer version.
pub fn decode_frame(bytes: &[u8]) -> Result<Frame, Error> {
    let ([], body) = envelope::open(WHAT, bytes)?;
    envelope::read_form(WHAT, &body).map(from_v1)
}

fn to_v1(frame: &Frame) -> FrameV1 {
    FrameV1 {
        id: frame.id.0,
        epoch: frame.epoch,
        parent: frame.parent.map(|(parent, index)| (parent.0, index)),
        block: frame.block.0,
        state: frame.state.0,
        last_event: frame.last_event,
        entered_event: frame.entered_event,
        entered: frame.entered.0,
        input: frame.input.source.into(),
        retries: frame.retries.clone(),
        variables: frame.variables.as_ref().map(|variables| variables.values.source.into()),
        waiting: waiting_to_v1(&frame.waiting),
    }
}

fn from_v1(form: FrameV1) -> Frame {
    Frame {
        id: FrameId(form.id),
        epoch: form.epoch,
        parent: form.parent.map(|(parent, index)| (FrameId(parent), index)),
        block: BlockId(form.block),
        state: StateId(form.state),
        last_event: form.last_event,
        entered_event: form.entered_event,
        entered: Timestamp(form.entered),
        input: held(form.input),
        retries: form.retries,
        variables: form.variables.map(|source| Variables { values: held(source) }),
        waiting: waiting_from_v1(form.waiting),
    }
}

fn waiting_to_v1(waiting: &Waiting) -> WaitingV1 {
    match waiting {
        Waiting::Nothing => WaitingV1::Nothing,
        Waiting::Wait { until } => WaitingV1::Wait { until: until.0 },
        Waiting::Retry { until } => WaitingV1::Retry { until: until.0 },
        Waiting::Task(task) => WaitingV1::Task(task_to_v1(task)),
        Waiting::Branches { started_event, open } => WaitingV1::Branches { started_event: *started_event, open: *open },
        Waiting::Iterations { started_event, items, next, open, max_concurrency } => WaitingV1::Iterations {
            started_event: *started_event,
            items: items.source.into(),
            next: *next,
            open: *open,
            max_concurrency: *max_concurrency,
        },
        Waiting::Siblings { output } => WaitingV1::Siblings { output: output.source.into() },
        Waiting::MapRun(wait) => WaitingV1::MapRun(MapRunWaitV1 {
            map_run_arn: wait.map_run_arn.to_string(),
            inputs: wait.inputs.source.into(),
            max_concurrency: wait.max_concurrency,
            tolerated_count: wait.tolerated_count,
            tolerated_percentage: wait.tolerated_percentage,
        }),
    }
}

fn waiting_from_v1(form: WaitingV1) -> Waiting {
    match form {
        WaitingV1::Nothing => Waiting::Nothing,
        WaitingV1::Wait { until } => Waiting::Wait { until: Timestamp(until) },
        WaitingV1::Retry { until } => Waiting::Retry { until: Timestamp(until) },
        WaitingV1::Task(task) => Waiting::Task(task_from_v1(task)),
        WaitingV1::Branches { started_event, open } => Waiting::Branches { started_event, open },
        WaitingV1::Iterations { started_event, items, next, open, max_concurrency } => {
            Waiting::Iterations { started_event, items: held(items), next, open, max_concurrency }
        }
        WaitingV1::Siblings { output } => Waiting::Siblings { output: held(output) },
        WaitingV1::MapRun(form) => Waiting::MapRun(MapRunWait {
            map_run_arn: form.map_run_arn.into(),
            inputs: held(form.inputs),
            max_concurrency: form.max_concurrency,
            tolerated_count: form.tolerated_count,
            tolerated_percentage: form.tolerated_percentage,
        }),
    }
}

fn task_to_v1(task: &TaskWait) -> TaskWaitV1 {
    TaskWaitV1 {
        scheduled_event: task.scheduled_event,
        scheduled: task.scheduled.0,
        started: task.started,
        submitted_event: task.submitted_event,
        timeout: task.timeout.map(|at| at.0),
        heartbeat_seconds: task.heartbeat_seconds,
        heartbeat: task.heartbeat.map(|at| at.0),
    }
}

fn task_from_v1(form: TaskWaitV1) -> TaskWait {
    TaskWait {
        scheduled_event: form.scheduled_event,
        scheduled: Timestamp(form.scheduled),
        started: form.started,
        submitted_event: form.submitted_event,
        timeout: form.timeout.map(Timestamp),
        heartbeat_seconds: form.heartbeat_seconds,
        heartbeat: form.heartbeat.map(Timestamp),
    }
}

fn held(source: SourceV1) -> Held {
    Held { payload: Payload::default(), source: source.into() }
}

impl From<Source> for SourceV1 {
    fn from(source: Source) -> SourceV1 {
        match source {
            Source::EventInput(event) => SourceV1::EventInput(event),
            Source::EventOutput(event) => SourceV1::EventOutput(event),
            Source::Content(number) => SourceV1::Content(number),
        }
    }
}

impl From<SourceV1> for Source {
    fn from(source: SourceV1) -> Source {
        match source {
            SourceV1::EventInput(event) => Source::EventInput(event),
            SourceV1::EventOutput(event) => Source::EventOutput(event),
            SourceV1::Content(number) => Source::Content(number),
        }
    }
}
