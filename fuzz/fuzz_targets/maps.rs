//! See `syscope::fuzzing::maps`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| syscope::fuzzing::maps(bytes));
