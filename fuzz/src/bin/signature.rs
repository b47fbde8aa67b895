//! Signatures of requests: read and verified.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| stepwell_fuzz::signature::request(bytes));
