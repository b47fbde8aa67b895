//! The desk where everything that is seen is written down and judged; services, callers and workers report here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stepwell_engine::Answer;
use stepwell_store::ExecutionKey;
use tokio::sync::oneshot;

use crate::agenda::Agenda;
use crate::clock::VirtualClock;
use crate::disk::Disk;
use crate::options::Options;
use crate::plan::Plan;
use crate::properties::{self, Property};
use crate::rng::{Digest, Rng};
use crate::seen::{Seen, View};

/// A property that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The property.
    pub property: &'static str,
    /// What was seen.
    pub what: String,
}

/// The desk's data; outlives crashes.
pub struct Desk {
    /// The future.
    pub agenda: Agenda,
    /// What services and workers do by chance.
    pub rng: Rng,
    /// The options of the world.
    pub options: Options,
    /// Whether the faults are over.
    pub calm: bool,
    /// The time.
    pub clock: Arc<VirtualClock>,
    /// Calls that are not answered while there are faults.
    pub silent: Vec<(oneshot::Sender<Answer>, Answer)>,
    /// Whether anything was seen since the world last asked.
    pub stirred: bool,
    /// What machines' histories may look like, by name.
    pub plans: BTreeMap<String, Plan>,
    expired: BTreeSet<ExecutionKey>,
    properties: Vec<Box<dyn Property>>,
    violation: Option<Violation>,
    digest: Digest,
    trace: bool,
    /// What was seen, when it is traced.
    pub lines: Vec<String>,
}

/// The desk, for everybody.
#[derive(Clone)]
pub struct SharedDesk(Arc<Mutex<Desk>>);

impl SharedDesk {
    /// A desk of a world.
    pub fn new(options: &Options, rng: Rng, clock: &Arc<VirtualClock>, trace: bool) -> SharedDesk {
        SharedDesk(Arc::new(Mutex::new(Desk {
            agenda: Agenda::default(),
            rng,
            options: options.clone(),
            calm: true,
            clock: Arc::clone(clock),
            silent: Vec::new(),
            stirred: false,
            plans: BTreeMap::new(),
            expired: BTreeSet::new(),
            properties: properties::all(),
            violation: None,
            digest: Digest::default(),
            trace,
            lines: Vec::new(),
        })))
    }

    /// The desk.
    pub fn lock(&self) -> MutexGuard<'_, Desk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down what was seen and judges it.
    pub fn see(&self, seen: &Seen<'_>, disk: &Disk) {
        self.lock().see(seen, disk);
    }
}

impl Desk {
    /// Writes down what was seen and judges it by every property; the first that does not hold is kept.
    pub fn see(&mut self, seen: &Seen<'_>, disk: &Disk) {
        self.stirred |= !matches!(seen, Seen::Looked(..) | Seen::Committed(_) | Seen::Quarantined { .. });
        if !matches!(seen, Seen::Looked(..) | Seen::Quarantined { executions: [], .. }) {
            self.note(&format!("{seen:?}"));
        }
        if let Seen::Expired { gone, .. } = seen {
            self.expired.extend(gone.iter().map(|record| record.key));
        }
        let view = View { store: disk.sound(), disk, clock: &self.clock, plans: &self.plans, expired: &self.expired };
        for property in &mut self.properties {
            if self.violation.is_none()
                && let Err(what) = property.see(seen, &view)
            {
                self.violation = Some(Violation { property: property.name(), what });
            }
        }
    }

    /// Writes down something that is no observation.
    pub fn note(&mut self, text: &str) {
        let line = format!("{:>9} {text}", self.clock.elapsed());
        self.digest.add(&line);
        if self.trace {
            self.lines.push(line);
        }
    }

    /// Notes a violation that the world itself has found.
    pub fn violated(&mut self, property: &'static str, what: String) {
        self.violation.get_or_insert(Violation { property, what });
    }

    /// What does not hold.
    pub fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    /// The hash of everything written down.
    pub fn digest(&self) -> u64 {
        self.digest.value()
    }
}
