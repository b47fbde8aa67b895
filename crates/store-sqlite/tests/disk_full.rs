//! A disk that is really full. Runs only where there is one small enough:
//!
//! ```text
//! mount -t tmpfs -o size=16m none /mnt/small
//! STEPWELL_SMALL_DISK=/mnt/small cargo nextest run -p stepwell-store-sqlite disk
//! ```
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // test code

use std::io::Write as _;
use std::path::PathBuf;

use stepwell_store::contract::commit;
use stepwell_store::sample::{self, Case};
use stepwell_store::{Error, ExecutionKey, Store};
use stepwell_store_sqlite::{Options, SqliteStore};

#[test]
fn a_full_disk_loses_nothing_and_is_survived() {
    let Ok(disk) = std::env::var("STEPWELL_SMALL_DISK") else { return };
    let folder = PathBuf::from(disk).join("data");
    let _ = std::fs::remove_dir_all(&folder);
    let options = Options { checkpoint_mib: 2, ..Options::new(&folder) };
    let store = SqliteStore::open(&options).unwrap();
    let ballast = folder.join("ballast");
    std::fs::write(&ballast, vec![1; 4 << 20]).unwrap();
    let start = |key: u64| (key..key + 20).map(|key| sample::start(&Case::named(key, 1, &key.to_string()))).collect();
    let mut refused = 0;
    let mut kept = Vec::new();
    for key in (1..).step_by(20) {
        match commit(&store, start(key)) {
            Ok(outcomes) => {
                assert!(outcomes.iter().all(Result::is_ok));
                kept.push(key);
            }
            Err(Error::Backend(text)) => {
                assert!(text.starts_with("no space left on the disk of "), "{text}");
                refused += 1;
                if refused == 5 {
                    std::fs::remove_file(&ballast).unwrap();
                }
            }
            Err(other) => panic!("{other}"),
        }
        if refused >= 5 && kept.last().is_some_and(|last| *last == key) && kept.len() % 50 == 0 {
            break;
        }
    }
    let check = |store: &SqliteStore| {
        for key in kept.iter().flat_map(|key| *key..*key + 20) {
            assert!(store.load(ExecutionKey(key)).unwrap().is_some(), "{key}");
        }
    };
    check(&store);
    store.close();
    check(&SqliteStore::open(&options).unwrap());
    assert!(refused >= 5 && kept.len() > 50, "{refused} refused, {} kept", kept.len());
}

/// A start that finds no room to copy the log, as it does to know it on the disk, goes on with the log as it is.
#[test]
fn a_start_after_a_crash_needs_no_room_for_the_log() {
    const LEFT: usize = 160 << 10;
    let Ok(disk) = std::env::var("STEPWELL_SMALL_DISK") else { return };
    let [before, folder] = ["before", "crashed"].map(|name| PathBuf::from(&disk).join(name));
    for folder in [&before, &folder] {
        let _ = std::fs::remove_dir_all(folder);
    }
    let store = SqliteStore::open(&Options::new(&before)).unwrap();
    for key in 1..=50 {
        let group = vec![sample::start(&Case::named(key, 1, &key.to_string()))];
        assert_eq!(commit(&store, group).unwrap(), [Ok(())]);
    }
    std::fs::create_dir(&folder).unwrap();
    for name in ["stepwell.db", "stepwell.db-wal"] {
        std::fs::copy(before.join(name), folder.join(name)).unwrap();
    }
    store.close();
    std::fs::remove_dir_all(&before).unwrap();
    let log = folder.join("stepwell.db-wal");
    assert!(std::fs::metadata(&log).unwrap().len() > 2 * LEFT as u64);

    let ballast = folder.join("ballast");
    let mut filling = std::fs::File::create(&ballast).unwrap();
    let mut size = 0;
    while filling.write_all(&[1; 4096]).is_ok() {
        size += 4096;
    }
    filling.set_len(size - LEFT as u64).unwrap();
    let store = SqliteStore::open(&Options::new(&folder)).unwrap();
    for key in 1..=50 {
        assert!(store.load(ExecutionKey(key)).unwrap().is_some(), "{key}");
    }
    assert!(!folder.join("stepwell.db-wal.copy").exists());
    std::fs::remove_file(&ballast).unwrap();
}
