//! How many bytes of requests may be in memory at a time.
//!
//! A request is in memory several times while it is worked on: its body, its values, its payloads, the event it becomes.
//! So what counts is the sum of the bodies, from their arrival to their answers; beyond the limit a request is refused
//! (ThrottlingException), which every SDK tries again. Small requests always pass, so that giant ones keep nobody from
//! finishing tasks or looking at executions; and so does one that is alone, however large.

use std::sync::atomic::{AtomicU64, Ordering};

use stepwell_model::ApiError;

/// A request up to this size is not counted: as many connections as a process may have do no harm with them.
const SMALL_BYTES: u64 = 16 * 1024;

/// The requests in memory.
#[derive(Debug, Default)]
pub(crate) struct InFlight(AtomicU64);

/// The place of a request, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    all: &'a InFlight,
    bytes: u64,
}

impl InFlight {
    /// Takes in a request of so many bytes.
    ///
    /// # Errors
    /// ThrottlingException, when those that are being worked on are too large together.
    pub fn admit(&self, bytes: u64, max: u64) -> Result<Place<'_>, ApiError> {
        let bytes = if bytes <= SMALL_BYTES { 0 } else { bytes };
        let before = self.0.fetch_add(bytes, Ordering::Relaxed);
        let place = Place { all: self, bytes }; // gives the bytes back when it is refused
        if bytes > 0 && before > 0 && before.saturating_add(bytes) > max {
            Err(ApiError::throttling())
        } else {
            Ok(place)
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.all.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{InFlight, SMALL_BYTES};

    #[test]
    fn large_requests_wait_for_each_other_and_small_ones_pass() {
        let (all, max) = (InFlight::default(), 10 * SMALL_BYTES);
        let alone = all.admit(11 * SMALL_BYTES, max).unwrap();
        assert!(all.admit(SMALL_BYTES + 1, max).is_err_and(|error| error.to_string().contains("ThrottlingException")));
        let _small = all.admit(SMALL_BYTES, max).unwrap();
        drop(alone);
        let first = all.admit(6 * SMALL_BYTES, max).unwrap();
        let _second = all.admit(4 * SMALL_BYTES, max).unwrap();
        assert!(all.admit(2 * SMALL_BYTES, max).is_err());
        drop(first);
        assert!(all.admit(6 * SMALL_BYTES, max).is_ok());
    }
}
