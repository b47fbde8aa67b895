//! Compiled definitions, shared between shards.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use stepwell_asl::{Definition, MachineType, Options};
use stepwell_store::record::RecordBody;
use stepwell_store::{Error, MachineKey, RecordKind, Store};

/// How many definitions stay compiled.
const KEPT: usize = 2_000;

/// A cache of compiled definitions by machine and revision.
#[derive(Default)]
pub(crate) struct Definitions(Mutex<Known>);

/// Machine and revision → definition.
type Known = HashMap<(MachineKey, Arc<str>), Arc<Definition>>;

impl Definitions {
    /// The definition of a revision, compiled when it is not at hand.
    ///
    /// # Errors
    /// When the store fails, or the stored text does not compile (then it was written by another version).
    pub fn get(
        &self,
        store: &dyn Store,
        scope: &str,
        machine: MachineKey,
        revision: &Arc<str>,
    ) -> Result<Arc<Definition>, Error> {
        let key = (machine, Arc::clone(revision));
        if let Some(known) = self.lock().get(&key) {
            return Ok(Arc::clone(known));
        }
        let name = crate::registry::revision_name(machine, revision);
        let record = store.record(RecordKind::Revision, scope, &name)?;
        let Some(RecordBody::Revision(record)) = record.map(|record| record.body) else {
            return Err(Error::Damaged { what: format!("revision {name}"), why: "it is missing".to_owned() });
        };
        let options = Options { machine_type: MachineType::Standard, warnings: false };
        let compiled = stepwell_asl::compile(&record.definition, &options);
        let Some(definition) = compiled.definition else {
            let why = stepwell_asl::aws_message(&compiled.diagnostics);
            return Err(Error::Damaged { what: format!("revision {name}"), why });
        };
        Ok(self.put(machine, revision, Arc::new(definition)))
    }

    /// Keeps a definition that was compiled already.
    pub fn put(&self, machine: MachineKey, revision: &Arc<str>, definition: Arc<Definition>) -> Arc<Definition> {
        let mut known = self.lock();
        if known.len() >= KEPT {
            known.clear(); // rare; those in use are compiled again
        }
        known.insert((machine, Arc::clone(revision)), Arc::clone(&definition));
        definition
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
