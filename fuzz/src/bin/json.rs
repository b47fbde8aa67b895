//! JSON text: read, printed, read again.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| stepwell_fuzz::json::text(bytes));
