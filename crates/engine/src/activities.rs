//! Activities: tasks that wait for a worker, and workers that wait for a task.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
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

/// The place of a worker in the queue. When it hangs up, a task that was already on its way to it is offered again.
pub(crate) struct Coming<'a> {
    activities: &'a Activities,
    arn: Arc<str>,
    receiver: oneshot::Receiver<Offer>,
}

impl Coming<'_> {
    /// Waits for the next task; `None` when none came until then.
    pub async fn until(mut self, end: tokio::time::Instant) -> Option<Offer> {
        tokio::time::timeout_at(end, &mut self.receiver).await.ok()?.ok()
    }
}

impl Drop for Coming<'_> {
    fn drop(&mut self) {
        self.receiver.close();
        if let Ok(offer) = self.receiver.try_recv() {
            self.activities.offer(&self.arn, offer);
        }
    }
}

/// All activities with their queues. Only in memory: recovery offers the tasks again.
#[derive(Default)]
pub struct Activities(Mutex<State>);

#[derive(Default)]
struct State {
    known: HashSet<Arc<str>>,
    queues: HashMap<Arc<str>, Queue>,
    /// Where each offer is, so that one among very many is withdrawn without a search.
    places: HashMap<TaskRef, (Arc<str>, u64)>,
    /// The number the next offer gets.
    next: u64,
}

#[derive(Default)]
struct Queue {
    /// By number: the oldest first.
    offers: BTreeMap<u64, Offer>,
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
        let state = &mut *self.lock();
        let queue = state.queues.entry(Arc::clone(arn)).or_default();
        while let Some(worker) = queue.workers.pop_front() {
            match worker.send(offer) {
                Ok(()) => return,
                Err(returned) => offer = returned, // that worker has gone
            }
        }
        state.places.insert(offer.task, (Arc::clone(arn), state.next));
        queue.offers.insert(state.next, offer);
        state.next += 1;
    }

    /// Withdraws a task.
    pub(crate) fn withdraw(&self, task: TaskRef) {
        let state = &mut *self.lock();
        let Some((arn, number)) = state.places.remove(&task) else { return };
        if let Some(queue) = state.queues.get_mut(&arn) {
            queue.offers.remove(&number);
        }
    }

    /// Takes a task, or queues up for one.
    pub(crate) fn take(&self, arn: &str) -> Result<Offer, Coming<'_>> {
        let state = &mut *self.lock();
        let queue = state.queues.entry(Arc::from(arn)).or_default();
        if let Some((_, offer)) = queue.offers.pop_first() {
            state.places.remove(&offer.task);
            return Ok(offer);
        }
        queue.workers.retain(|worker| !worker.is_closed());
        let (sender, receiver) = oneshot::channel();
        queue.workers.push_back(sender);
        Err(Coming { activities: self, arn: Arc::from(arn), receiver })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{Activities, Offer};
    use crate::token::TaskRef;
    use stepwell_interpreter::FrameId;
    use stepwell_store::ExecutionKey;

    #[test]
    fn offers_are_taken_in_their_order_but_for_those_withdrawn() {
        let (activities, arn) = (Activities::default(), std::sync::Arc::from("pack"));
        let task = |key| TaskRef { key: ExecutionKey(key), frame: FrameId(0), epoch: 1 };
        for key in 1..=3 {
            activities.offer(&arn, Offer { task: task(key), input: stepwell_value::Payload::default() });
        }
        activities.withdraw(task(2));
        activities.withdraw(task(9));
        let taken: Vec<_> = (0..2).filter_map(|_| activities.take(&arn).ok()).map(|offer| offer.task).collect();
        assert_eq!(taken, [task(1), task(3)]);
        assert!(activities.take(&arn).is_err());
        assert!(activities.lock().places.is_empty());
    }

    #[test]
    fn a_task_on_its_way_to_a_worker_that_hangs_up_goes_to_the_next() {
        let (activities, arn) = (Activities::default(), std::sync::Arc::from("pack"));
        let offer = |key| Offer {
            task: TaskRef { key: ExecutionKey(key), frame: FrameId(0), epoch: 1 },
            input: stepwell_value::Payload::default(),
        };
        let Err(hangs_up) = activities.take(&arn) else { panic!("there is no task yet") };
        activities.offer(&arn, offer(1));
        assert!(activities.take(&arn).is_err(), "it is on its way");
        drop(hangs_up);
        assert_eq!(activities.take(&arn).map(|offer| offer.task.key).ok(), Some(ExecutionKey(1)));
        activities.offer(&arn, offer(2));
        assert_eq!(activities.take(&arn).map(|offer| offer.task.key).ok(), Some(ExecutionKey(2)));
    }
}
