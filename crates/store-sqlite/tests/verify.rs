//! What is damaged at rest is found, and named.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // test code

mod common;

use std::path::Path;

use common::{fill, open};
use rusqlite::Connection;
use stepwell_store::contract::put;
use stepwell_store::sample::{self, Case, Dice};
use stepwell_store::{Error, Store};
use stepwell_store_sqlite::verify::{self, Kind, Report};

/// A folder of a store that was closed.
fn filled() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    fill(&store);
    store.close();
    folder
}

fn report(folder: &Path) -> Report {
    verify::folder(folder).unwrap()
}

#[test]
fn a_sound_folder_is_counted() {
    let folder = filled();
    let found = report(folder.path());
    assert!(found.is_sound(), "{}", found.told());
    let counts = [
        (Kind::Secret, 1),
        (Kind::Executions, 9),
        (Kind::Chunks, 3 * 3 + 3 + 2 + 2),
        (Kind::Events, 3 * 15 + 3 * 5 + 2 * 5 + 6),
        (Kind::Open, 5),
        (Kind::Frames, 3 + 2 * 3),
        (Kind::Contents, 2),
        (Kind::Names, 4),
        (Kind::Records, 2),
    ];
    for (kind, count) in counts {
        assert_eq!(found.count(kind).seen, count, "{kind:?}");
    }
    assert!(found.count(Kind::Pages).seen > 10);
    let file = folder.path().join("stepwell.db");
    assert_eq!(verify::file(&file).unwrap(), found, "as a file at rest");
}

/// Damages a sound folder with SQL, which leaves pages and indexes sound, and checks what is told.
#[track_caller]
fn check(sql: &str, kind: Kind, told: &str) {
    let folder = filled();
    let changed = Connection::open(folder.path().join("stepwell.db")).unwrap();
    // A byte in the middle of a blob, as a disk would flip it.
    let flip = "substr(B, 1, length(B) / 2) || char(31) || substr(B, length(B) / 2 + 2)";
    let of = |column: &str| format!("{column} = CAST({} AS BLOB)", flip.replace('B', column));
    let sql = sql
        .replace("FLIP(chunk)", &of("chunk"))
        .replace("FLIP(body)", &of("body"))
        .replace("FLIP(frame)", &of("frame"));
    assert!(changed.execute(&sql, []).unwrap() > 0, "{sql}");
    drop(changed);
    let found = report(folder.path());
    assert!(found.count(kind).damaged > 0, "{sql}: {found:?}");
    let one = found.damages.iter().find(|damage| damage.kind == kind).unwrap();
    assert!(one.what.contains(told), "{sql}: {}", one.what);
    assert_eq!(found.count(Kind::Pages).damaged, 0, "{sql}: {}", found.told());
}

#[test]
fn every_kind_of_damage_is_named() {
    let rows = [
        (
            "UPDATE history SET FLIP(chunk) WHERE key = 2 AND first = 6",
            Kind::Chunks,
            "execution 2: the chunk from event 6 on: a chunk of history is damaged: checksum",
        ),
        (
            "UPDATE history SET first = 7 WHERE key = 2 AND first = 6",
            Kind::Chunks,
            "execution 2: the chunk from event 7 on begins with event 6",
        ),
        ("DELETE FROM history WHERE key = 3 AND first = 6", Kind::Events, "execution 3: event 10 follows event 5"),
        (
            "DELETE FROM history WHERE key = 3 AND first = 10",
            Kind::Events,
            "execution 3: its history ends with event 9 instead of 15",
        ),
        (
            "DELETE FROM history WHERE key = 4",
            Kind::Open,
            "execution 4: EventInput(1), which it needs to go on, is not in its history",
        ),
        (
            "UPDATE history SET key = 77 WHERE key = 3 AND first = 10",
            Kind::Chunks,
            "1 rows of `history` belong to nothing in `executions`, the first to execution 77",
        ),
        (
            "UPDATE executions SET FLIP(body) WHERE key = 5",
            Kind::Executions,
            "an execution's row of execution 5 is damaged",
        ),
        (
            "UPDATE executions SET status = 2 WHERE key = 3",
            Kind::Events,
            "execution 3: it is FAILED, but its history ends with ExecutionSucceeded",
        ),
        (
            "UPDATE executions SET status = 9 WHERE key = 3",
            Kind::Executions,
            "an execution's row of execution 3 is damaged",
        ),
        (
            "UPDATE executions SET stopped = stopped + 1 WHERE key = 3",
            Kind::Events,
            "execution 3: it is SUCCEEDED, but",
        ),
        (
            "DELETE FROM open WHERE key = 4",
            Kind::Executions,
            "execution 4: its row says RUNNING, stopped None, but there is nothing of it to go on with",
        ),
        ("UPDATE open SET key = 1 WHERE key = 4", Kind::Executions, "execution 1: its row says SUCCEEDED"),
        (
            "UPDATE open SET key = 99 WHERE key = 4",
            Kind::Open,
            "1 rows of `open` belong to nothing in `executions`, the first to execution 99",
        ),
        ("UPDATE open SET FLIP(frame) WHERE key = 6", Kind::Frames, "execution 6: frame 0: a frame is damaged"),
        (
            "UPDATE open SET frame = NULL WHERE key = 6",
            Kind::Frames,
            "execution 6: it runs, but its top frame is not stored",
        ),
        (
            "UPDATE open SET next_event = 5 WHERE key = 6",
            Kind::Events,
            "execution 6: its history ends with event 5 instead of 4",
        ),
        (
            "UPDATE open SET next_frame = 2 WHERE key = 7",
            Kind::Frames,
            "execution 7: it has frame 2, but 2 is its next one",
        ),
        (
            "UPDATE open SET next_content = 0 WHERE key = 7",
            Kind::Contents,
            "execution 7: it has content 0, but 0 is its next one",
        ),
        (
            "UPDATE frames SET FLIP(body) WHERE key = 7 AND frame = 1",
            Kind::Frames,
            "execution 7: frame 1: a frame is damaged",
        ),
        (
            "UPDATE frames SET frame = 0 WHERE key = 7 AND frame = 1",
            Kind::Frames,
            "execution 7: frame 0 says that it is frame 1",
        ),
        (
            "UPDATE frames SET key = 4 WHERE key = 7 AND frame = 1",
            Kind::Contents,
            "execution 4: content 0, which a frame holds, is not stored",
        ),
        ("UPDATE frames SET key = 1 WHERE key = 7", Kind::Frames, "2 rows of `frames` belong to nothing in `open`"),
        (
            "UPDATE contents SET FLIP(body) WHERE key = 8",
            Kind::Contents,
            "execution 8: content 0: a content is damaged",
        ),
        (
            "DELETE FROM contents WHERE key = 8",
            Kind::Contents,
            "execution 8: content 0, which a frame holds, is not stored",
        ),
        (
            "DELETE FROM names WHERE key = 6",
            Kind::Names,
            "execution 6: its name `order-6` is not in the index of names",
        ),
        ("UPDATE names SET hash = hash + 1 WHERE key = 6", Kind::Names, "execution 6: its name `order-6`"),
        ("INSERT INTO names VALUES (12, 1)", Kind::Names, "1 entries in the index of names belong to no execution"),
        (
            "UPDATE records SET FLIP(body) WHERE kind = 1",
            Kind::Records,
            "in 123456789012:us-east-1: a record of the registry",
        ),
        (
            "UPDATE records SET kind = 4 WHERE kind = 0",
            Kind::Records,
            "record `Orders-1` in 123456789012:us-east-1: it is a Machine, but not filed as one",
        ),
        ("DELETE FROM records WHERE kind = 1", Kind::Open, "execution 4: the revision 0000000000000001/5e0b7b5c"),
        ("DELETE FROM meta WHERE name = 'secret'", Kind::Secret, "there is no secret"),
        ("UPDATE meta SET value = x'00' WHERE name = 'secret'", Kind::Secret, "the secret has 1 bytes instead of 32"),
    ];
    for (sql, kind, told) in rows {
        check(sql, kind, told);
    }
}

/// The places of a text of bytes in a file.
fn places(bytes: &[u8], wanted: &[u8]) -> Vec<usize> {
    (0..bytes.len().saturating_sub(wanted.len())).filter(|at| bytes[*at..].starts_with(wanted)).collect()
}

/// Every byte of every stored blob, flipped in the file as a disk would, is noticed.
#[test]
fn flipped_bytes_of_stored_forms_are_found() {
    let folder = filled();
    let database = folder.path().join("stepwell.db");
    let blobs = [
        ("SELECT chunk FROM history WHERE key = 2 AND first = 1", Kind::Chunks),
        ("SELECT body FROM executions WHERE key = 4", Kind::Executions),
        ("SELECT frame FROM open WHERE key = 5", Kind::Frames),
        ("SELECT body FROM frames WHERE key = 7 AND frame = 2", Kind::Frames),
        ("SELECT body FROM contents WHERE key = 7", Kind::Contents),
        ("SELECT body FROM records WHERE kind = 1", Kind::Records),
    ];
    let connection = Connection::open(&database).unwrap();
    let blobs = blobs.map(|(sql, kind)| (connection.query_row(sql, [], |row| row.get::<_, Vec<u8>>(0)).unwrap(), kind));
    drop(connection);
    let bytes = std::fs::read(&database).unwrap();
    let mut dice = Dice(3);
    for (blob, kind) in blobs {
        for _ in 0..12 {
            let mut damaged = bytes.clone();
            let at = dice.below(blob.len() as u64) as usize;
            // The same content may be there twice: of both executions with it.
            for place in places(&bytes, &blob) {
                damaged[place + at] ^= 1 << dice.below(7);
            }
            std::fs::write(&database, &damaged).unwrap();
            let found = report(folder.path());
            assert!(found.count(kind).damaged > 0, "byte {at} of {kind:?}: {found:?}");
        }
    }
    std::fs::write(&database, &bytes).unwrap();
    assert!(report(folder.path()).is_sound());
}

/// Bytes flipped anywhere: nothing panics, and most are noticed. (Free space in pages, and columns without a checksum such
/// as the moment of a start, are not.)
#[test]
fn flipped_bytes_anywhere_are_mostly_found() {
    let folder = filled();
    let database = folder.path().join("stepwell.db");
    let bytes = std::fs::read(&database).unwrap();
    let used: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
    let (mut dice, mut found) = (Dice(4), 0);
    for _ in 0..300 {
        let mut damaged = bytes.clone();
        let at = used[dice.below(used.len() as u64) as usize];
        damaged[at] ^= 1 << dice.below(8);
        std::fs::write(&database, &damaged).unwrap();
        found += u32::from(verify::folder(folder.path()).map_or(true, |report| !report.is_sound()));
    }
    eprintln!("{found} of 300 found");
    assert!(found > 200, "{found} of 300");
}

#[test]
fn a_damaged_tree_is_found_by_its_page() {
    let folder = filled();
    let database = folder.path().join("stepwell.db");
    let mut bytes = std::fs::read(&database).unwrap();
    for page in 1..bytes.len() / 4096 {
        bytes[page * 4096] ^= 0xff;
    }
    std::fs::write(&database, &bytes).unwrap();
    let found = report(folder.path());
    assert!(found.count(Kind::Pages).damaged > 5 && found.damages.len() <= 20, "{found:?}");
    bytes[0] ^= 1;
    std::fs::write(&database, &bytes).unwrap();
    let found = report(folder.path());
    assert!(found.told().contains("file is not a database"), "{}", found.told());
}

#[test]
fn what_is_no_data_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = verify::folder(folder.path()).unwrap_err().to_string();
    assert!(error.starts_with("cannot read ") && error.contains("stepwell.db: No such file"), "{error}");
    std::fs::write(folder.path().join("stepwell.db"), "").unwrap();
    let error = verify::folder(folder.path()).unwrap_err().to_string();
    assert!(error.ends_with("stepwell.db holds no data of Stepwell"), "{error}");
    let folder = filled();
    Connection::open(folder.path().join("stepwell.db")).unwrap().execute_batch("PRAGMA user_version = 7").unwrap();
    let error = verify::folder(folder.path()).unwrap_err();
    assert!(matches!(error, Error::TooNew { found: 7, .. }), "{error}");
}

#[test]
fn a_damaged_log_is_found_in_a_copy() {
    let (folder, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(folder.path());
    fill(&store);
    for name in ["stepwell.db", "stepwell.db-wal"] {
        std::fs::copy(folder.path().join(name), copy.path().join(name)).unwrap();
    }
    let found = report(copy.path());
    assert!(found.is_sound() && found.count(Kind::Log).seen > 10, "{found:?}");
    let log = copy.path().join("stepwell.db-wal");
    let mut bytes = std::fs::read(&log).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&log, &bytes).unwrap();
    let found = report(copy.path());
    assert!(found.count(Kind::Log).damaged >= 2, "{found:?}");
    assert!(found.told().contains("sound commits there is a damaged frame, and"), "{}", found.told());
    assert_eq!(std::fs::read(&log).unwrap(), bytes, "verification writes nothing");
}

/// A folder that is written to all the time, with its log beginning anew now and then, is never taken for damaged.
#[test]
fn a_server_at_work_is_no_damage() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    fill(&store);
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for key in (10..).take_while(|_| !stop.load(std::sync::atomic::Ordering::Relaxed)) {
                match key % 3 {
                    0 => put(&store, sample::start(&Case::named(key, 1, &format!("more-{key}")))),
                    _ => common::put_ended(&store, &Case::numbered(key)),
                }
            }
        });
        let _stop = common::Stop(&stop);
        for round in 0.. {
            let found = report(folder.path());
            assert!(found.is_sound(), "round {round}: {}", found.told());
            if round >= 15 && store.last_key().unwrap().0 > 300 {
                break;
            }
        }
    });
}
