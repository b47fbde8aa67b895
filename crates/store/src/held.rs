//! Payloads that a frame holds and that are stored elsewhere: which they are, and how a frame gets them back.

use std::collections::{BTreeMap, BTreeSet};

use stepwell_interpreter::execution::MapRunWait;
use stepwell_interpreter::{Details, Frame, FrameId, Held, HistoryEvent, Source, Waiting};
use stepwell_value::Payload;

use crate::Error;

/// The places of all payloads these frames hold, in order.
pub fn sources<'a>(frames: impl IntoIterator<Item = &'a Frame>) -> BTreeSet<Source> {
    let mut found = BTreeSet::new();
    for frame in frames {
        found.insert(frame.input.source);
        found.extend(frame.variables.as_ref().map(|variables| variables.values.source));
        found.extend(waiting_holds(&frame.waiting).map(|held| held.source));
    }
    found
}

/// The payloads of these frames, by their places.
pub fn payloads<'a>(frames: impl IntoIterator<Item = &'a Frame>) -> BTreeMap<Source, Payload> {
    let mut found = BTreeMap::new();
    for frame in frames {
        let variables = frame.variables.as_ref().map(|variables| &variables.values);
        let all = [Some(&frame.input), variables, waiting_holds(&frame.waiting)];
        found.extend(all.into_iter().flatten().map(|held| (held.source, held.payload.clone())));
    }
    found
}

/// Gives every frame its payloads.
///
/// # Errors
/// [`Error::Damaged`] when a payload is not among those given.
pub fn fill(frames: &mut BTreeMap<FrameId, Frame>, payloads: &BTreeMap<Source, Payload>) -> Result<(), Error> {
    for frame in frames.values_mut() {
        let id = frame.id.0;
        each(frame, |held| match payloads.get(&held.source) {
            Some(payload) => {
                held.payload = payload.clone();
                Ok(())
            }
            None => {
                Err(Error::Damaged { what: format!("frame {id}"), why: format!("{:?} is not stored", held.source) })
            }
        })?;
    }
    Ok(())
}

/// Takes every payload out of a frame and leaves `{}`: what a store keeps of it.
pub fn strip(frame: &mut Frame) {
    let empty = Payload::default();
    let _: Result<(), Error> = each(frame, |held| {
        held.payload = empty.clone();
        Ok(())
    });
}

/// The payload of an event that a [`Source`] names, without looking at the event's number.
pub fn payload_of(event: &HistoryEvent, source: Source) -> Option<&Payload> {
    match (source, &event.details) {
        (
            Source::EventInput(_),
            Details::ExecutionStarted { input: payload, .. }
            | Details::StateEntered { input: payload, .. }
            | Details::Scheduled { input: payload, .. }
            | Details::TaskScheduled { parameters: payload, .. },
        )
        | (
            Source::EventOutput(_),
            Details::Output { output: payload }
            | Details::StateExited { output: payload, .. }
            | Details::TaskOutput { output: payload, .. },
        ) => Some(payload),
        _ => None,
    }
}

fn each(frame: &mut Frame, mut act: impl FnMut(&mut Held) -> Result<(), Error>) -> Result<(), Error> {
    act(&mut frame.input)?;
    if let Some(variables) = &mut frame.variables {
        act(&mut variables.values)?;
    }
    match &mut frame.waiting {
        Waiting::Iterations { items: held, .. }
        | Waiting::MapRun(MapRunWait { inputs: held, .. })
        | Waiting::Siblings { output: held } => act(held),
        Waiting::Nothing
        | Waiting::Wait { .. }
        | Waiting::Retry { .. }
        | Waiting::Task(_)
        | Waiting::Branches { .. } => Ok(()),
    }
}

/// The payload of what a frame waits for; the same as in [`each`].
fn waiting_holds(waiting: &Waiting) -> Option<&Held> {
    match waiting {
        Waiting::Iterations { items: held, .. }
        | Waiting::MapRun(MapRunWait { inputs: held, .. })
        | Waiting::Siblings { output: held } => Some(held),
        Waiting::Nothing
        | Waiting::Wait { .. }
        | Waiting::Retry { .. }
        | Waiting::Task(_)
        | Waiting::Branches { .. } => None,
    }
}
