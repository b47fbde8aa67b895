//! Executions that cannot go on: something of them is damaged, or the program panics over them.
//!
//! They are named in the log and left alone: nothing of them is written, all others go on, and the next start (or the next
//! command) tries again. What is asked of them is answered with [`Error::Damaged`].

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use stepwell_store::{Error, ExecutionKey, Store};

/// Why executions cannot go on, by key.
#[derive(Default)]
pub(crate) struct Quarantine(Mutex<BTreeMap<ExecutionKey, String>>);

impl Quarantine {
    /// Notes that an execution cannot go on, and names it in the log.
    pub fn put(&self, store: &dyn Store, key: ExecutionKey, why: String) {
        let record = store.execution(key).ok().flatten();
        let arn = record.map_or_else(|| "unknown".into(), |record| record.identity.execution_arn.clone());
        tracing::error!(execution = key.0, %arn, %why, "an execution is quarantined: it stays as it is stored; all others go on");
        self.lock().insert(key, why);
    }

    /// Whether this execution is among them.
    pub fn has(&self, key: ExecutionKey) -> bool {
        self.lock().contains_key(&key)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// All of them, and why.
    pub fn all(&self) -> Vec<(ExecutionKey, String)> {
        self.lock().iter().map(|(key, why)| (*key, why.clone())).collect()
    }

    /// What to say of an execution that a command could not be applied to.
    pub fn error(&self, store: &dyn Store, key: ExecutionKey) -> Error {
        let what = format!("execution {}", key.0);
        match (store.load(key), self.lock().get(&key)) {
            (Err(error), _) => error,
            (Ok(_), Some(why)) => Error::Damaged { what, why: why.clone() },
            (Ok(_), None) => Error::Backend(format!("{what} could not be written")),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<ExecutionKey, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A panic as damage of the execution whose step it was.
pub(crate) fn panicked(key: ExecutionKey, panic: &(dyn Any + Send)) -> Error {
    let said =
        panic.downcast_ref::<&str>().map(ToString::to_string).or_else(|| panic.downcast_ref::<String>().cloned());
    let why = format!("the program panics over it: {}", said.unwrap_or_default());
    Error::Damaged { what: format!("execution {}", key.0), why }
}
