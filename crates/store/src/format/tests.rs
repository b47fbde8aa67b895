//! Round trips, pins and damage.

use stepwell_interpreter::{Details, EventType, FrameId, HistoryEvent, Source, Status, Waiting};
use stepwell_value::{Payload, Timestamp};

use super::*;
use crate::record::RecordBody;
use crate::sample::{self, Case, Dice, NOON};
use crate::{Error, ExecutionKey, ExecutionRecord, MachineKey, contract, held};

fn columns(record: &ExecutionRecord) -> RowColumns {
    RowColumns {
        key: record.key,
        machine: record.machine,
        status: status_number(record.status),
        started: record.identity.started,
        stopped: record.stopped,
        redriven: record.redriven,
        redrive_count: record.redrive_count,
        last_event: record.last_event,
    }
}

fn every_chunk() -> Vec<Vec<HistoryEvent>> {
    let mut found: Vec<_> = (1..30).flat_map(sample::varied_batches).collect();
    found.push(sample::pass_events(u64::MAX - 10, 3));
    let mut odd = sample::pass_events(7, 2);
    odd[0].previous = 0;
    odd[1].previous = 900;
    odd[1].at.0 = i64::MIN;
    found.push(odd);
    found
}

#[test]
fn chunks_round_trip() {
    for events in every_chunk() {
        let bytes = encode_chunk(&events).unwrap();
        assert_eq!(decode_chunk(&bytes).unwrap(), events);
        assert_eq!(chunk_span(&bytes).unwrap(), (events[0].id, events.len() as u64));
        let ends = (events[0].clone(), events[events.len() - 1].clone());
        assert_eq!(chunk_ends(&bytes).unwrap(), Some(ends));
    }
}

#[test]
fn the_ends_of_a_whole_history_are_read_alone() {
    for seed in 1..20 {
        let [first, second, third] = sample::batches(&Case::numbered(seed), &mut sample::Dice(seed));
        let whole: Vec<HistoryEvent> = [first.events, second.events, third.events].concat();
        let ends = (whole[0].clone(), whole[whole.len() - 1].clone());
        assert_eq!(chunk_ends(&encode_chunk(&whole).unwrap()).unwrap(), Some(ends));
    }
}

#[test]
fn a_chunk_must_be_numbered_on() {
    let mut events = sample::pass_events(4, 3);
    assert!(encode_chunk(&[]).is_err());
    events.remove(1);
    assert!(encode_chunk(&events).is_err());
}

#[test]
fn an_equal_payload_is_stored_once_and_keeps_its_spelling() {
    let text = format!("{{ \"long\" : \"{}\" }}", (0..200).map(|n| n.to_string()).collect::<String>());
    let events: Vec<_> = (1..=4)
        .map(|id| {
            let input = Payload::from_checked_text(text.as_str());
            let details = Details::StateEntered { name: "A".into(), input };
            HistoryEvent { id, previous: id - 1, at: NOON, event_type: EventType::PassStateEntered, details }
        })
        .collect();
    assert!(chunk_body(&events).unwrap().len() < text.len() + 60);
    let read = decode_chunk(&encode_chunk(&events).unwrap()).unwrap();
    let input = |event: &HistoryEvent| held::payload_of(event, Source::EventInput(event.id)).unwrap().clone();
    assert_eq!(&**input(&read[0]).text(), text.as_str());
    assert!(input(&read[0]).is_same(&input(&read[3])));
}

#[test]
fn chunks_shrink() {
    let (mut plain, mut packed, mut count) = (0, 0, 0);
    for seed in 10_000..10_050 {
        for write in sample::batches(&Case::numbered(seed), &mut Dice(seed)) {
            plain += chunk_body(&write.events).unwrap().len();
            packed += encode_chunk(&write.events).unwrap().len();
            count += 1;
        }
    }
    assert!(packed * 2 < plain, "{} -> {} bytes a chunk", plain / count, packed / count);
    let tiny = encode_chunk(&sample::pass_events(1, 1)).unwrap();
    assert_eq!(tiny[1], 0, "what does not shrink is stored raw");
}

#[test]
fn frames_round_trip_without_their_payloads() {
    let payload = Payload::from_checked_text("[1]");
    let task = Waiting::Task(sample::task_wait(3, NOON));
    let waits = [Waiting::Nothing, Waiting::Wait { until: NOON }, Waiting::Retry { until: NOON }, task]
        .map(|waiting| sample::frame(3, 9, Source::EventInput(2), payload.clone(), waiting));
    let siblings = Waiting::Siblings { output: waits[0].input.clone() };
    let branches = Waiting::Branches { started_event: 4, open: 2 };
    let map_run = Waiting::MapRun(sample::map_run_wait(waits[0].input.clone()));
    let more = [siblings, branches, map_run]
        .map(|waiting| sample::frame(u32::MAX, 9, Source::EventOutput(2), payload.clone(), waiting));
    for mut frame in waits.into_iter().chain(more).chain([sample::full_frame(2, 8, &payload)]) {
        let bytes = encode_frame(&frame).unwrap();
        held::strip(&mut frame);
        assert_eq!(decode_frame(&bytes).unwrap(), frame);
    }
    assert_eq!(decode_frame(&encode_frame(&sample::full_frame(2, 8, &payload)).unwrap()).unwrap().id, FrameId(2));
}

#[test]
fn rows_round_trip() {
    let mut odd = sample::record(&Case::named(5, 2, "ü"));
    let mut identity = (*odd.identity).clone();
    identity.execution_arn = "arn:aws:states:us-east-1:123456789012:express:Orders-2:ü:1b2c".into();
    identity.state_machine_name = "other".into();
    identity.region = "".into();
    identity.alias_arn = Some(format!("{}:live", identity.state_machine_arn).into());
    identity.version_arn = Some("elsewhere".into());
    identity.express = true;
    odd.identity = std::sync::Arc::new(identity.clone());
    identity.test_case = Some("RetryPath".into()); // on `bare`
    odd.trace_header = Some("Root=1".into());
    (odd.status, odd.stopped, odd.redriven, odd.redrive_count) = (Status::TimedOut, Some(NOON), Some(NOON), 4);
    let mut bare = odd.clone();
    identity.state_machine_arn = "".into();
    bare.identity = std::sync::Arc::new(identity);
    let from = crate::ForkedFrom { execution_arn: "arn:aws:states:::execution:m:e".into(), event: 70_000 };
    let forked_from = Some(std::sync::Arc::new(from));
    let forked = ExecutionRecord { forked_from: forked_from.clone(), ..sample::record(&Case::numbered(2)) };
    let forked_case = ExecutionRecord { forked_from, ..bare.clone() };
    let all = [sample::record(&Case::numbered(1)), odd, bare, forked, forked_case];
    let all: Vec<_> = all.iter().flat_map(|record| [record.clone(), of_another_name(record)]).collect();
    for record in &all {
        let bytes = encode_row(record).unwrap();
        assert_eq!(decode_row(&columns(record), &bytes).unwrap(), *record);
        for before in &all {
            let mut reader = RowReader::default();
            reader.read(&columns(before), &encode_row(before).unwrap()).unwrap();
            assert_eq!(reader.read(&columns(record), &bytes).unwrap(), *record);
        }
    }
    let usual = encode_row(&sample::record(&Case::numbered(1))).unwrap();
    assert!(usual.len() < 220, "{} bytes", usual.len());
    let wrong = RowColumns { status: 6, ..columns(&sample::record(&Case::numbered(1))) };
    assert!(matches!(decode_row(&wrong, &usual), Err(Error::Damaged { .. })));
}

/// The execution, called otherwise; an ARN of the usual shape has the other name too.
fn of_another_name(record: &ExecutionRecord) -> ExecutionRecord {
    let mut identity = (*record.identity).clone();
    if let Some(before_name) = identity.execution_arn.strip_suffix(&*identity.name) {
        identity.execution_arn = format!("{before_name}a longer name, é").into();
    }
    (identity.name, identity.started) = ("a longer name, é".into(), Timestamp(NOON.0 + 1));
    let key = ExecutionKey(record.key.0 + 1);
    ExecutionRecord { key, last_event: 77, identity: std::sync::Arc::new(identity), ..record.clone() }
}

#[test]
fn records_and_contents_round_trip() {
    for record in contract::every_record() {
        let mut body = record.body;
        assert_eq!(decode_record(&encode_record(&body).unwrap()).unwrap(), body);
        if let RecordBody::MapRun(run) = &mut body {
            let (execution, redriven) = (run.execution, (3, Some(NOON)));
            for (execution, redriven) in [(execution, redriven), (None, redriven), (None, (0, None))] {
                run.execution = execution;
                (run.redrive_count, run.redriven) = redriven;
                let body = RecordBody::MapRun(run.clone());
                assert_eq!(decode_record(&encode_record(&body).unwrap()).unwrap(), body);
            }
        }
    }
    for text in ["1", "[ 1.0 ]", &format!("[\"{}\"]", "é".repeat(100_000))] {
        let payload = Payload::from_checked_text(text);
        assert_eq!(decode_content(&encode_content(&payload)).unwrap().text(), payload.text());
    }
}

#[test]
fn the_token_of_a_redrive_is_kept() {
    let event = |id, client_token: Option<&str>| HistoryEvent {
        id,
        previous: id - 1,
        at: NOON,
        event_type: EventType::ExecutionRedriven,
        details: Details::ExecutionRedriven { redrive_count: id, client_token: client_token.map(Into::into) },
    };
    let events = [event(7, None), event(8, Some("a token"))];
    assert_eq!(decode_chunk(&encode_chunk(&events).unwrap()).unwrap(), events);
}

/// Numbers on disk: a change here makes old data mean something else.
#[test]
fn numbers_are_pinned() {
    assert_eq!(EventType::ALL.len(), 62);
    let pins = [
        (0, EventType::ActivityFailed),
        (10, EventType::ExecutionStarted),
        (11, EventType::ExecutionSucceeded),
        (14, EventType::LambdaFunctionFailed),
        (21, EventType::MapIterationAborted),
        (31, EventType::ParallelStateAborted),
        (37, EventType::PassStateEntered),
        (42, EventType::TaskScheduled),
        (51, EventType::TaskTimedOut),
        (54, EventType::WaitStateExited),
        (58, EventType::MapRunSucceeded),
        (59, EventType::ExecutionRedriven),
        (61, EventType::EvaluationFailed),
    ];
    for (number, event_type) in pins {
        assert_eq!((EventType::ALL[number], event_type as usize), (event_type, number));
    }
    let all: Vec<u8> = EventType::ALL.iter().flat_map(|event_type| event_type.name().bytes().chain([b' '])).collect();
    assert_eq!(crc32fast::hash(&all), 2640444049, "the order of all 62 types");
    assert_eq!(name_hash(MachineKey(1), "daily"), -7109246264170801801);
    assert_eq!([Status::Running, Status::PendingRedrive].map(status_number), [0, 5]);
}

/// Bytes as version 1 wrote them are read for ever. The values they stand for are those of `sample`.
#[test]
fn version_1_is_read() {
    let hex = |text: &str| -> Vec<u8> {
        (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
    };
    let print = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let chunk = CHUNK_V1;
    let events = sample::varied_batches(1).remove(0);
    assert_eq!(
        decode_chunk(&hex(chunk))
            .unwrap_or_else(|error| panic!("{error}; now: {}", print(&encode_chunk(&events).unwrap()))),
        events
    );
    let frame = FRAME_V1;
    let mut expected = sample::full_frame(2, 8, &Payload::default());
    expected.waiting = Waiting::Task(sample::task_wait(3, NOON));
    assert_eq!(
        decode_frame(&hex(frame))
            .unwrap_or_else(|error| panic!("{error}; now: {}", print(&encode_frame(&expected).unwrap()))),
        expected
    );
    let row = ROW_V1;
    let expected = sample::record(&Case::numbered(1));
    assert_eq!(
        decode_row(&columns(&expected), &hex(row))
            .unwrap_or_else(|error| panic!("{error}; now: {}", print(&encode_row(&expected).unwrap()))),
        expected
    );
    let expected = contract::every_record().remove(0).body;
    let record = RECORD_V1;
    assert_eq!(
        decode_record(&hex(record))
            .unwrap_or_else(|error| panic!("{error}; now: {}", print(&encode_record(&expected).unwrap()))),
        expected
    );
}

const CHUNK_V1: &str = "010101956b4cd30105cf0428b52ffd00003d0200038308510cb1527ac5da1e7bfa52838aa5ecc9dacd5bdfc5259dad2f5e5e5e5ea240302e010ffc9680bd053726f6e54e545c9d2c6e45632140041f4f54553963f3916c3ec06a0e";
const FRAME_V1: &str =
    "010000f6089e1f02010100020001090880a89f8dbf680208020003010208030380a89f8dbf68010001c0f7c38dbf68013c01c0d1a68dbf68";
const ROW_V1: &str = "0100002e52128c2435653062376235632d386634332d346630652d396433332d3863316631663666396130311238393032356363312d656336372d3435356501003b61726e3a6177733a7374617465733a75732d656173742d313a3132333435363738393031323a73746174654d616368696e653a4f72646572732d31000000004061726e3a6177733a69616d3a3a3132333435363738393031323a726f6c652f736572766963652d726f6c652f5374657046756e6374696f6e732d4f72646572730000";
const RECORD_V1: &str = "01010153e2ed8f4828b52ffd0000ad01003402004d294d616368696e653a6d016d0180027231030002047465616d0473686f7001610004fc98aad8e539b46ff1be83947aa901";

#[test]
fn newer_forms_are_refused() {
    let mut bytes = encode_chunk(&sample::pass_events(1, 2)).unwrap();
    bytes[0] = VERSION + 1;
    seal_again(&mut bytes);
    let error = decode_chunk(&bytes).unwrap_err();
    assert!(matches!(error, Error::TooNew { found: 2, known: 1, .. }));
    let text = error.of("execution 7").to_string();
    assert!(text.starts_with("a chunk of history of execution 7 was written by a newer version"), "{text}");
}

/// Makes the checksum right again.
fn seal_again(bytes: &mut [u8]) {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&bytes[..3]);
    hasher.update(&bytes[7..]);
    bytes[3..7].copy_from_slice(&hasher.finalize().to_le_bytes());
}

type Reader = fn(&[u8]) -> Result<(), Error>;

/// Every form, as bytes, with the reader that must not panic.
fn forms() -> Vec<(Vec<u8>, Reader)> {
    let record = sample::record(&Case::numbered(1));
    let row = |bytes: &[u8]| decode_row(&columns(&sample::record(&Case::numbered(1))), bytes).map(drop);
    let mut forms: Vec<(Vec<u8>, Reader)> = vec![
        (encode_frame(&sample::full_frame(2, 8, &Payload::default())).unwrap(), |bytes| decode_frame(bytes).map(drop)),
        (encode_row(&record).unwrap(), row),
        (encode_content(&sample::order(&mut Dice(1))), |bytes| decode_content(bytes).map(drop)),
    ];
    for record in contract::every_record() {
        forms.push((encode_record(&record.body).unwrap(), |bytes| decode_record(bytes).map(drop)));
    }
    for events in every_chunk().into_iter().take(16) {
        forms.push((encode_chunk(&events).unwrap(), |bytes| decode_chunk(bytes).map(drop)));
    }
    forms
}

/// As damage, also a bit of the version: what is taken for the work of a newer Stepwell keeps a server from starting.
#[test]
fn every_flipped_bit_is_found() {
    for (bytes, read) in forms() {
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let read = read(&flipped);
            assert!(matches!(read, Err(Error::Damaged { .. })), "bit {bit}: {read:?}");
        }
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length]).is_err(), "{length} bytes");
        }
    }
}

/// Damage whose checksum is right all the same, as an attacker would make it: any answer but a panic.
#[test]
fn hostile_bytes_do_not_panic() {
    let mut dice = Dice(5);
    for (bytes, read) in forms() {
        for _ in 0..2_000 {
            let mut hostile = bytes.clone();
            for _ in 0..dice.below(4) + 1 {
                let at = dice.below(hostile.len() as u64) as usize;
                match dice.below(4) {
                    0 => drop(hostile.remove(at)),
                    1 => hostile.insert(at, 0xff),
                    2 => hostile.truncate(at.max(8)),
                    _ => hostile[at] = dice.roll() as u8,
                }
                hostile.resize(hostile.len().max(8), 0x80);
            }
            hostile[0] = VERSION;
            seal_again(&mut hostile);
            let _: Result<(), Error> = read(&hostile);
        }
    }
    assert!(matches!(decode_chunk(&[]), Err(Error::Damaged { .. })));
    assert_eq!(ExecutionKey::default().0, 0);
    let RecordBody::Machine(_) = contract::every_record().remove(0).body else { panic!() };
}
