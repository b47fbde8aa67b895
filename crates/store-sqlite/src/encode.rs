//! Writes in the form the writing thread takes: bytes and numbers, made on the caller's thread.

use std::sync::Arc;

use stepwell_interpreter::FrameId;
use stepwell_store::{Error, ExecutionRecord, ExecutionWrite, RecordKind, Write, format};

/// A write, ready to be stored.
pub(crate) enum Op {
    Start(Box<Start>),
    Advance(Box<Advance>),
    /// `machine`: the number that the record has taken.
    Put {
        kind: u8,
        scope: Arc<str>,
        name: Arc<str>,
        body: Vec<u8>,
        machine: Option<i64>,
    },
    Remove {
        kind: u8,
        scope: String,
        name: String,
    },
}

/// A new execution.
pub(crate) struct Start {
    pub(crate) machine: i64,
    pub(crate) started: i64,
    /// A caller-chosen name with its hash; none when the name was generated.
    pub(crate) name: Option<(i64, Arc<str>)>,
    /// Hashes of the version and the alias it was started through.
    pub(crate) qualifiers: [Option<i64>; 2],
    pub(crate) body: Vec<u8>,
    pub(crate) first: Advance,
}

/// A Transition of an execution. Keys and event ids are of less than 64 bits, so that they are SQLite's integers.
pub(crate) struct Advance {
    pub(crate) key: i64,
    pub(crate) expected_next_event: i64,
    pub(crate) next_event: i64,
    pub(crate) next_frame: u32,
    pub(crate) next_content: u32,
    pub(crate) redrive_count: u32,
    pub(crate) redriven: Option<i64>,
    /// None when there are no events.
    pub(crate) chunk: Option<Vec<u8>>,
    /// Frames, contents: nothing when the execution is closed with this write.
    pub(crate) frames_put: Vec<(u32, Vec<u8>)>,
    pub(crate) frames_removed: Vec<u32>,
    pub(crate) contents_put: Vec<(u32, Vec<u8>)>,
    pub(crate) contents_removed: Vec<u32>,
    /// Status number and moment.
    pub(crate) closed: Option<(u8, i64)>,
}

/// Encodes a group.
///
/// # Errors
/// When a write does not fit together; nothing of the group is written then.
pub(crate) fn group(writes: &[Write]) -> Result<Vec<Op>, Error> {
    writes
        .iter()
        .map(|write| {
            write.check()?;
            Ok(match write {
                Write::Start { record, write } => Op::Start(Box::new(start(record, write)?)),
                Write::Advance(write) => Op::Advance(Box::new(advance(write)?)),
                Write::Put(record) => Op::Put {
                    kind: format::kind_number(record.body.kind()),
                    scope: record.scope.clone(),
                    name: record.name.clone(),
                    body: format::encode_record(&record.body)?,
                    machine: record.body.machine_key().map(|key| key.0.cast_signed()),
                },
                Write::Remove { kind, scope, name } => remove(*kind, scope, name),
            })
        })
        .collect()
}

fn remove(kind: RecordKind, scope: &str, name: &str) -> Op {
    Op::Remove { kind: format::kind_number(kind), scope: scope.to_owned(), name: name.to_owned() }
}

fn start(record: &ExecutionRecord, write: &ExecutionWrite) -> Result<Start, Error> {
    let name = &record.identity.name;
    let hash = || format::name_hash(record.machine, name);
    Ok(Start {
        machine: record.machine.0.cast_signed(),
        started: record.identity.started.0,
        name: (!record.generated_name).then(|| (hash(), name.clone())),
        qualifiers: format::qualifier_hashes(record),
        body: format::encode_row(record)?,
        first: advance(write)?,
    })
}

fn advance(write: &ExecutionWrite) -> Result<Advance, Error> {
    let open = write.closed.is_none();
    let (frames, contents) = if open { (&*write.frames_put, &*write.contents_put) } else { (&[][..], &[][..]) };
    let encode_frame = |frame: &stepwell_interpreter::Frame| Ok((frame.id.0, format::encode_frame(frame)?));
    Ok(Advance {
        key: write.key.0.cast_signed(),
        expected_next_event: write.expected_next_event.cast_signed(),
        next_event: write.next_event.cast_signed(),
        next_frame: write.next_frame,
        next_content: write.next_content,
        redrive_count: write.redrive_count,
        redriven: write.redriven.map(|at| at.0),
        chunk: if write.events.is_empty() { None } else { Some(format::encode_chunk(&write.events)?) },
        frames_put: frames.iter().map(encode_frame).collect::<Result<_, Error>>()?,
        frames_removed: write.frames_removed.iter().map(|FrameId(frame)| *frame).collect(),
        contents_put: contents.iter().map(|(number, payload)| (*number, format::encode_content(payload))).collect(),
        contents_removed: write.contents_removed.clone(),
        closed: write.closed.map(|(status, at)| (format::status_number(status), at.0)),
    })
}
