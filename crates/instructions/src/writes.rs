//! What becomes durable: stored forms, one commit through the store in memory, and writes that are merged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use stepwell_interpreter::{Command, Effect, EventType, Execution, Progress, Transition};
use stepwell_store::{ExecutionKey, ExecutionRecord, ExecutionWrite, MachineKey, MemoryStore, Store, Write, format};
use stepwell_value::Payload;

use crate::Outcome;
use crate::executions::{Machine, ORDER, passes};

/// The rows of an execution of five Pass states that has ended.
struct Ended {
    record: ExecutionRecord,
    write: ExecutionWrite,
}

fn ended() -> Outcome<Ended> {
    let machine = Machine::of(&passes())?;
    let (execution, transition) = machine.start(Payload::from_text(ORDER).map_err(|error| error.to_string())?);
    let write = write(1, &execution, transition);
    let record = ExecutionRecord {
        key: write.key,
        machine: MachineKey(1),
        revision_id: "5e0b7b5c-8f43-4f0e-9d33-8c1f1f6f9a01".into(),
        identity: execution.identity,
        generated_name: false,
        status: execution.status,
        stopped: write.closed.map(|(_, at)| at),
        last_event: write.next_event - 1,
        redrive_count: 0,
        redriven: None,
        forked_from: None,
        trace_header: None,
    };
    Ok(Ended { record, write })
}

fn write(key: u64, execution: &Execution, transition: Transition) -> ExecutionWrite {
    ExecutionWrite {
        key: ExecutionKey(key),
        expected_next_event: transition.expected_next_event,
        events: transition.events,
        frames_put: transition.frames_put.iter().filter_map(|id| execution.frames.get(id).cloned()).collect(),
        frames_removed: transition.frames_removed.into_iter().collect(),
        contents_put: transition.contents_put,
        contents_removed: transition.contents_removed,
        next_event: execution.next_event,
        next_frame: execution.next_frame,
        next_content: execution.next_content,
        redrive_count: 0,
        redriven: None,
        closed: transition.closed,
    }
}

/// One commit of an execution that starts and ends; it expires at once, so that the store does not grow.
pub fn commit() -> Outcome<crate::Repeated> {
    let Ended { record, write } = ended()?;
    let store = MemoryStore::new();
    let group = [Write::Start { record: Box::new(record), write: Box::new(write) }];
    Ok(Box::new(move || {
        let done = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&done);
        store.commit(
            &group,
            Box::new(move |outcome| {
                told.store(outcome.is_ok_and(|all| all.iter().all(Result::is_ok)), Ordering::Relaxed);
            }),
        );
        let expired = store.expire(stepwell_value::Timestamp(i64::MAX), 10).map_err(|error| error.to_string())?;
        if done.load(Ordering::Relaxed) && expired == 1 { Ok(()) } else { Err("the store has refused it".to_owned()) }
    }))
}

/// Row and chunk as a backend on disk stores them.
pub fn encode() -> Outcome<crate::Repeated> {
    let Ended { record, write } = ended()?;
    Ok(Box::new(move || {
        let row = format::encode_row(&record).map_err(|error| error.to_string())?;
        let chunk = format::encode_chunk(&write.events).map_err(|error| error.to_string())?;
        if row.is_empty() || chunk.is_empty() { Err("nothing was encoded".to_owned()) } else { Ok(()) }
    }))
}

/// The chunk is read again.
pub fn decode() -> Outcome<crate::Repeated> {
    let Ended { write, .. } = ended()?;
    let chunk = format::encode_chunk(&write.events).map_err(|error| error.to_string())?;
    Ok(Box::new(move || {
        let events = format::decode_chunk(&chunk).map_err(|error| error.to_string())?;
        if events == write.events { Ok(()) } else { Err("other events were read than written".to_owned()) }
    }))
}

/// The answers of the 40 activities that one Map has open, in one group: stepped, merged into one write, its chunk and frames encoded.
pub fn merge() -> Outcome<crate::Repeated> {
    let activity = "arn:aws:states:us-east-1:123456789012:activity:answer";
    let processor = json!({"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": activity, "End": true}}});
    let machine = Machine::of(&json!({"StartAt": "M", "States": {"M": {
        "Type": "Map", "ItemsPath": "$.items", "ItemProcessor": processor, "End": true}}}))?;
    let items: Vec<u32> = (0..100).collect();
    let input = Payload::from_text(json!({"items": items}).to_string()).map_err(|error| error.to_string())?;
    let (started, transition) = machine.start(input);
    let tasks: Vec<_> = transition
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::ScheduleTask(task) => Some((task.frame, task.epoch)),
            _ => None,
        })
        .collect();
    Ok(Box::new(move || {
        let mut execution = started.clone();
        let mut merged: Option<ExecutionWrite> = None;
        for (frame, epoch) in tasks.iter().copied() {
            let progress = Progress::Succeeded { output: Payload::from_checked_text(r#"{"done": true}"#) };
            let transition = machine.tell(&mut execution, &Command::Task { frame, epoch, progress });
            let next = write(1, &execution, transition);
            match &mut merged {
                Some(merged) if merged.can_merge(&next) => merged.merge(next),
                Some(_) => return Err("a write cannot be merged".to_owned()),
                None => merged = Some(next),
            }
        }
        let merged = merged.ok_or("there is no task")?;
        let over = merged.events.iter().filter(|event| event.event_type == EventType::MapIterationSucceeded).count();
        if over != tasks.len() {
            return Err(format!("{over} of {} iterations have ended", tasks.len()));
        }
        format::encode_chunk(&merged.events).map_err(|error| error.to_string())?;
        for frame in &merged.frames_put {
            format::encode_frame(frame).map_err(|error| error.to_string())?;
        }
        Ok(())
    }))
}
