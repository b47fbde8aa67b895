//! What must hold after every step, whatever the case.

use std::collections::{BTreeMap, BTreeSet};

use stepwell_asl::Definition;
use stepwell_interpreter::{
    Command, Effect, EventId, Execution, Frame, FrameId, MapRunRequest, Source, Status, TaskRequest, TimerKind,
    Transition, Waiting,
};
use stepwell_store::held;

use crate::queue::Queue;

/// Keeps account of the contents that are stored.
pub(crate) fn keep_account(contents: &mut BTreeSet<u32>, transition: &Transition) {
    contents.extend(transition.contents_put.iter().map(|(number, _)| *number));
    for number in &transition.contents_removed {
        contents.remove(number);
    }
}

/// Checks a step: its events, its frames, its contents, its end.
///
/// # Errors
/// What is wrong.
pub(crate) fn check(
    execution: &Execution,
    transition: &Transition,
    next_event_before: EventId,
    stale: bool,
    contents: &BTreeSet<u32>,
) -> Result<(), String> {
    if stale && !transition.is_empty() {
        return Err(format!("a stale command changed something: {transition:?}"));
    }
    events(execution, transition, next_event_before)?;
    for id in &transition.frames_put {
        must(execution.frames.contains_key(id), || format!("{id:?} is to be stored and does not exist"))?;
    }
    for id in &transition.frames_removed {
        must(!execution.frames.contains_key(id), || format!("{id:?} was removed and exists"))?;
    }
    if execution.status != Status::Running {
        return closed(execution, transition, stale);
    }
    must(transition.closed.is_none(), || "closed and still RUNNING".to_owned())?;
    for frame in execution.frames.values() {
        stands(execution, transition, frame)?;
    }
    referenced(execution, contents)
}

fn must(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

/// Events are numbered without a gap, and each follows an earlier one.
fn events(execution: &Execution, transition: &Transition, before: EventId) -> Result<(), String> {
    must(transition.expected_next_event == before, || "expected_next_event is not that of before".to_owned())?;
    for (expected, event) in (before..).zip(&transition.events) {
        must(event.id == expected, || format!("event {} stands at the place of {expected}", event.id))?;
        must(event.previous < event.id, || format!("event {} follows {}", event.id, event.previous))?;
    }
    let count = transition.events.len() as u64;
    must(execution.next_event == before + count, || format!("next_event is {}", execution.next_event))
}

/// A closed execution has no frames left, and says so once.
fn closed(execution: &Execution, transition: &Transition, stale: bool) -> Result<(), String> {
    must(execution.frames.is_empty(), || format!("closed with frames {:?}", execution.frames.keys()))?;
    if stale {
        return Ok(());
    }
    must(transition.closed.is_some_and(|(status, _)| status == execution.status), || "closed untold".to_owned())?;
    let finishes = transition.effects.iter().filter(|effect| **effect == Effect::Finish).count();
    must(finishes == 1, || format!("{finishes} Finish effects"))
}

/// A frame hangs in the tree of frames, and runs only when the step's budget was used up.
fn stands(execution: &Execution, transition: &Transition, frame: &Frame) -> Result<(), String> {
    let id = frame.id;
    if let Some((parent, _)) = frame.parent {
        let above = execution.frames.get(&parent).map(|parent| &parent.waiting);
        let waits = matches!(above, Some(Waiting::Branches { .. } | Waiting::Iterations { .. }));
        must(waits, || format!("{id:?} hangs under {above:?}"))?;
    }
    let children = execution.frames.values().filter(|child| child.parent.is_some_and(|(above, _)| above == id));
    let running = children.filter(|child| !matches!(child.waiting, Waiting::Siblings { .. })).count();
    match &frame.waiting {
        Waiting::Nothing => {
            let goes_on = transition.effects.contains(&Effect::Continue);
            must(goes_on, || format!("{id:?} waits for nothing, and no Continue is asked for"))
        }
        Waiting::Branches { open, .. } | Waiting::Iterations { open, .. } => {
            must(*open as usize == running, || format!("{id:?} counts {open} open, there are {running}"))
        }
        _ => must(running == 0, || format!("{id:?} has {running} children and waits for none")),
    }
}

/// Every content is held by a frame, and every one a frame holds is stored.
fn referenced(execution: &Execution, contents: &BTreeSet<u32>) -> Result<(), String> {
    let sources = held::sources(execution.frames.values());
    let held: BTreeSet<u32> = sources
        .iter()
        .filter_map(|source| match source {
            Source::Content(number) => Some(*number),
            _ => None,
        })
        .collect();
    must(held == *contents, || format!("contents stored: {contents:?}, held by frames: {held:?}"))
}

/// Checks that an execution read back is the one that was written.
///
/// # Errors
/// The first difference.
pub(crate) fn same_execution(written: &Execution, read: &Execution) -> Result<(), String> {
    for (id, frame) in &written.frames {
        let found = read.frames.get(id);
        must(found == Some(frame), || format!("frame read back differs\n  written: {frame:?}\n  read:    {found:?}"))?;
    }
    must(written == read, || "the execution read back differs".to_owned())
}

/// Checks that what a stored execution waits for is what was asked for and is still open.
///
/// # Errors
/// The first difference.
pub(crate) fn pending(
    definition: &Definition,
    execution: &Execution,
    pending: &[Effect],
    queue: &Queue,
    tasks: &BTreeMap<(FrameId, u32), TaskRequest>,
    map_runs: &[MapRunRequest],
) -> Result<(), String> {
    for effect in pending {
        match effect {
            Effect::SetTimer { frame, epoch, at, kind } => {
                let timer = Command::TimerFired { frame: *frame, epoch: *epoch, kind: *kind };
                let set = queue.moment_of(&timer);
                must(set.is_some_and(|set| set <= *at), || format!("{effect:?} is pending, set is {set:?}"))?;
            }
            Effect::SetExecutionTimer { at } => {
                let set = queue.moment_of(&Command::ExecutionTimedOut);
                must(set == Some(*at), || format!("{effect:?} is pending, set is {set:?}"))?;
            }
            Effect::ScheduleTask(request) => {
                let asked = tasks.get(&(request.frame, request.epoch));
                must(asked.is_some_and(|asked| same_task(asked, request)), || {
                    format!(
                        "a task is pending that differs from the one asked for\n  asked:   {asked:?}\n  pending: {request:?}"
                    )
                })?;
            }
            Effect::StartMapRun(request) => {
                must(map_runs.contains(request), || format!("{request:?} was not asked for"))?
            }
            Effect::CancelTask { .. } | Effect::Continue | Effect::Finish => {}
        }
    }
    for (_, frame, epoch, kind) in queue.timers() {
        let open = execution.frames.get(&frame).filter(|frame| frame.epoch == epoch && waits_for(frame, kind));
        let found = pending.iter().any(|effect| {
            matches!(effect, Effect::SetTimer { frame: f, epoch: e, kind: k, .. } if (*f, *e, *k) == (frame, epoch, kind))
        });
        must(open.is_none() || found, || format!("timer {kind:?} of {frame:?} is set and not pending"))?;
    }
    let timed = pending.iter().any(|effect| matches!(effect, Effect::SetExecutionTimer { .. }));
    must(timed == definition.timeout_seconds.is_some(), || "the execution's timer is not pending".to_owned())
}

fn waits_for(frame: &Frame, kind: TimerKind) -> bool {
    matches!(
        (&frame.waiting, kind),
        (Waiting::Wait { .. } | Waiting::Retry { .. }, TimerKind::Resume)
            | (Waiting::Task(_), TimerKind::TaskTimeout | TimerKind::Heartbeat)
    )
}

fn same_task(asked: &TaskRequest, pending: &TaskRequest) -> bool {
    // Only the answer of a call that was made in the meantime is news.
    let pending = TaskRequest { submitted: asked.submitted.clone(), repeated: asked.repeated, ..pending.clone() };
    *asked == pending
}
