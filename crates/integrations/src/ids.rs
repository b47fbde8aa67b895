//! Identifiers that Lambda puts on a call: request ids, trace ids, log streams, and the date of an answer.
//!
//! They only have to differ from each other; nothing secret depends on them.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Gives 64 bits that differ from call to call and from process to process.
fn bits() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Gives a new request id: a UUID of version 4.
pub(crate) fn request_id() -> String {
    stepwell_value::uuid_v4(bits(), bits())
}

/// Gives a new X-Ray trace header.
pub(crate) fn trace_id() -> String {
    let seconds = jiff::Timestamp::now().as_second();
    format!("Root=1-{seconds:08x}-{:08x}{:016x};Parent={:016x};Sampled=0", bits() & 0xffff_ffff, bits(), bits())
}

/// Gives a log stream name as Lambda makes them: `2026/01/31/[$LATEST]` and 32 hexadecimal digits.
pub(crate) fn log_stream() -> String {
    format!("{}[$LATEST]{:016x}{:016x}", jiff::Timestamp::now().strftime("%Y/%m/%d/"), bits(), bits())
}

/// Gives the value of a `Date` header for now.
pub(crate) fn http_date() -> String {
    jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Gives milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// Gives a part of a file name that no other process or call uses.
pub(crate) fn unique() -> String {
    format!("{}-{:016x}", std::process::id(), bits())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_are_uuids_of_version_4_and_differ() {
        let ids: Vec<String> = (0..100).map(|_| request_id()).collect();
        for id in &ids {
            let groups: Vec<usize> = id.split('-').map(str::len).collect();
            assert_eq!(groups, [8, 4, 4, 4, 12], "{id}");
            assert_eq!(&id[14..15], "4");
            assert!("89ab".contains(&id[19..20]), "{id}");
        }
        let distinct: std::collections::BTreeSet<&String> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
    }

    #[test]
    fn a_date_has_the_form_of_http() {
        assert_eq!(http_date().len(), "Sun, 06 Nov 1994 08:49:37 GMT".len());
    }
}
