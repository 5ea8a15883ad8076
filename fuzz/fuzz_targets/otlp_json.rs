//! The fuzz target `otlp_json`; what it does is in the library.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| treering_fuzz::otlp_json(input));
