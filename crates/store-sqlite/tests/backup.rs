//! Backups of a store that is at work, and what becomes of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // test code

mod common;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use common::{fill, open, put_ended};
use rusqlite::Connection;
use stepwell_store::contract::put;
use stepwell_store::sample::{self, Case};
use stepwell_store::{Error, ExecutionKey, Store};
use stepwell_store_sqlite::backup::{backup, restore};
use stepwell_store_sqlite::verify::{self, Kind};
use stepwell_store_sqlite::{Options, SqliteStore};

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// What was acknowledged before a backup began is in it, whatever is written meanwhile.
#[test]
fn backups_under_load_have_everything_from_before() {
    let (folder, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(folder.path());
    fill(&store);
    let (stop, acknowledged) = (AtomicBool::new(false), AtomicU64::new(9));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for key in (10..).take_while(|_| !stop.load(Ordering::Relaxed)) {
                match key % 3 {
                    0 => put(&store, sample::start(&Case::named(key, 1, &format!("more-{key}")))),
                    _ => put_ended(&store, &Case::numbered(key)),
                }
                acknowledged.store(key, Ordering::Relaxed);
            }
        });
        let _stop = common::Stop(&stop);
        for round in 0..8 {
            let before = acknowledged.load(Ordering::Relaxed);
            let file = out.path().join(format!("backup-{round}"));
            let report = backup(folder.path(), &file).unwrap();
            assert!(report.is_sound() && report.count(Kind::Executions).seen >= before, "{before}: {report:?}");
            let target = out.path().join(format!("restored-{round}"));
            let restored = restore(&file, &target, false).unwrap();
            assert_eq!((&restored.report, restored.replaced), (&report, None));
            let copy = open(&target);
            assert_eq!(copy.secret(), store.secret());
            for key in (1..=before).map(ExecutionKey) {
                let (there, found) = (store.execution(key).unwrap(), copy.execution(key).unwrap());
                assert_eq!(found.map(|it| it.identity), there.map(|it| it.identity), "{key:?}");
                assert_eq!(copy.load(key).unwrap().is_some(), store.load(key).unwrap().is_some(), "{key:?}");
            }
            assert_eq!(copy.last_key().unwrap().0, report.count(Kind::Executions).seen + (1 << 32));
        }
    });
    let left = names(out.path());
    assert!(left.iter().all(|name| name.starts_with("backup-") || name.starts_with("restored-")), "{left:?}");
    assert_eq!(left.len(), 16, "{left:?}");
}

#[test]
fn a_backup_replaces_nothing_and_needs_data() {
    let (folder, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = out.path().join("file");
    let error = backup(folder.path(), &file).unwrap_err().to_string();
    assert!(error.contains("stepwell.db: No such file"), "{error}");
    fill(&open(folder.path()));
    std::fs::write(&file, "mine").unwrap();
    let error = backup(folder.path(), &file).unwrap_err().to_string();
    assert!(error.ends_with("file exists; a backup replaces nothing, choose another name"), "{error}");
    let error = backup(folder.path(), &out.path().join("no/file")).unwrap_err().to_string();
    assert!(error.starts_with("cannot make "), "{error}");
    assert_eq!(names(out.path()), ["file"]);
}

#[test]
fn damage_is_not_backed_up_unnoticed() {
    let (folder, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fill(&open(folder.path()));
    let changed = Connection::open(folder.path().join("stepwell.db")).unwrap();
    changed.execute("UPDATE history SET chunk = x'01' WHERE key = 2 AND first = 6", []).unwrap();
    let error = backup(folder.path(), &out.path().join("file")).unwrap_err();
    assert!(matches!(&error, Error::Damaged { why, .. } if why.contains("execution 2: the chunk")), "{error}");
    assert_eq!(names(out.path()), ["file.damaged"]);
}

/// Without a server, a log that is damaged in the middle would be cut off by the copy.
#[test]
fn a_damaged_log_is_not_backed_up() {
    let (folder, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(folder.path());
    fill(&store);
    std::fs::copy(folder.path().join("stepwell.db"), copy.path().join("stepwell.db")).unwrap();
    let mut log = std::fs::read(folder.path().join("stepwell.db-wal")).unwrap();
    let middle = log.len() / 2;
    log[middle] ^= 1;
    std::fs::write(copy.path().join("stepwell.db-wal"), &log).unwrap();
    let error = backup(copy.path(), &copy.path().join("file")).unwrap_err();
    assert!(matches!(&error, Error::Damaged { what, .. } if what.ends_with("stepwell.db-wal")), "{error}");
    let options = Options { accept_wal_truncation: true, ..Options::new(copy.path()) };
    SqliteStore::open(&options).unwrap().close();
    let kept = std::fs::read(copy.path().join("stepwell.db-wal.damaged-1")).unwrap();
    assert_eq!(kept, log, "the log as it was is kept");
    assert!(backup(copy.path(), &copy.path().join("file")).unwrap().is_sound());
}

#[test]
fn what_cannot_be_restored_is_refused_and_nothing_touched() {
    let (folder, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(folder.path());
    fill(&store);
    let file = out.path().join("file");
    backup(folder.path(), &file).unwrap();
    let target = out.path().join("target");
    let refused = |file: &Path, folder: &Path, force| restore(file, folder, force).unwrap_err().to_string();

    let error = refused(&folder.path().join("stepwell.db"), &target, false);
    assert!(error.contains("there is a write-ahead log, so this is no backup"), "{error}");
    let error = refused(folder.path(), &target, false);
    assert!(error.ends_with("is no file"), "{error}");
    let sound = std::fs::read(&file).unwrap();
    for (at, with, part) in [(0, b'x', "file is not a database"), (63, 9, "written by a newer version")] {
        let mut damaged = sound.clone();
        damaged[at] = with;
        let place = out.path().join("damaged");
        std::fs::write(&place, &damaged).unwrap();
        let error = refused(&place, &target, false);
        assert!(error.contains(part), "byte {at}: {error}");
    }
    let half = out.path().join("half");
    std::fs::write(&half, &sound[..sound.len() / 2]).unwrap();
    assert!(refused(&half, &target, true).contains("is damaged: "));
    assert!(!target.exists(), "nothing was made");
    // Sound, but of a form of files that SQLite reads and does not write.
    let mut fixed = sound.clone();
    fixed[18] = 9;
    std::fs::write(&half, &fixed).unwrap();
    assert!(refused(&half, &target, true).contains("readonly"));
    assert_eq!(names(&target), ["stepwell.lock"]);

    let error = refused(&file, folder.path(), false);
    assert!(error.contains("is not empty; choose another, or set what is there aside with --force"), "{error}");
    let error = refused(&file, folder.path(), true);
    assert!(error.contains("is in use by another process"), "{error}");
    assert!(store.load(ExecutionKey(4)).unwrap().is_some());
}

#[test]
fn with_force_the_old_data_is_set_aside() {
    let (folder, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = out.path().join("file");
    let store = open(folder.path());
    fill(&store);
    backup(folder.path(), &file).unwrap();
    put(&store, sample::start(&Case::numbered(10)));
    store.close();
    let restored = restore(&file, folder.path(), true).unwrap();
    assert_eq!(restored.replaced.as_deref(), Some(folder.path().join("replaced-1").as_path()));
    let (old, new) =
        (verify::folder(&folder.path().join("replaced-1")).unwrap(), verify::folder(folder.path()).unwrap());
    assert_eq!((old.count(Kind::Executions).seen, new.count(Kind::Executions).seen), (10, 9));
    let store = open(folder.path());
    assert_eq!(store.execution(ExecutionKey(10)).unwrap(), None);
    store.close();
    assert_eq!(restore(&file, folder.path(), true).unwrap().replaced, Some(folder.path().join("replaced-2")));
}

#[test]
fn an_interrupted_restore_is_no_data() {
    let (folder, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (file, target) = (out.path().join("file"), out.path().join("target"));
    fill(&open(folder.path()));
    backup(folder.path(), &file).unwrap();
    std::fs::create_dir(&target).unwrap();
    std::fs::write(target.join("stepwell.db.restoring"), "half").unwrap();
    let error = SqliteStore::open(&Options::new(&target)).err().unwrap().to_string();
    assert!(error.contains("was interrupted") && error.contains("run it again: stepwell restore"), "{error}");
    restore(&file, &target, false).unwrap();
    assert!(open(&target).load(ExecutionKey(4)).unwrap().is_some());
    assert_eq!(names(&target), ["stepwell.db", "stepwell.lock"]);
}

#[cfg(unix)]
#[test]
fn only_its_owner_may_read_a_backup() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fill(&open(folder.path()));
    let file = out.path().join("file");
    backup(folder.path(), &file).unwrap();
    restore(&file, &out.path().join("target"), false).unwrap();
    for path in [file, out.path().join("target/stepwell.db")] {
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
