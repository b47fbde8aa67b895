//! State machines that were looked up lately, so that a start reads nothing from the store.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::registry::Resolved;

/// How many machines are kept.
const KEPT: usize = 10_000;

/// What ARNs without version or alias mean, until a record of the registry changes.
#[derive(Default)]
pub(crate) struct KnownMachines(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// Grows with every change of the registry; what was read before a change is not kept after it.
    generation: u64,
    known: HashMap<String, Resolved>,
}

impl KnownMachines {
    /// What an ARN means, if it is known; otherwise the generation to hand to [`KnownMachines::keep`].
    pub fn get(&self, arn: &str) -> Result<Resolved, u64> {
        let inner = self.lock();
        inner.known.get(arn).cloned().ok_or(inner.generation)
    }

    /// Keeps what was read, unless the registry has changed since the generation was told.
    pub fn keep(&self, generation: u64, arn: &str, resolved: &Resolved) {
        let mut inner = self.lock();
        if inner.generation != generation {
            return;
        }
        if inner.known.len() >= KEPT {
            inner.known.clear(); // rare; those in use are read again
        }
        inner.known.insert(arn.to_owned(), resolved.clone());
    }

    /// The registry has changed.
    pub fn forget(&self) {
        let mut inner = self.lock();
        inner.generation += 1;
        inner.known.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
