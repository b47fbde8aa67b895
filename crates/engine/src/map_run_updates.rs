//! Map Runs that are under way: changing them (UpdateMapRun), and how far they are. The task that carries a run out is the
//! only one that writes its record, so that a change is handed to it; its counts are stored only at the end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stepwell_interpreter::Status;
use stepwell_store::Error;
use stepwell_store::record::{MapRunCounts, MapRunRecord};
use tokio::sync::{mpsc, oneshot};

use crate::handle::Handle;
use crate::registry;

/// What is to be changed; `None` leaves it as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MapRunUpdate {
    /// Children that may run at a time; 0: as many as the server allows.
    pub max_concurrency: Option<u64>,
    /// Children that may fail.
    pub tolerated_count: Option<u64>,
    /// The share of children that may fail, 0 to 100.
    pub tolerated_percentage: Option<f64>,
}

impl MapRunUpdate {
    /// Changes the record.
    pub(crate) fn apply(self, record: &mut MapRunRecord) {
        record.max_concurrency = self.max_concurrency.unwrap_or(record.max_concurrency);
        record.tolerated_count = self.tolerated_count.or(record.tolerated_count);
        record.tolerated_percentage = self.tolerated_percentage.or(record.tolerated_percentage);
    }
}

/// Why a Map Run was not changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// There is none with this ARN.
    #[error("there is no such Map Run")]
    NotFound,
    /// It is over.
    #[error("the Map Run has ended")]
    Ended,
    /// It is about to begin, or to go on after a restart; trying again helps.
    #[error("the Map Run does not take changes now")]
    Unavailable,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

/// A change on its way to a run.
pub(crate) type Change = (MapRunUpdate, oneshot::Sender<Result<(), Error>>);

/// The runs that are under way.
#[derive(Default)]
pub(crate) struct Changeable(Mutex<HashMap<Arc<str>, UnderWay>>);

struct UnderWay {
    sender: mpsc::UnboundedSender<Change>,
    counts: MapRunCounts,
}

/// The changes of one run, for as long as it is carried out.
pub(crate) struct Changes<'a> {
    of: &'a Changeable,
    arn: Arc<str>,
    sender: mpsc::UnboundedSender<Change>,
    receiver: mpsc::UnboundedReceiver<Change>,
}

impl Changeable {
    /// Takes changes of a run from now on, until what is given back is dropped.
    pub fn open(&self, arn: &Arc<str>) -> Changes<'_> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let under_way = UnderWay { sender: sender.clone(), counts: MapRunCounts::default() };
        self.lock().insert(Arc::clone(arn), under_way);
        Changes { of: self, arn: Arc::clone(arn), sender, receiver }
    }

    fn sender(&self, arn: &str) -> Option<mpsc::UnboundedSender<Change>> {
        self.lock().get(arn).map(|run| run.sender.clone())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, UnderWay>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Changes<'_> {
    /// Tells how the run's children stand.
    pub fn tell(&self, counts: MapRunCounts) {
        if let Some(run) = self.of.lock().get_mut(&self.arn) {
            run.counts = counts;
        }
    }

    /// The next change.
    pub async fn next(&mut self) -> Change {
        match self.receiver.recv().await {
            Some(change) => change,
            None => std::future::pending().await, // `self` holds a sender, so that there is always one
        }
    }
}

impl Drop for Changes<'_> {
    /// Closes this run's way in; not that of a task which has taken its place.
    fn drop(&mut self) {
        let mut runs = self.of.lock();
        if runs.get(&self.arn).is_some_and(|run| run.sender.same_channel(&self.sender)) {
            runs.remove(&self.arn);
        }
    }
}

impl Handle {
    /// How the children of a Map Run stand that is under way: those that have ended. `None` when it is not under way.
    pub fn map_run_counts(&self, arn: &str) -> Option<MapRunCounts> {
        self.changeable_map_runs().lock().get(arn).map(|run| run.counts)
    }

    /// Changes a Map Run that is under way; durable when it returns. More children are started at once when more may run;
    /// none is stopped when fewer may.
    ///
    /// # Errors
    /// See [`UpdateError`].
    pub async fn update_map_run(&self, arn: &str, update: MapRunUpdate) -> Result<(), UpdateError> {
        let record = registry::map_run(&**self.store(), arn)?.ok_or(UpdateError::NotFound)?;
        if record.status != Status::Running {
            return Err(UpdateError::Ended);
        }
        let (reply, applied) = oneshot::channel();
        let sender = self.changeable_map_runs().sender(arn).ok_or(UpdateError::Unavailable)?;
        sender.send((update, reply)).map_err(|_| UpdateError::Ended)?;
        Ok(applied.await.map_err(|_| UpdateError::Ended)??)
    }
}
