//! The committed unit of one step.

use std::collections::BTreeSet;

use stepwell_value::{Payload, Timestamp};

use crate::effect::Effect;
use crate::event::{EventId, HistoryEvent};
use crate::execution::{FrameId, Status};

/// What one step changed. Applied to the stored execution it gives the execution the step left in memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transition {
    /// The id the execution's next event had before the step; the store writes only if it still has.
    pub expected_next_event: EventId,
    /// New events, in order.
    pub events: Vec<HistoryEvent>,
    /// Frames that were made or changed; read them from the execution.
    pub frames_put: BTreeSet<FrameId>,
    /// Frames that are gone.
    pub frames_removed: BTreeSet<FrameId>,
    /// New contents: number and data.
    pub contents_put: Vec<(u32, Payload)>,
    /// Contents nobody refers to any more.
    pub contents_removed: Vec<u32>,
    /// How and when the execution ended, when it did.
    pub closed: Option<(Status, Timestamp)>,
    /// What the outside should do once this is durable.
    pub effects: Vec<Effect>,
}

impl Transition {
    /// Whether the step changed nothing: the command was stale.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
            && self.frames_put.is_empty()
            && self.frames_removed.is_empty()
            && self.effects.is_empty()
    }
}
