//! What is damaged is never read as if it were sound: it is refused, by an error that says whose it is. The executions it
//! is of do not go on, and no others.

use stepwell_store::{Error, ExecutionFilter, ExecutionKey, Store};

use super::Property;
use crate::damage::{Excused, Part};
use crate::seen::{Seen, View};

/// See the module.
pub struct Damage;

impl Property for Damage {
    fn name(&self) -> &'static str {
        "damage"
    }

    fn see(&mut self, seen: &Seen<'_>, view: &View<'_>) -> Result<(), String> {
        match seen {
            Seen::Flipped(_) | Seen::Crashed => view.disk.damaged().iter().try_for_each(|part| is_refused(part, view)),
            Seen::Quarantined { executions, started } => is_quarantined(executions, *started, view),
            Seen::Refused(error) => is_told(error, &view.disk.damaged()),
            Seen::Finished => {
                let parts = view.disk.damaged();
                parts.iter().try_for_each(|part| is_refused(part, view))?;
                if parts.is_empty() { Ok(()) } else { others_are_sound(&parts, view) }
            }
            _ => Ok(()),
        }
    }
}

/// Every way to read what is damaged ends with an error.
fn is_refused(part: &Part, view: &View<'_>) -> Result<(), String> {
    let refused = |read: Option<Error>| match read {
        None => Err(format!("{part:?} is damaged, but is read as if it were sound")),
        Some(error) => is_told(&error, std::slice::from_ref(part)),
    };
    match part {
        Part::Row(key) => {
            refused(view.disk.execution(*key).err())?;
            let machine = view.execution(*key)?.machine;
            let filter = ExecutionFilter { machine, status: None, redriven: None, qualifier_arn: None };
            let listed = view.disk.executions(&filter, None, usize::MAX).map_err(|error| error.to_string())?;
            match listed.iter().any(|record| record.key == *key) {
                true => Err(format!("{part:?} is damaged, but is listed")),
                false => Ok(()),
            }
        }
        Part::Frame(key, _) | Part::Content(key, _) => refused(view.disk.load(*key).err()),
        Part::Chunk(key, first, last) => {
            refused(view.disk.history(*key, 1, false, usize::MAX).err())?;
            refused(view.disk.history(*key, *first, false, 1).err())?;
            refused(view.disk.history(*key, *last, true, 1).err())
        }
        Part::Record(kind, scope, name) => {
            refused(view.disk.record(*kind, scope, name).err())?;
            let listed = view.disk.records(*kind, scope, "", None, usize::MAX);
            // A listing ends at the first record that is damaged, whichever it is.
            listed.err().map_or_else(|| refused(None), |error| is_told(&error, &view.disk.damaged()))
        }
    }
}

/// An error is about damage, and says of what.
fn is_told(error: &Error, parts: &[Part]) -> Result<(), String> {
    let told = error.to_string();
    match error {
        Error::Damaged { .. } if parts.iter().any(|part| part.is_named_in(&told)) => Ok(()),
        _ => Err(format!("`{told}` does not tell that one of {parts:?} is damaged")),
    }
}

/// In quarantine is what is damaged and nothing else: all whose heads are damaged when the engine has started, others when
/// it comes to them.
fn is_quarantined(executions: &[(ExecutionKey, String)], started: bool, view: &View<'_>) -> Result<(), String> {
    let parts = view.disk.damaged();
    for (key, why) in executions {
        // What was on its way to the disk may have ended it, and retention removed it since.
        let Some(record) = view.store.execution(*key).map_err(|error| error.to_string())? else { continue };
        if !Excused::by(view.store, &parts).is_damaged(&record) {
            return Err(format!("execution {} is in quarantine, but sound: {why}", key.0));
        }
        if !parts.iter().any(|part| part.is_named_in(why)) {
            return Err(format!("execution {} is in quarantine, but nobody says what is damaged: {why}", key.0));
        }
    }
    for part in parts.iter().filter(|_| started) {
        let (Part::Row(key) | Part::Frame(key, _)) = part else { continue };
        let runs = view.execution(*key)?.stopped.is_none();
        if runs && !executions.iter().any(|(quarantined, _)| quarantined == key) {
            return Err(format!("{part:?} is damaged, but the engine was not told"));
        }
    }
    Ok(())
}

/// What is not damaged is read as it was written.
fn others_are_sound(parts: &[Part], view: &View<'_>) -> Result<(), String> {
    for record in view.executions()? {
        let key = record.key;
        if parts.iter().any(|part| part.execution() == Some(key)) {
            continue;
        }
        let read = view.disk.execution(key).map_err(|error| error.to_string())?;
        let events = view.disk.history(key, 1, false, usize::MAX).map_err(|error| error.to_string())?;
        if read.as_ref() != Some(&record) || events != view.history(key)? {
            return Err(format!("execution {} is sound, but is read as another", key.0));
        }
    }
    Ok(())
}
