//! What follows a redrive. Which branches are taken up again, and where, is not derived a second time here: each event is
//! held against the state that its branch stands at, and against what came before it in that branch.

use stepwell_interpreter::{Details, HistoryEvent};

use super::{Place, Reader, ensure};

/// ExecutionRedriven: the top level goes on with the state that it stood at.
pub(super) fn begin(reader: &mut Reader<'_>, event: &HistoryEvent) -> Result<(), String> {
    ensure(event.previous + 1 == event.id, "does not follow the last event")?;
    reader.redriven = true;
    let mut at_top = reader.places.values().rev().filter(|place| place.visit == 0);
    let place = at_top.next().cloned().unwrap_or_default();
    reader.places.insert(event.id, Place { kind: "ExecutionRedriven", attempts: 0, ..place });
    Ok(())
}

/// An event after a redrive.
pub(super) fn read(reader: &mut Reader<'_>, event: &HistoryEvent) -> Result<(), String> {
    let kind = event.event_type.name();
    let before = reader.places.get(&event.previous).cloned();
    match &event.details {
        Details::ExecutionRedriven { .. } => return begin(reader, event),
        Details::StateEntered { name, .. } => {
            entered(reader, before.as_ref(), kind, name)?;
            let visit = before.map_or(0, |before| before.visit);
            let place = Place { kind, state: Some(name.to_string()), visit, ..Place::default() };
            reader.places.insert(event.id, place);
            return Ok(());
        }
        Details::StateExited { name, .. } => {
            let state = reader.state(name)?;
            ensure(kind.strip_suffix("StateExited") == Some(state.kind.as_str()), "is not of the state's type")?;
            let visit = reader.around(event.previous, name).or(before).map_or(0, |place| place.visit);
            let place = Place { kind, state: Some(name.to_string()), visit, ..Place::default() };
            reader.places.insert(event.id, place);
            return Ok(());
        }
        _ => {}
    }
    if kind == "ExecutionSucceeded" {
        return reader.execution_over(event, kind);
    }
    let Some(before) = before else { return Ok(()) };
    let state = before.state.as_deref().and_then(|name| reader.plan.state(name));
    if let Some(state) = state.filter(|state| state.kind == "Task" && kind.starts_with(state.task))
        && before.kind.starts_with(state.task)
    {
        follows(kind.strip_prefix(state.task), before.kind.strip_prefix(state.task))?;
    }
    reader.places.insert(event.id, Place { kind, ..before });
    Ok(())
}

fn entered(reader: &Reader<'_>, before: Option<&Place>, kind: &str, name: &str) -> Result<(), String> {
    let state = reader.state(name)?;
    ensure(kind.strip_suffix("StateEntered") == Some(state.kind.as_str()), "is not of the state's type")?;
    let Some(before) = before.filter(|before| before.kind.ends_with("StateExited")) else { return Ok(()) };
    let left = reader.state(before.state.as_deref().unwrap_or_default())?;
    ensure(left.next.contains(name), "the state before does not lead there")
}

/// The order of the events of one attempt; with Scheduled a new one begins.
fn follows(what: Option<&str>, before: Option<&str>) -> Result<(), String> {
    let (what, before) = (what.unwrap_or_default(), before.unwrap_or_default());
    let at_work = matches!(before, "Scheduled" | "Started" | "Submitted");
    let fits = match what {
        "Started" => before == "Scheduled",
        "Submitted" => before == "Started",
        "Succeeded" => matches!(before, "Started" | "Submitted"),
        _ if what.ends_with("Failed") || what == "TimedOut" => at_work,
        _ => true,
    };
    ensure(fits, &format!("{what} does not come after {before}"))
}
