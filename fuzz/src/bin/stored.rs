//! Stored forms: decode, encode, decode.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| stepwell_fuzz::stored::forms(bytes));
