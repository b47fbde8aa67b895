//! Map Runs whose children are being stopped, since they were given up. A run that is redriven in the meantime waits for
//! that, lest the children it starts again are stopped too.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// The runs that are being stopped, how often, and who waits for the end of that.
#[derive(Default)]
pub(crate) struct Stops(Mutex<Stopping>);

/// ARN → how often the run is being stopped, and who waits.
type Stopping = HashMap<Arc<str>, (usize, Vec<oneshot::Sender<()>>)>;

impl Stops {
    /// Notes that a run is being stopped.
    pub fn begin(&self, arn: &Arc<str>) {
        self.lock().entry(Arc::clone(arn)).or_default().0 += 1;
    }

    /// Notes that it is stopped; who waits may go on.
    pub fn end(&self, arn: &str) {
        let mut stops = self.lock();
        let Some((count, _)) = stops.get_mut(arn) else { return };
        *count = count.saturating_sub(1);
        if *count == 0 {
            stops.remove(arn); // the senders go with it, which wakes those who wait
        }
    }

    /// Waits until a run is not being stopped.
    pub async fn wait(&self, arn: &str) {
        while let Some(ended) = self.waiting(arn) {
            let _ = ended.await;
        }
    }

    fn waiting(&self, arn: &str) -> Option<oneshot::Receiver<()>> {
        let (sender, receiver) = oneshot::channel();
        self.lock().get_mut(arn)?.1.push(sender);
        Some(receiver)
    }

    fn lock(&self) -> MutexGuard<'_, Stopping> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
