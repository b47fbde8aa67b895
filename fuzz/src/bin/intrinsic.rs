//! Intrinsic functions: parse and call.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| stepwell_fuzz::expressions::intrinsic(bytes));
