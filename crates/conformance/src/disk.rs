//! An execution in its stored forms, as a backend holds them: frames without payloads, chunks of events, contents.

use std::collections::BTreeMap;

use stepwell_asl::Definition;
use stepwell_interpreter::{
    Effect, EventId, Execution, FrameId, HistoryEvent, Limits, Source, Transition, pending_effects,
};
use stepwell_store::{format, held};
use stepwell_value::Payload;

/// The bytes of one execution.
#[derive(Default)]
pub(crate) struct Disk {
    frames: BTreeMap<FrameId, Vec<u8>>,
    contents: BTreeMap<u32, Vec<u8>>,
    /// Events as they were read back from their chunks.
    events: Vec<HistoryEvent>,
}

impl Disk {
    /// Writes what a step changed, and that only.
    ///
    /// # Errors
    /// When something cannot be encoded, or does not decode into what it was.
    pub fn write(&mut self, execution: &Execution, transition: &Transition) -> Result<(), String> {
        if !transition.events.is_empty() {
            let chunk = format::encode_chunk(&transition.events).map_err(|error| error.to_string())?;
            let events = format::decode_chunk(&chunk).map_err(|error| error.to_string())?;
            if events != transition.events {
                return Err(format!("events differ after encoding: {events:?}"));
            }
            self.events.extend(events);
        }
        for id in &transition.frames_put {
            let frame = execution.frames.get(id).ok_or_else(|| format!("{id:?} is to be stored and does not exist"))?;
            self.frames.insert(*id, format::encode_frame(frame).map_err(|error| error.to_string())?);
        }
        for id in &transition.frames_removed {
            self.frames.remove(id);
        }
        for (number, payload) in &transition.contents_put {
            self.contents.insert(*number, format::encode_content(payload));
        }
        for number in &transition.contents_removed {
            self.contents.remove(number);
        }
        Ok(())
    }

    /// Reads the execution back; `row` gives what a backend keeps in the execution's row.
    ///
    /// # Errors
    /// When something is damaged or missing.
    pub fn read(&self, row: &Execution) -> Result<Execution, String> {
        let mut frames = BTreeMap::new();
        for (id, bytes) in &self.frames {
            frames.insert(*id, format::decode_frame(bytes).map_err(|error| error.to_string())?);
        }
        let sources = held::sources(frames.values());
        let payloads = sources.into_iter().filter_map(|source| Some((source, self.payload(source)?))).collect();
        held::fill(&mut frames, &payloads).map_err(|error| error.to_string())?;
        let input = self.payload(Source::EventInput(1)).ok_or("event 1 has no input")?;
        Ok(Execution { input, frames, ..row.clone() })
    }

    /// What the execution waits for, made from its stored forms alone.
    pub fn pending(&self, definition: &Definition, execution: &Execution, limits: &Limits) -> Vec<Effect> {
        pending_effects(definition, execution, limits, &|id| self.event(id).cloned())
    }

    fn payload(&self, source: Source) -> Option<Payload> {
        match source {
            Source::EventInput(id) | Source::EventOutput(id) => held::payload_of(self.event(id)?, source)
                .map(|payload| Payload::from_checked_text(payload.text().clone())),
            Source::Content(number) => format::decode_content(self.contents.get(&number)?).ok(),
        }
    }

    fn event(&self, id: EventId) -> Option<&HistoryEvent> {
        let index = usize::try_from(id.checked_sub(1)?).ok()?;
        self.events.get(index)
    }
}
