//! How many workers poll each activity: 1,000 at a time, as on AWS (developer guide, quotas).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Workers that poll now, by the activity's ARN.
#[derive(Clone, Default)]
pub(crate) struct Pollers(Arc<Mutex<HashMap<String, u64>>>);

/// One that polls, until it is dropped.
pub(crate) struct Poller {
    pollers: Pollers,
    arn: String,
}

impl Pollers {
    /// Lets one more poll; none when `max` do.
    pub fn enter(&self, arn: &str, max: u64) -> Option<Poller> {
        let mut polling = self.lock();
        let count = polling.entry(arn.to_owned()).or_default();
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(Poller { pollers: self.clone(), arn: arn.to_owned() })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        let mut polling = self.pollers.lock();
        if let Some(count) = polling.get_mut(&self.arn) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                polling.remove(&self.arn);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pollers;

    #[test]
    fn a_place_is_free_again_when_its_poller_goes() {
        let pollers = Pollers::default();
        let one = pollers.enter("a", 2).unwrap();
        let two = pollers.enter("a", 2).unwrap();
        assert!(pollers.enter("a", 2).is_none());
        assert!(pollers.enter("b", 2).is_some(), "each activity has places of its own");
        drop(one);
        assert!(pollers.enter("a", 2).is_some());
        drop(two);
        assert!(pollers.lock().is_empty());
        assert!(pollers.enter("a", 0).is_none());
    }
}
