//! See `syscope::fuzzing::unwind`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| syscope::fuzzing::unwind(bytes));
