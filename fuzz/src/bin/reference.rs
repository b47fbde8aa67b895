//! Reference paths: parse and set.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| stepwell_fuzz::expressions::reference(bytes));
