//! Several writes of one execution in one group become one: one chunk of history, each frame once.
//!
//! What a wide Map or Parallel costs then follows from the group, not from the number of its answers. A merged write leaves
//! what its parts would have left (the contract tests every backend for it), and it expects what its first part expected: it
//! is applied as a whole or refused as a whole.

use std::collections::BTreeSet;

use stepwell_interpreter::{Details, HistoryEvent};
use stepwell_value::Payload;

use crate::record::ExecutionWrite;

/// A chunk is read as a whole for a single event of it; so no write grows beyond this many events …
const EVENTS_MAX: usize = 1_000;
/// … or bytes of payloads by taking in another one.
const PAYLOAD_BYTES_MAX: usize = 256 * 1024;

impl ExecutionWrite {
    /// Whether `later` can be taken in by [`ExecutionWrite::merge`]: it goes on where this one ends, opens nothing again,
    /// and the chunk of both is not too large.
    pub fn can_merge(&self, later: &ExecutionWrite) -> bool {
        let follows = self.key == later.key && self.next_event == later.expected_next_event;
        follows
            && self.closed.is_none()
            && self.redrive_count == later.redrive_count
            && self.events.len() + later.events.len() <= EVENTS_MAX
    }

    /// Takes in a later write, for which [`ExecutionWrite::can_merge`] holds.
    pub fn merge(&mut self, later: ExecutionWrite) {
        let put: BTreeSet<_> = later.frames_put.iter().map(|frame| frame.id).collect();
        let removed: BTreeSet<_> = later.frames_removed.iter().copied().collect();
        self.frames_put.retain(|frame| !put.contains(&frame.id) && !removed.contains(&frame.id));
        self.frames_removed.retain(|frame| !put.contains(frame) && !removed.contains(frame));
        self.frames_put.extend(later.frames_put);
        self.frames_removed.extend(later.frames_removed);
        // The number of a content is never used twice: what was put and is removed within one write was never stored.
        for number in later.contents_removed {
            let before = self.contents_put.len();
            self.contents_put.retain(|(put, _)| *put != number);
            if self.contents_put.len() == before {
                self.contents_removed.push(number);
            }
        }
        self.contents_put.extend(later.contents_put);
        self.events.extend(later.events);
        (self.next_event, self.next_frame, self.next_content) =
            (later.next_event, later.next_frame, later.next_content);
        (self.redrive_count, self.redriven, self.closed) = (later.redrive_count, later.redriven, later.closed);
    }

    /// The bytes of payloads in its events; what [`can_grow`] wants to know.
    pub fn payload_bytes(&self) -> usize {
        self.events.iter().map(payload_bytes).sum()
    }
}

/// Whether writes with payloads of so many bytes may become one.
pub fn can_grow(bytes: usize, by: usize) -> bool {
    bytes.saturating_add(by) <= PAYLOAD_BYTES_MAX
}

fn payload_bytes(event: &HistoryEvent) -> usize {
    let text = |payload: &Payload| payload.text().len();
    match &event.details {
        Details::ExecutionStarted { input: payload, .. }
        | Details::StateEntered { input: payload, .. }
        | Details::Scheduled { input: payload, .. }
        | Details::TaskScheduled { parameters: payload, .. }
        | Details::Output { output: payload }
        | Details::TaskOutput { output: payload, .. } => text(payload),
        Details::StateExited { output, assigned, .. } => {
            text(output) + assigned.iter().map(|(_, payload)| text(payload)).sum::<usize>()
        }
        Details::Failure(failure)
        | Details::TaskFailure { failure, .. }
        | Details::EvaluationFailed { failure, .. } => failure.cause.as_ref().map_or(0, |cause| cause.len()),
        Details::None
        | Details::ActivityStarted { .. }
        | Details::TaskStarted { .. }
        | Details::MapStateStarted { .. }
        | Details::MapIteration { .. }
        | Details::MapRunStarted { .. }
        | Details::MapRunRedriven { .. }
        | Details::ExecutionRedriven { .. } => 0,
    }
}
