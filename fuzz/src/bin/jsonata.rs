//! JSONata: parse and evaluate.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: stepwell_fuzz::expressions::let_the_engine_panic(),
    |bytes: &[u8]| stepwell_fuzz::expressions::jsonata(bytes)
);
