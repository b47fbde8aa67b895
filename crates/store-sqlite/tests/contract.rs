//! The contract of all backends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // test code

use stepwell_store::contract::Harness;
use stepwell_store::contract::open::Part;
use stepwell_store::{ExecutionKey, Store};
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

    fn damage(&mut self, part: Part, key: ExecutionKey) -> bool {
        let (table, column) = match part {
            Part::Row => ("executions", "body"),
            Part::Frame => ("open", "frame"),
            Part::Chunk => ("history", "chunk"),
        };
        let flipped = format!(
            "UPDATE {table} SET {column} = CAST(substr({column}, 1, length({column}) / 2)
            || char(31) || substr({column}, length({column}) / 2 + 2) AS BLOB) WHERE key = ?1"
        );
        let changed = rusqlite::Connection::open(self.store.path()).unwrap();
        assert!(changed.execute(&flipped, [key.0.cast_signed()]).unwrap() > 0);
        true
    }
}

stepwell_store::contract_tests!(Folder::new());
