//! What is SQLite's own: the folder, full disks, damage, the log.

use std::path::Path;
use std::sync::{Arc, mpsc};

use rusqlite::Connection;
use stepwell_store::contract::{self, commit, put};
use stepwell_store::sample::{self, Case, Dice};
use stepwell_store::{
    Error, ExecutionFilter, ExecutionKey, MachineKey, Record, RecordKind, Store, Write, WriteError, format,
};
use stepwell_value::Timestamp;

use crate::writer::Job;
use crate::{Options, SqliteStore, wal};

fn open(folder: &Path) -> SqliteStore {
    SqliteStore::open(&Options::new(folder)).unwrap()
}

/// Runs something on the writing connection.
fn on_writer<T: Send + 'static>(store: &SqliteStore, run: impl FnOnce(&Connection) -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    store.send(Job::Run(Box::new(move |connection| sender.send(run(connection)).unwrap())));
    receiver.recv().unwrap()
}

fn pragma(connection: &Connection, name: &str) -> String {
    let text = |row: &rusqlite::Row<'_>| row.get_ref(0).map(|value| format!("{value:?}"));
    connection.query_row(&format!("PRAGMA {name}"), [], text).unwrap()
}

#[test]
fn the_connection_is_set_up_for_durability() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let rows = [
        ("journal_mode", "Text([119, 97, 108])"),
        ("synchronous", "Integer(2)"),
        ("page_size", "Integer(4096)"),
        ("wal_autocheckpoint", "Integer(0)"),
        ("user_version", "Integer(2)"),
    ];
    for (name, expected) in rows {
        let found = on_writer(&store, move |connection| pragma(connection, name));
        assert_eq!(found, expected, "{name}");
    }
    // The flags of `.cargo/config.toml` took effect; the one for fdatasync comes with this one, and cannot be asked for.
    let flag = "SELECT sqlite_compileoption_used('DEFAULT_MEMSTATUS=0')";
    assert_eq!(on_writer(&store, move |connection| connection.query_row(flag, [], |row| row.get(0))), Ok(1));
    assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
}

#[test]
fn the_secret_stays_and_the_folder_is_locked() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path());
    let secret = first.secret();
    assert_ne!(secret, [0; 32]);
    let refused = SqliteStore::open(&Options::new(folder.path())).err().unwrap();
    assert!(matches!(refused, Error::Locked { .. }), "{refused}");
    first.close();
    assert_eq!(open(folder.path()).secret(), secret);
    let other = tempfile::tempdir().unwrap();
    assert_ne!(open(other.path()).secret(), secret);
}

#[test]
fn newer_tables_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    Connection::open(folder.path().join("stepwell.db")).unwrap().execute_batch("PRAGMA user_version = 3").unwrap();
    let error = SqliteStore::open(&Options::new(folder.path())).err().unwrap();
    assert!(matches!(error, Error::TooNew { found: 3, known: 2, .. }), "{error}");
}

/// What version 1 had in place of version 2's columns and indexes.
const BACK_TO_1: &str = "
DROP INDEX executions_listed;
DROP INDEX executions_of_version;
DROP INDEX executions_of_alias;
ALTER TABLE executions DROP COLUMN listed;
ALTER TABLE executions DROP COLUMN again;
ALTER TABLE executions DROP COLUMN version;
ALTER TABLE executions DROP COLUMN alias;
CREATE INDEX executions_by_status ON executions(machine, status);
CREATE INDEX executions_by_machine ON executions(machine);
PRAGMA user_version = 1;
";

#[test]
fn tables_of_version_1_are_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let arn = "arn:aws:states:us-east-1:123456789012:stateMachine:Orders-1";
    for key in 1..=6 {
        let version_arn = (key % 2 == 0).then(|| format!("{arn}:7").into());
        let alias_arn = (key % 3 == 0).then(|| format!("{arn}:live").into());
        put(&store, sample::start(&Case { version_arn, alias_arn, ..Case::numbered(key) }));
    }
    store.close();
    let path = folder.path().join("stepwell.db");
    Connection::open(&path).unwrap().execute_batch(BACK_TO_1).unwrap();
    let store = open(folder.path());
    put(&store, sample::start(&Case::numbered(7)));
    for (qualifier, expected) in [(None, 7), (Some(":7"), 3), (Some(":live"), 2)] {
        let qualifier_arn = qualifier.map(|qualifier| format!("{arn}{qualifier}"));
        let filter = ExecutionFilter { machine: MachineKey(1), status: None, redriven: None, qualifier_arn };
        assert_eq!(store.executions(&filter, None, 10).unwrap().len(), expected, "{filter:?}");
    }
}

#[test]
fn a_damaged_row_is_left_out_of_listings() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    (1..=3).for_each(|key| put(&store, sample::start(&Case::numbered(key))));
    on_writer(&store, |connection| connection.execute("UPDATE executions SET body = x'00' WHERE key = 2", [])).unwrap();
    let all = ExecutionFilter { machine: MachineKey(1), status: None, redriven: None, qualifier_arn: None };
    let listed: Vec<u64> = store.executions(&all, None, 10).unwrap().iter().map(|record| record.key.0).collect();
    assert_eq!(listed, [3, 1]);
    assert!(matches!(store.execution(ExecutionKey(2)), Err(Error::Damaged { .. })));
}

#[test]
fn a_full_disk_fails_its_groups_and_the_store_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    put(&store, sample::start(&Case::numbered(1)));
    on_writer(&store, |connection| {
        let pages = pragma(connection, "page_count").replace(|letter: char| !letter.is_ascii_digit(), "");
        pragma(connection, &format!("max_page_count = {pages}"))
    });
    let starts = (2..2000).map(|key| sample::start(&Case::numbered(key))).collect();
    let error = commit(&store, starts).unwrap_err();
    assert!(matches!(&error, Error::Backend(text) if text.starts_with("no space left on the disk of ")), "{error}");
    assert_eq!(store.last_key().unwrap(), ExecutionKey(1), "nothing of the group is there");
    on_writer(&store, |connection| pragma(connection, "max_page_count = 1000000"));
    let starts = (2..2000).map(|key| sample::start(&Case::numbered(key))).collect();
    assert!(commit(&store, starts).unwrap().iter().all(Result::is_ok));
    assert_eq!(store.last_key().unwrap(), ExecutionKey(1999));
}

#[test]
fn names_of_the_same_hash_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    put(&store, sample::start(&Case::named(1, 1, "one")));
    let hash = format::name_hash(MachineKey(1), "two");
    on_writer(&store, move |connection| connection.execute("INSERT INTO names VALUES (?1, 1)", [hash]).unwrap());
    assert_eq!(store.execution_named(MachineKey(1), "two").unwrap(), None);
    put(&store, sample::start(&Case::named(2, 1, "two")));
    assert_eq!(store.execution_named(MachineKey(1), "two").unwrap(), Some(ExecutionKey(2)));
    let taken = Err(WriteError::NameTaken { existing: ExecutionKey(2) });
    assert_eq!(commit(&store, vec![sample::start(&Case::named(3, 1, "two"))]).unwrap(), [taken]);
}

#[test]
fn an_execution_of_one_commit_has_no_open_row_and_no_frames() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut write = sample::write(1, 1, sample::pass_events(1, 4));
    write.frames_put = vec![sample::full_frame(3, 0, &stepwell_value::Payload::default())];
    write.next_frame = 4;
    write.closed = Some((stepwell_interpreter::Status::Succeeded, sample::NOON));
    let record = Box::new(sample::record(&Case::numbered(1)));
    put(&store, Write::Start { record, write: Box::new(write) });
    let count = |table: &'static str| on_writer(&store, move |connection| pragma_count(connection, table));
    assert_eq!(["executions", "history", "open", "frames", "contents", "names"].map(count), [1, 1, 0, 0, 0, 0]);
}

fn pragma_count(connection: &Connection, table: &str) -> i64 {
    connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

#[test]
fn after_closing_and_expiry_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut first = sample::write(1, 1, sample::pass_events(1, 4));
    let payload = stepwell_value::Payload::default();
    first.frames_put = (0..5).map(|id| sample::full_frame(id, 0, &payload)).collect();
    first.contents_put = vec![(0, payload)];
    (first.next_frame, first.next_content) = (5, 1);
    let record = Box::new(sample::record(&Case::named(1, 1, "wide")));
    put(&store, Write::Start { record, write: Box::new(first) });
    let mut last = sample::write(1, 5, sample::pass_events(5, 1));
    (last.next_frame, last.next_content) = (5, 1);
    last.closed = Some((stepwell_interpreter::Status::Failed, sample::NOON));
    put(&store, Write::Advance(Box::new(last)));
    let count = |table: &'static str| on_writer(&store, move |connection| pragma_count(connection, table));
    assert_eq!(["open", "frames", "contents"].map(count), [0, 0, 0]);
    assert_eq!(store.expire(Timestamp(i64::MAX), 10).unwrap(), 1);
    assert_eq!(["executions", "history", "open", "frames", "contents", "names"].map(count), [0; 6]);
}

/// Nobody knows whether a Map Run has ended whose record is damaged: its children stay, for whom the record may be restored.
#[test]
fn the_children_of_a_damaged_map_run_do_not_expire() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let scope = Arc::<str>::from("1:us-east-1");
    let (run, revision) = ("m/Map:5e0b7b5c", "000000000000004e/5e0b7b5c");
    let body =
        |kind| contract::every_record().into_iter().map(|record| record.body).find(|it| it.kind() == kind).unwrap();
    for (name, kind) in [(run, RecordKind::MapRun), (revision, RecordKind::Revision)] {
        put(&store, Write::Put(Box::new(Record { scope: scope.clone(), name: name.into(), body: body(kind) })));
    }
    for (key, machine) in [(1, 78), (2, 1), (3, 78)] {
        let case = Case::named(key, machine, &format!("n{key}"));
        let [_, second, third] = sample::batches(&case, &mut Dice(key));
        let writes = [sample::start(&case), Write::Advance(Box::new(second)), Write::Advance(Box::new(third))];
        writes.into_iter().for_each(|write| put(&store, write));
    }
    on_writer(&store, |connection| {
        let damage = "UPDATE records SET body = CAST(x'03' || substr(body, 2) AS BLOB) WHERE name = 'm/Map:5e0b7b5c'";
        assert_eq!(connection.execute(damage, []), Ok(1));
    });
    assert!(matches!(store.record(RecordKind::MapRun, &scope, run), Err(Error::Damaged { .. })));
    assert_eq!(store.expire(Timestamp(i64::MAX), 10).unwrap(), 1);
    let kept = [1, 2, 3].map(|key| store.execution(ExecutionKey(key)).unwrap().is_some());
    assert_eq!(kept, [true, false, true]);
    assert!(store.record(RecordKind::MapRun, &scope, run).is_err(), "it stays, too");
}

#[test]
fn damage_names_the_execution_and_others_are_not_affected() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    put(&store, sample::start(&Case::numbered(1)));
    put(&store, sample::start(&Case::numbered(2)));
    on_writer(&store, |connection| {
        let damage =
            "UPDATE history SET chunk = CAST(substr(chunk, 1, length(chunk) - 1) || x'00' AS BLOB) WHERE key = 1";
        connection.execute(damage, []).unwrap()
    });
    let error = store.load(ExecutionKey(1)).unwrap_err().to_string();
    assert!(error.starts_with("a chunk of history of execution 1 is damaged: checksum "), "{error}");
    assert!(store.load(ExecutionKey(2)).unwrap().is_some());
    assert_eq!(store.open_executions(None, 10).unwrap().count(), 2);
}

#[test]
fn the_log_stays_short_and_closing_empties_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&Options { checkpoint_mib: 1, ..Options::new(folder.path()) }).unwrap();
    let length = || std::fs::metadata(folder.path().join("stepwell.db-wal")).map_or(0, |found| found.len());
    for round in 0..100 {
        let starts = (1..=60).map(|key| sample::start(&Case::numbered(round * 60 + key))).collect();
        assert!(commit(&store, starts).unwrap().iter().all(Result::is_ok));
        assert!(length() < 3 << 20, "{}", length());
    }
    assert!(length() > 0);
    store.close();
    assert_eq!(length(), 0);
}

/// A folder as a crash leaves it: a copy, taken while the store is open, of what was committed one by one.
fn crashed(commits: u64) -> (tempfile::TempDir, std::path::PathBuf) {
    let (folder, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(folder.path());
    for key in 1..=commits {
        put(&store, sample::start(&Case::numbered(key)));
    }
    for name in ["stepwell.db", "stepwell.db-wal"] {
        std::fs::copy(folder.path().join(name), copy.path().join(name)).unwrap();
    }
    let log = copy.path().join("stepwell.db-wal");
    (copy, log)
}

#[test]
fn a_sound_log_passes_wherever_it_ends() {
    let (folder, log) = crashed(8);
    let bytes = std::fs::read(&log).unwrap();
    let findings = wal::examine(&*bytes).unwrap();
    // One commit more: the tables.
    assert_eq!((findings.sound_commits, findings.lost_commits), (9, 0));
    assert_eq!(findings.sound_frames, (bytes.len() as u64 - 32) / 4120);
    let mut dice = Dice(1);
    for _ in 0..50 {
        let length = dice.below(bytes.len() as u64) as usize;
        assert_eq!(wal::examine(&bytes[..length]).unwrap().lost_commits, 0, "{length} bytes");
    }
    drop(open(folder.path()));
}

#[test]
fn damage_in_the_middle_of_the_log_refuses_to_start() {
    let (folder, log) = crashed(8);
    let bytes = std::fs::read(&log).unwrap();
    let mut dice = Dice(2);
    let ends = |byte: usize| byte > bytes.len() - 4120 * 12;
    let mut places: Vec<usize> = (0..32).chain(32..56).collect();
    places.extend((0..200).map(|_| dice.below(bytes.len() as u64) as usize));
    for byte in places.into_iter().filter(|byte| !ends(*byte)) {
        let mut damaged = bytes.clone();
        damaged[byte] ^= 0x10;
        let findings = wal::examine(&*damaged).unwrap();
        assert!(findings.lost_commits >= 2, "byte {byte}: {findings:?}");
    }
    let mut damaged = bytes.clone();
    damaged[bytes.len() / 2] ^= 1;
    std::fs::write(&log, &damaged).unwrap();
    let error = SqliteStore::open(&Options::new(folder.path())).err().unwrap().to_string();
    assert!(error.contains("stepwell.db-wal is damaged: after "), "{error}");
    assert!(error.contains("start with --accept-wal-truncation to go on"), "{error}");
    let options = Options { accept_wal_truncation: true, ..Options::new(folder.path()) };
    let store = SqliteStore::open(&options).unwrap();
    let kept = store.open_executions(None, 100).unwrap().count();
    assert!((1..8).contains(&kept), "{kept}");
}

/// An interrupted last commit, whose pages reached the disk out of order, is no damage.
#[test]
fn a_torn_last_commit_passes() {
    let (folder, log) = crashed(8);
    let mut bytes = std::fs::read(&log).unwrap();
    let frames = (bytes.len() - 32) / 4120;
    let commits = |frame: usize| bytes[32 + frame * 4120 + 4..][..4] != [0; 4];
    let last_begins = (0..frames - 1).rev().find(|frame| commits(*frame)).unwrap() + 1;
    bytes[32 + last_begins * 4120 + 100] ^= 1;
    assert_eq!(wal::examine(&*bytes).unwrap().lost_commits, 1);
    std::fs::write(&log, &bytes).unwrap();
    assert_eq!(open(folder.path()).open_executions(None, 100).unwrap().count(), 7);
}

/// A log that begins anew is written from its head on. When the power fails just then the head is anything; all that follows
/// is in the database. Otherwise it is damage.
#[test]
fn a_damaged_head_is_no_loss_when_all_is_in_the_database() {
    let (folder, log) = crashed(8);
    let damage_head = |bytes: &[u8]| {
        let mut damaged = bytes.to_vec();
        damaged[..32].copy_from_slice(&[0x5a; 32]);
        std::fs::write(&log, &damaged).unwrap();
    };
    let bytes = std::fs::read(&log).unwrap();
    damage_head(&bytes);
    let error = SqliteStore::open(&Options::new(folder.path())).err().unwrap().to_string();
    assert!(error.contains("stepwell.db-wal is damaged: after 0 sound commits"), "{error}");

    // What another page of the database makes of it: all of the log but that one page is copied.
    std::fs::write(&log, &bytes).unwrap();
    let database = folder.path().join("stepwell.db");
    let connection = Connection::open(&database).unwrap();
    pragma(&connection, "wal_checkpoint(PASSIVE)");
    let copied = std::fs::read(&database).unwrap();
    std::mem::forget(connection); // closing it would remove the log
    let mut lacking = copied.clone();
    let last = lacking.len() - 1;
    lacking[last] ^= 1;
    std::fs::write(&database, &lacking).unwrap();
    damage_head(&bytes);
    assert!(SqliteStore::open(&Options::new(folder.path())).is_err());

    std::fs::write(&database, &copied).unwrap();
    assert_eq!(open(folder.path()).open_executions(None, 100).unwrap().count(), 8);
}

/// A start makes a new file of the log, up to its last commit: that is on the disk then, whatever became of the old file.
#[cfg(unix)]
#[test]
fn what_a_start_finds_in_the_log_is_durable() {
    use std::os::unix::fs::MetadataExt;
    let (folder, log) = crashed(8);
    let bytes = std::fs::read(&log).unwrap();
    let findings = wal::examine(&*bytes).unwrap();
    assert_eq!((findings.sound_commits, findings.sound_bytes), (9, bytes.len() as u64));
    let behind = [&bytes[..], &[7; 9000]].concat();
    std::fs::write(&log, &behind).unwrap();
    let (old, before) = (std::fs::File::open(&log).unwrap(), std::fs::metadata(&log).unwrap());
    let store = open(folder.path());
    assert_eq!(store.open_executions(None, 100).unwrap().count(), 8);
    let after = std::fs::metadata(&log).unwrap();
    assert_ne!(before.ino(), after.ino());
    assert_eq!(before.mode(), after.mode());
    assert_eq!(std::fs::read(&log).unwrap()[..bytes.len()], bytes);
    assert_eq!([old.metadata().unwrap().len(), after.len()], [bytes.len() as u64; 2]);
    assert!(!folder.path().join("stepwell.db-wal.copy").exists());
}

/// Commits that failed after they were written, on a full disk, each shorter than the one before: what they left behind lies
/// in the log one behind the other.
#[test]
fn what_failed_commits_leave_behind_is_no_damage() {
    let (folder, log) = crashed(8);
    let sound = std::fs::read(&log).unwrap();
    let mut left: Vec<u8> = Vec::new();
    for pages in [40, 30, 20, 10] {
        // The same log goes on in as many ways, each made of the folder as it was.
        let copy = tempfile::tempdir().unwrap();
        std::fs::copy(folder.path().join("stepwell.db"), copy.path().join("stepwell.db")).unwrap();
        std::fs::write(copy.path().join("stepwell.db-wal"), &sound).unwrap();
        let connection = Connection::open(copy.path().join("stepwell.db")).unwrap();
        let insert = "INSERT INTO contents VALUES (1, 1, zeroblob(?1 * 4096))";
        connection.execute(insert, [pages]).unwrap();
        let bytes = std::fs::read(copy.path().join("stepwell.db-wal")).unwrap();
        left.resize(left.len().max(bytes.len()), 0);
        left[..bytes.len()].copy_from_slice(&bytes);
    }
    assert_eq!(left[..sound.len()], sound);
    let findings = wal::examine(&*left).unwrap();
    assert_eq!((findings.sound_commits, findings.lost_commits), (10, 1));
    std::fs::write(&log, &left).unwrap();
    assert_eq!(open(folder.path()).open_executions(None, 100).unwrap().count(), 8);
}

/// What was given up does not come back behind what was written afterwards.
#[test]
fn a_log_that_was_cut_off_is_sound() {
    let (folder, log) = crashed(30);
    let mut bytes = std::fs::read(&log).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&log, &bytes).unwrap();
    let options = Options { accept_wal_truncation: true, ..Options::new(folder.path()) };
    let store = SqliteStore::open(&options).unwrap();
    let kept = store.open_executions(None, 100).unwrap().count();
    put(&store, sample::start(&Case::numbered(100)));
    let copy = tempfile::tempdir().unwrap();
    for name in ["stepwell.db", "stepwell.db-wal"] {
        std::fs::copy(folder.path().join(name), copy.path().join(name)).unwrap();
    }
    assert_eq!(open(copy.path()).open_executions(None, 100).unwrap().count(), kept + 1);
}

#[test]
fn a_log_from_before_does_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for key in 1..=30 {
        put(&store, sample::start(&Case::numbered(key)));
    }
    on_writer(&store, |connection| pragma(connection, "wal_checkpoint(PASSIVE)"));
    put(&store, sample::start(&Case::numbered(31)));
    let bytes = std::fs::read(folder.path().join("stepwell.db-wal")).unwrap();
    let findings = wal::examine(&*bytes).unwrap();
    assert_eq!((findings.sound_commits, findings.lost_commits), (1, 0));
    assert!(bytes.len() > 4120 * 100, "the old frames are still there");
}

#[test]
fn reads_run_beside_each_other_and_fail_after_closing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    put(&store, sample::start(&Case::numbered(1)));
    std::thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| (0..20).for_each(|_| assert!(store.load(ExecutionKey(1)).unwrap().is_some())));
        }
    });
    store.close();
    assert_eq!(store.load(ExecutionKey(1)).unwrap_err().to_string(), "the store is closed");
    assert_eq!(store.expire(Timestamp(0), 1).unwrap_err().to_string(), "the store is closed");
}

#[test]
fn groups_that_are_queued_together_share_a_commit() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (hold, held) = mpsc::channel::<()>();
    store.send(Job::Run(Box::new(move |_| held.recv().unwrap())));
    let (sender, receiver) = mpsc::channel();
    for key in 1..=50 {
        let sender = sender.clone();
        let group = vec![sample::start(&Case::numbered(key))];
        store.commit(&group, Box::new(move |outcome| sender.send((key, outcome.is_ok())).unwrap()));
    }
    hold.send(()).unwrap();
    drop(sender);
    let outcomes: Vec<_> = receiver.iter().collect();
    assert_eq!(outcomes, (1..=50).map(|key| (key, true)).collect::<Vec<_>>(), "in their order");
    assert_eq!(store.commits(), 1);
}

#[test]
fn a_caller_that_panics_does_not_stop_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.commit(&[sample::start(&Case::numbered(1))], Box::new(|_| panic!("a bug of the caller")));
    put(&store, sample::start(&Case::numbered(2)));
    assert_eq!(store.open_executions(None, 10).unwrap().count(), 2);
}
