//! See `syscope::fuzzing::rings`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| syscope::fuzzing::rings(bytes));
