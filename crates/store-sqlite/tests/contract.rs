//! The contract of all backends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // test code

use stepwell_store::Store;
use stepwell_store::contract::Harness;
use stepwell_store_sqlite::{Options, SqliteStore};

struct Folder {
    store: SqliteStore,
    folder: tempfile::TempDir,
}

impl Folder {
    fn new() -> Folder {
        let folder = tempfile::tempdir().unwrap();
        Folder { store: open(folder.path()), folder }
    }
}

fn open(folder: &std::path::Path) -> SqliteStore {
    SqliteStore::open(&Options { checkpoint_mib: 1, ..Options::new(folder) }).unwrap()
}

impl Harness for Folder {
    fn store(&self) -> &dyn Store {
        &self.store
    }

    fn reopen(&mut self) -> bool {
        self.store.close();
        self.store = open(self.folder.path());
        true
    }
}

stepwell_store::contract_tests!(Folder::new());
