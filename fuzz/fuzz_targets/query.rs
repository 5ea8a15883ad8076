//! The fuzz target `query`; what it does is in the library.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| treering_fuzz::query(input));
