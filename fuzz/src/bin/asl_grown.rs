//! Definitions grown from a grammar, compiled and run.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| stepwell_fuzz::asl::grown(bytes));
