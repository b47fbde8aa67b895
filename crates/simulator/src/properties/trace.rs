//! Each history is a legal trace of its workflow: an independent reader follows every branch from event to event and
//! knows, from the ASL text alone, what may come next.

use std::collections::{BTreeMap, BTreeSet};

use stepwell_interpreter::{Details, EventId, HistoryEvent};

mod redriven;

use super::Property;
use crate::plan::{Plan, StatePlan};
use crate::seen::{Seen, View};

/// See the module.
pub struct Trace;

impl Property for Trace {
    fn name(&self) -> &'static str {
        "trace"
    }

    fn see(&mut self, seen: &Seen<'_>, view: &View<'_>) -> Result<(), String> {
        match seen {
            Seen::Finished => view.judge_histories(|_, plan, events| judge(plan, events)),
            _ => Ok(()),
        }
    }
}

fn judge(plan: &Plan, events: &[HistoryEvent]) -> Result<(), String> {
    let mut reader = Reader::of(plan);
    for event in events {
        let read = if reader.redriven { redriven::read(&mut reader, event) } else { reader.read(event) };
        read.map_err(|what| format!("event {} ({}): {what}", event.id, event.event_type.name()))?;
    }
    Ok(())
}

/// Where a branch stands after an event.
#[derive(Clone, Debug, Default)]
struct Place {
    /// The event's type.
    kind: &'static str,
    /// The state; none before the first one of an iteration or branch.
    state: Option<String>,
    /// The …Started event of the Parallel or Map around it.
    visit: EventId,
    /// The iteration's index.
    index: u64,
    /// Attempts of the state's task so far.
    attempts: u64,
}

/// One attempt of a Parallel or Map state.
#[derive(Debug, Default)]
struct Visit {
    state: String,
    /// The place the state itself stands at.
    outer: Place,
    length: u64,
    started: u64,
    ended: BTreeSet<u64>,
    branches: BTreeSet<String>,
    over: bool,
}

struct Reader<'p> {
    plan: &'p Plan,
    places: BTreeMap<EventId, Place>,
    visits: BTreeMap<EventId, Visit>,
    /// Events that something follows which only one event may do.
    followed: BTreeSet<EventId>,
    /// Whether the execution was redriven: what comes after is read by other rules.
    redriven: bool,
}

impl Reader<'_> {
    fn of(plan: &Plan) -> Reader<'_> {
        let (places, visits, followed) = Default::default();
        Reader { plan, places, visits, followed, redriven: false }
    }

    fn read(&mut self, event: &HistoryEvent) -> Result<(), String> {
        let kind = event.event_type.name();
        match &event.details {
            Details::ExecutionStarted { .. } => ensure(event.id == 1, "not the first event"),
            Details::StateEntered { name, .. } => self.entered(event, kind, name),
            Details::StateExited { name, .. } => self.exited(event, kind, name),
            Details::MapIteration { name, index } if kind == "MapIterationStarted" => {
                self.iteration_started(event, kind, name, *index)
            }
            Details::MapIteration { name, index } => self.iteration_over(event, kind, name, *index),
            Details::EvaluationFailed { state, .. } => self.evaluation_failed(event, kind, state),
            Details::ExecutionRedriven { .. } => redriven::begin(self, event),
            _ if kind.starts_with("MapRun") => self.map_run(event, kind),
            _ if kind.starts_with("Execution") => self.execution_over(event, kind),
            _ if kind.ends_with("StateStarted") => self.nested_started(event, kind),
            _ if kind.ends_with("StateSucceeded") => self.nested_succeeded(event),
            _ if kind.ends_with("StateFailed") => self.nested_failed(event, kind),
            _ if kind.ends_with("StateAborted") => self.place(event).map(drop),
            _ => self.task(event, kind),
        }
    }

    /// Where the branch stood that this event goes on with.
    fn place(&self, event: &HistoryEvent) -> Result<Place, String> {
        self.places
            .get(&event.previous)
            .cloned()
            .ok_or_else(|| format!("follows event {}, which has no place", event.previous))
    }

    /// The same; and nothing else may go on from there.
    fn go_on(&mut self, event: &HistoryEvent) -> Result<Place, String> {
        let place = self.place(event)?;
        ensure(self.followed.insert(event.previous), "a second event goes on from the same one")?;
        Ok(place)
    }

    fn state(&self, name: &str) -> Result<StatePlan, String> {
        self.plan.state(name).cloned().ok_or_else(|| format!("there is no state {name}"))
    }

    fn entered(&mut self, event: &HistoryEvent, kind: &'static str, name: &str) -> Result<(), String> {
        let state = self.state(name)?;
        ensure(kind.strip_suffix("StateEntered") == Some(state.kind.as_str()), "is not of the state's type")?;
        let stands = |place: Place| Place { kind, state: Some(name.to_owned()), attempts: 0, ..place };
        if event.id == 2 {
            ensure(name == self.plan.start_at, "is not where the workflow starts")?;
            self.places.insert(event.id, stands(Place::default()));
            return Ok(());
        }
        let mut before = self.place(event)?;
        if before.kind == "ParallelStateStarted" {
            let visit = self.visits.get_mut(&event.previous).ok_or("no Parallel is there")?;
            ensure(state.parent.as_deref() == Some(visit.state.as_str()), "is not in this Parallel")?;
            ensure(visit.branches.insert(name.to_owned()), "the branch is entered twice")?;
            before.visit = event.previous;
            let starts = self.state(&before.state.clone().unwrap_or_default())?.starts;
            before.index = starts.iter().position(|start| start == name).ok_or("no branch starts there")? as u64;
        } else if before.kind == "MapIterationStarted" {
            let map = self.visits.get(&before.visit).map(|visit| visit.state.clone()).unwrap_or_default();
            ensure(self.state(&map)?.starts.iter().any(|start| start == name), "is not where the iteration starts")?;
            self.go_on(event)?;
        } else {
            ensure(before.kind.ends_with("StateExited"), "does not follow an exit")?;
            let left = self.state(before.state.as_deref().unwrap_or_default())?;
            ensure(left.next.contains(name), "the state before does not lead there")?;
            self.go_on(event)?;
            self.ended(&before, false);
        }
        self.places.insert(event.id, stands(before));
        Ok(())
    }

    /// A branch or iteration stands at its end, or goes on after all.
    fn ended(&mut self, place: &Place, ended: bool) {
        if let Some(visit) = self.visits.get_mut(&place.visit) {
            if ended {
                visit.ended.insert(place.index)
            } else {
                visit.ended.remove(&place.index)
            };
        }
    }

    fn exited(&mut self, event: &HistoryEvent, kind: &'static str, name: &str) -> Result<(), String> {
        let state = self.state(name)?;
        ensure(kind.strip_suffix("StateExited") == Some(state.kind.as_str()), "is not of the state's type")?;
        let before = self.place(event)?;
        let nested = state.kind == "Parallel" || state.kind == "Map";
        let mut place = if nested && before.state.as_deref() != Some(name) {
            // The state is left with the last event of the branch that ended last.
            let visit = self.visits.get(&before.visit).ok_or("nothing around it")?;
            ensure(visit.state == name && visit.over, "the state has not succeeded")?;
            visit.outer.clone()
        } else {
            ensure(before.state.as_deref() == Some(name), "another state is left than was entered")?;
            self.go_on(event)?;
            may_leave(&state, before.kind)?;
            match self.visits.get(&before.visit) {
                Some(empty) if matches!(before.kind, "MapStateStarted" | "MapRunSucceeded") => {
                    empty.outer.clone() // a Map without items, or in mode DISTRIBUTED
                }
                _ => before,
            }
        };
        place.kind = kind;
        place.state = Some(name.to_owned());
        if state.ends {
            self.ended(&place, true);
        }
        self.places.insert(event.id, place);
        Ok(())
    }

    /// A field could not be evaluated. In a state that was only entered, the event follows what the state's entry follows.
    fn evaluation_failed(&mut self, event: &HistoryEvent, kind: &'static str, name: &str) -> Result<(), String> {
        let last =
            self.places.iter().rev().find(|(_, place)| place.state.as_deref() == Some(name) && is_open(place.kind));
        let entered =
            last.filter(|(_, place)| place.kind.ends_with("StateEntered")).map(|(id, place)| (*id, place.clone()));
        let place = match self.around(event.previous, name) {
            Some(place) => place,
            None => {
                let (id, place) = entered.ok_or("the state is not at work")?;
                ensure(self.followed.insert(id), "a second event goes on from the same one")?;
                place
            }
        };
        self.places.insert(event.id, Place { kind, ..place });
        Ok(())
    }

    /// Where the state of this name stands that an event belongs to, or that is around it.
    fn around(&self, event: EventId, name: &str) -> Option<Place> {
        let mut place = self.places.get(&event)?.clone();
        while place.state.as_deref() != Some(name) {
            place = self.visits.get(&place.visit)?.outer.clone();
        }
        is_open(place.kind).then_some(place)
    }

    // ------------------------------------------------------------------ tasks

    fn task(&mut self, event: &HistoryEvent, kind: &'static str) -> Result<(), String> {
        let mut place = self.go_on(event)?;
        let state = self.state(place.state.as_deref().unwrap_or_default())?;
        ensure(state.kind == "Task" && kind.starts_with(state.task), "is not an event of this state's task")?;
        let what = kind.strip_prefix(state.task).unwrap_or_default();
        let before = place.kind.strip_prefix(state.task).unwrap_or_default();
        let failed = |kind: &str| kind.ends_with("Failed") || kind == "TimedOut";
        let fits = match what {
            "Scheduled" => failed(before) || matches!(place.kind, "TaskStateEntered" | "EvaluationFailed"),
            "Started" => before == "Scheduled",
            "Submitted" => before == "Started" && state.task == "Task",
            "Succeeded" => matches!(before, "Started" | "Submitted"),
            "TimedOut" => {
                matches!(before, "Started" | "Submitted") || (before == "Scheduled" && state.task == "Activity")
            }
            _ => failed(what) && matches!(before, "Scheduled" | "Started" | "Submitted"),
        };
        ensure(fits, &format!("does not come after {}", place.kind))?;
        if what == "Scheduled" {
            place.attempts += 1;
            ensure(place.attempts <= 1 + state.attempts_max, "one attempt too many")?;
        }
        place.kind = kind;
        self.places.insert(event.id, place);
        Ok(())
    }

    // ------------------------------------------------------------------ Parallel and Map

    /// The state around the event's branch that is meant: the one it stands at itself, or the one whose branch failed.
    fn nested_place(&self, event: &HistoryEvent, kind: &str) -> Result<Place, String> {
        let mut place = self.place(event)?;
        loop {
            let at = self.state(place.state.as_deref().unwrap_or_default())?;
            let stands = at.kind == kind && !place.kind.ends_with("Exited");
            let has_begun = place.kind.ends_with("Entered") || place.kind.ends_with("StateStarted");
            if stands && (has_begun || place.kind == "EvaluationFailed") {
                return Ok(place);
            }
            place = self.visits.get(&place.visit).ok_or("no such state around it")?.outer.clone();
        }
    }

    fn nested_started(&mut self, event: &HistoryEvent, kind: &'static str) -> Result<(), String> {
        let mut outer = self.nested_place(event, kind.strip_suffix("StateStarted").unwrap_or_default())?;
        let name = outer.state.clone().unwrap_or_default();
        let state = self.state(&name)?;
        outer.attempts += 1;
        ensure(outer.attempts <= 1 + state.attempts_max, "one attempt too many")?;
        let length = match event.details {
            Details::MapStateStarted { length } => length,
            _ => state.starts.len() as u64,
        };
        let visit = Visit { state: name, outer: outer.clone(), length, ..Visit::default() };
        self.visits.insert(event.id, visit);
        self.places.insert(event.id, Place { kind, visit: event.id, ..outer });
        Ok(())
    }

    fn map_run(&mut self, event: &HistoryEvent, kind: &'static str) -> Result<(), String> {
        let place = self.go_on(event)?;
        let state = self.state(place.state.as_deref().unwrap_or_default())?;
        let before = if kind == "MapRunStarted" { "MapStateStarted" } else { "MapRunStarted" };
        ensure(state.distributed && place.kind == before, "is not where a Map Run may be")?;
        self.places.insert(event.id, Place { kind, ..place });
        Ok(())
    }

    fn nested_succeeded(&mut self, event: &HistoryEvent) -> Result<(), String> {
        let place = self.place(event)?;
        if place.kind == "MapRunSucceeded" {
            return Ok(());
        }
        let number = place.visit;
        let visit = self.visits.get_mut(&number).ok_or("nothing has begun")?;
        ensure(visit.ended.len() as u64 == visit.length, "not every branch has ended")?;
        ensure(!std::mem::replace(&mut visit.over, true), "it has succeeded before")
    }

    fn nested_failed(&mut self, event: &HistoryEvent, kind: &'static str) -> Result<(), String> {
        let place = self.nested_place(event, kind.strip_suffix("StateFailed").unwrap_or_default())?;
        self.places.insert(event.id, Place { kind, ..place });
        Ok(())
    }

    fn iteration_started(
        &mut self,
        event: &HistoryEvent,
        kind: &'static str,
        name: &str,
        index: u64,
    ) -> Result<(), String> {
        let before = self.place(event)?;
        let limit = match self.state(name)?.max_concurrency {
            0 => 40,
            limit => limit,
        };
        let visit = self.visits.get_mut(&before.visit).ok_or("no Map has begun")?;
        ensure(visit.state == name && !visit.over, "is of another Map")?;
        ensure(index == visit.started && index < visit.length, "is not the next item")?;
        visit.started += 1;
        ensure(visit.started - visit.ended.len() as u64 <= limit, "too many iterations at a time")?;
        let outer = visit.outer.attempts;
        self.places.insert(event.id, Place { kind, state: None, visit: before.visit, index, attempts: outer });
        Ok(())
    }

    fn iteration_over(&mut self, event: &HistoryEvent, kind: &str, name: &str, index: u64) -> Result<(), String> {
        let place = self.place(event)?;
        let mut around = place.visit;
        while let Some(visit) = self.visits.get(&around)
            && visit.state != name
            && kind != "MapIterationSucceeded"
        {
            around = visit.outer.visit; // the events of an abort follow the branch that failed, wherever that is
        }
        if kind == "MapIterationAborted" {
            return Ok(());
        }
        let visit = self.visits.get(&around).ok_or("no Map has begun")?;
        ensure(visit.state == name && index < visit.started, "no such iteration has begun")?;
        if kind == "MapIterationSucceeded" {
            ensure(place.index == index && visit.ended.contains(&index), "the iteration is not at its end")?;
            self.places.insert(event.id, place);
        }
        Ok(())
    }

    fn execution_over(&self, event: &HistoryEvent, kind: &str) -> Result<(), String> {
        if kind != "ExecutionSucceeded" {
            return Ok(());
        }
        let place = self.place(event)?;
        let state = self.state(place.state.as_deref().unwrap_or_default())?;
        ensure(
            place.kind.ends_with("StateExited") && state.ends && state.parent.is_none(),
            "the workflow is not at its end",
        )
    }
}

/// Whether a state has not been left with this event.
fn is_open(kind: &str) -> bool {
    !kind.ends_with("StateExited")
}

/// Whether a state may be left after this event.
fn may_leave(state: &StatePlan, after: &str) -> Result<(), String> {
    let entered = after.ends_with("StateEntered");
    let fits = match state.kind.as_str() {
        "Task" => ["Succeeded", "Failed", "TimedOut"].iter().any(|end| after.ends_with(end)) || entered,
        "Parallel" | "Map" => {
            let ended = matches!(after, "MapStateStarted" | "MapRunSucceeded" | "EvaluationFailed");
            after.ends_with("StateFailed") || ended || entered
        }
        _ => entered,
    };
    ensure(fits, &format!("is left after {after}"))
}

fn ensure(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}
