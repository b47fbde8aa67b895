//! Definitions in JSON, compiled and run.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| stepwell_fuzz::asl::json(bytes));
