//! A disk that is really full. Runs only where there is one small enough:
//!
//! ```text
//! mount -t tmpfs -o size=16m none /mnt/small
//! STEPWELL_SMALL_DISK=/mnt/small cargo nextest run -p stepwell-store-sqlite disk
//! ```
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // test code

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
