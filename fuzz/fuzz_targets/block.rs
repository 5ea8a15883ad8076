//! The fuzz target `block`; what it does is in the library.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| treering_fuzz::block(input));
