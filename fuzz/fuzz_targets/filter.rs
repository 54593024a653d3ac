//! See `syscope::fuzzing::filter`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| syscope::fuzzing::filter(bytes));
