//! Page tokens, task tokens, ARNs.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| stepwell_fuzz::tokens::texts(bytes));
