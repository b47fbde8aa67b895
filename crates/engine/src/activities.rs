//! Activities: tasks that wait for a worker, and workers that wait for a task.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stepwell_value::Payload;
use tokio::sync::oneshot;

use crate::token::TaskRef;

/// A task a worker has taken.
#[derive(Clone, Debug, PartialEq)]
pub struct ActivityTask {
    /// The token the worker answers with.
    pub token: String,
    /// The task's input.
    pub input: Payload,
}

/// A scheduled activity task that no worker has yet.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    pub task: TaskRef,
    pub input: Payload,
}

/// All activities with their queues. Only in memory: recovery offers the tasks again.
#[derive(Default)]
pub struct Activities(Mutex<State>);

#[derive(Default)]
struct State {
    known: HashSet<Arc<str>>,
    queues: HashMap<Arc<str>, Queue>,
}

#[derive(Default)]
struct Queue {
    offers: VecDeque<Offer>,
    workers: VecDeque<oneshot::Sender<Offer>>,
}

impl Activities {
    /// Makes an activity known.
    pub fn add(&self, arn: Arc<str>) {
        self.lock().known.insert(arn);
    }

    /// Forgets an activity; tasks that wait for a worker stay where they are and time out.
    pub fn remove(&self, arn: &str) {
        self.lock().known.remove(arn);
    }

    /// Whether an activity was made known since the start.
    pub fn is_known(&self, arn: &str) -> bool {
        self.lock().known.contains(arn)
    }

    /// Offers a task to the worker that waits longest, or to the next one that comes.
    pub(crate) fn offer(&self, arn: &Arc<str>, mut offer: Offer) {
        let mut state = self.lock();
        let queue = state.queues.entry(Arc::clone(arn)).or_default();
        while let Some(worker) = queue.workers.pop_front() {
            match worker.send(offer) {
                Ok(()) => return,
                Err(returned) => offer = returned, // that worker has gone
            }
        }
        queue.offers.push_back(offer);
    }

    /// Withdraws a task.
    pub(crate) fn withdraw(&self, task: TaskRef) {
        for queue in self.lock().queues.values_mut() {
            queue.offers.retain(|offer| offer.task != task);
        }
    }

    /// Takes a task, or queues up for one.
    pub(crate) fn take(&self, arn: &str) -> Result<Offer, oneshot::Receiver<Offer>> {
        let mut state = self.lock();
        let queue = state.queues.entry(Arc::from(arn)).or_default();
        if let Some(offer) = queue.offers.pop_front() {
            return Ok(offer);
        }
        queue.workers.retain(|worker| !worker.is_closed());
        let (sender, receiver) = oneshot::channel();
        queue.workers.push_back(sender);
        Err(receiver)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
