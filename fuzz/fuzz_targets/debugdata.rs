//! See `syscope::fuzzing::debugdata`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| syscope::fuzzing::debugdata(bytes));
