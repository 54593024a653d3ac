//! See `syscope::fuzzing::keys`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| syscope::fuzzing::keys(bytes));
