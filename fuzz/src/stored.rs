//! The stored forms.

use std::sync::Arc;

use stepwell_store::format::{
    DICTIONARY_ID, RowColumns, RowReader, VERSION, chunk_span, decode_chunk, decode_content, decode_frame,
    decode_record, decode_row, encode_chunk, encode_content, encode_frame, encode_record, encode_row,
};
use stepwell_store::{Error, ExecutionKey, ExecutionRecord, MachineKey};
use stepwell_value::Timestamp;

use crate::tape::Tape;

/// Reads bytes as each of the forms: as they are, or as a body in a proper envelope. What is read is written and read again.
pub fn forms(bytes: &[u8]) {
    let mut tape = Tape::new(bytes);
    let (form, envelope) = (tape.below(5), tape.below(4));
    let columns = (form == 2).then(|| columns(&mut tape));
    let sealed = match envelope {
        0 => tape.rest().to_vec(),
        1 => sealed(1, DICTIONARY_ID, tape.rest()),
        _ => sealed(0, 0, tape.rest()),
    };
    match form {
        0 => chunk(&sealed),
        1 => again(decode_frame(&sealed), |frame| encode_frame(frame), |bytes| decode_frame(bytes)),
        2 => {
            let columns = columns.expect("made for this form");
            again(decode_row(&columns, &sealed), |row| encode_row(row), |bytes| decode_row(&columns, bytes));
            row_after_another(&columns, &sealed);
        }
        3 => again(decode_record(&sealed), |record| encode_record(record), |bytes| decode_record(bytes)),
        _ => again(decode_content(&sealed), |content| Ok(encode_content(content)), |bytes| decode_content(bytes)),
    }
}

/// A row is the same whatever was read before it: here, one that differs in its name alone, and itself.
fn row_after_another(columns: &RowColumns, bytes: &[u8]) {
    let Ok(row) = decode_row(columns, bytes) else { return };
    let mut identity = (*row.identity).clone();
    if let Some(before_name) = identity.execution_arn.strip_suffix(&*identity.name) {
        identity.execution_arn = format!("{before_name}another").into();
    }
    identity.name = "another".into();
    let other = ExecutionRecord { identity: Arc::new(identity), ..row.clone() };
    let other = encode_row(&other).expect("what was read can be written");
    let mut reader = RowReader::default();
    for bytes in [&*other, bytes, bytes] {
        let read = reader.read(columns, bytes).expect("it can be read alone");
        assert_eq!(read, decode_row(columns, bytes).expect("it could be read before"));
    }
}

fn chunk(bytes: &[u8]) {
    let span = chunk_span(bytes);
    let decoded = decode_chunk(bytes);
    if let Ok(events) = &decoded {
        let (first, count) = span.expect("a chunk that can be read has a head");
        assert_eq!(events.first().map_or(first, |event| event.id), first);
        assert_eq!(events.len() as u64, count);
        if events.is_empty() {
            return; // an empty chunk is never written
        }
    }
    again(decoded, |events| encode_chunk(events), |bytes| decode_chunk(bytes));
}

fn again<T: std::fmt::Debug>(
    decoded: Result<T, Error>,
    encode: impl Fn(&T) -> Result<Vec<u8>, Error>,
    decode: impl Fn(&[u8]) -> Result<T, Error>,
) {
    match decoded {
        Ok(value) => {
            let bytes = encode(&value).expect("what was read can be written");
            let read = decode(&bytes).expect("what was written can be read");
            assert_eq!(format!("{read:?}"), format!("{value:?}")); // NaN is not equal to itself
        }
        Err(Error::Damaged { .. } | Error::TooNew { .. }) => {}
        Err(other) => panic!("bytes can only be damaged or too new: {other}"),
    }
}

/// An envelope with the right checksum.
fn sealed(codec: u8, dictionary: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![VERSION, codec, dictionary, 0, 0, 0, 0];
    out.extend_from_slice(body);
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&out[..3]);
    hasher.update(&out[7..]);
    out[3..7].copy_from_slice(&hasher.finalize().to_le_bytes());
    out
}

fn columns(tape: &mut Tape<'_>) -> RowColumns {
    let status = tape.byte() % 8;
    let is_closed = tape.rarely(2);
    RowColumns {
        key: ExecutionKey(tape.number()),
        machine: MachineKey(7),
        status,
        started: Timestamp(tape.number().cast_signed()),
        stopped: is_closed.then_some(Timestamp(0)),
        redriven: None,
        redrive_count: 0,
        last_event: 3,
    }
}
