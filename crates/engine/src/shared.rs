//! What all shards and handles share.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

use stepwell_asl::Definition;
use stepwell_store::record::ExecutionRecord;
use stepwell_store::{Error, ExecutionKey, Store};

use crate::activities::Activities;
use crate::clock::Clock;
use crate::config::Config;
use crate::definitions::Definitions;
use crate::integration::Dispatcher;
use crate::known::KnownMachines;
use crate::map_run_stops::Stops;
use crate::map_run_updates::Changeable;
use crate::quarantine::Quarantine;
use crate::shard::Message;

/// Virtual shards; an execution's shard never changes.
pub(crate) const SHARDS: u64 = 1024;

pub(crate) struct Shared {
    pub config: Config,
    pub store: Arc<dyn Store>,
    pub clock: Arc<dyn Clock>,
    pub dispatcher: Arc<dyn Dispatcher>,
    pub definitions: Definitions,
    pub known_machines: KnownMachines,
    pub activities: Activities,
    pub map_runs: Changeable,
    pub map_run_stops: Stops,
    pub quarantine: Quarantine,
    pub runtime: tokio::runtime::Handle,
    pub mailboxes: Vec<Mailbox>,
    pub next_key: AtomicU64,
    /// A random number of this start of the engine.
    pub incarnation: u64,
    pub registry_lock: tokio::sync::Mutex<()>,
}

/// Where a loop is spoken to.
pub(crate) struct Mailbox {
    pub sender: mpsc::Sender<Message>,
    /// Messages that were sent and not yet taken.
    pub waiting: Arc<AtomicUsize>,
}

impl Shared {
    /// A key nobody has used.
    pub fn new_key(&self) -> ExecutionKey {
        ExecutionKey(self.next_key.fetch_add(1, Ordering::Relaxed))
    }

    /// The definition that an execution runs.
    ///
    /// # Errors
    /// When the store fails or the text does not compile.
    pub fn definition_of(&self, record: &ExecutionRecord) -> Result<Arc<Definition>, Error> {
        let scope = crate::registry::Scope::of_arn(&record.identity.state_machine_arn).to_string();
        self.definitions.get(&*self.store, &scope, record.machine, &record.revision_id)
    }

    /// The loop that owns an execution.
    pub fn loop_of(&self, key: ExecutionKey) -> usize {
        let shard = key.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 54; // the upper 10 bits: 0..1024
        debug_assert!(shard < SHARDS);
        usize::try_from(shard).unwrap_or(0) % self.mailboxes.len().max(1)
    }

    /// Sends a message to the loop that owns an execution. A loop that has ended drops it, as a stopped process would.
    pub fn send(&self, key: ExecutionKey, message: Message) {
        if let Some(mailbox) = self.mailboxes.get(self.loop_of(key)) {
            mailbox.waiting.fetch_add(1, Ordering::Relaxed);
            let _ = mailbox.sender.send(message);
        }
    }

    /// Whether the loop that owns an execution has more to do than it may put off.
    pub fn is_overloaded(&self, key: ExecutionKey) -> bool {
        let mailbox = self.mailboxes.get(self.loop_of(key));
        mailbox.is_some_and(|mailbox| mailbox.waiting.load(Ordering::Relaxed) > self.config.mailbox_max)
    }
}
