//! See `syscope::fuzzing::capture`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| syscope::fuzzing::capture(bytes));
