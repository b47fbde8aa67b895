//! JSONPath: parse and select.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| stepwell_fuzz::expressions::path(bytes));
