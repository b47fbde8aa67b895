//! How many bytes of requests and answers may be in memory at a time.
//!
//! A request is in memory several times while it is worked on: its body, its values, its payloads, the event it becomes.
//! So what counts is the sum of the bodies, from their arrival to their answers; beyond the limit a request is refused
//! (ThrottlingException), which every SDK tries again. Small requests always pass, so that giant ones keep nobody from
//! finishing tasks or looking at executions; and so does one that is alone, however large.
//!
//! Answers are counted alike, from when they are made until their clients have taken them. Those of operations that only
//! read are refused beyond the limit; others are counted only, since what they tell has happened.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use stepwell_model::ApiError;

/// A request or an answer up to this size is not counted: as many connections as a process may have do no harm with them.
const SMALL_BYTES: u64 = 16 * 1024;

/// The requests, or the answers, in memory.
#[derive(Debug, Default)]
pub(crate) struct InFlight(AtomicU64);

/// The place of a request or an answer, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    all: Arc<InFlight>,
    bytes: u64,
}

/// An answer with its place.
struct Answer {
    text: String,
    _place: Place,
}

impl AsRef<[u8]> for Answer {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

impl InFlight {
    /// Takes in a request of so many bytes.
    ///
    /// # Errors
    /// ThrottlingException, when those that are being worked on are too large together.
    pub fn admit(self: &Arc<InFlight>, bytes: u64, max: u64) -> Result<Place, ApiError> {
        let bytes = if bytes <= SMALL_BYTES { 0 } else { bytes };
        let before = self.0.fetch_add(bytes, Ordering::Relaxed);
        let place = Place { all: Arc::clone(self), bytes }; // gives the bytes back when it is refused
        if bytes > 0 && before > 0 && before.saturating_add(bytes) > max {
            Err(ApiError::throttling())
        } else {
            Ok(place)
        }
    }

    /// Takes in an answer; its bytes hold its place until the last of them is dropped.
    ///
    /// # Errors
    /// ThrottlingException, when those that wait are too large together.
    pub fn answer(self: &Arc<InFlight>, text: String, max: u64) -> Result<Bytes, ApiError> {
        if text.len() as u64 <= SMALL_BYTES {
            return Ok(Bytes::from(text));
        }
        let place = self.admit(text.len() as u64, max)?;
        Ok(Bytes::from_owner(Answer { text, _place: place }))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.all.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{InFlight, SMALL_BYTES};

    #[test]
    fn large_requests_wait_for_each_other_and_small_ones_pass() {
        let (all, max) = (Arc::new(InFlight::default()), 10 * SMALL_BYTES);
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

    #[test]
    fn an_answer_holds_its_place_until_its_last_bytes_are_gone() {
        let (all, max) = (Arc::new(InFlight::default()), 10 * SMALL_BYTES);
        let text = || "x".repeat(6 * SMALL_BYTES as usize);
        let mut waiting = all.answer(text(), max).unwrap();
        assert!(all.answer(text(), max).is_err() && all.answer("{}".to_owned(), max).is_ok());
        let last = waiting.split_off(1_000);
        drop(waiting);
        assert!(all.answer(text(), max).is_err() && all.answer(text(), u64::MAX).is_ok());
        drop(last);
        assert!(all.answer(text(), max).is_ok());
    }
}
