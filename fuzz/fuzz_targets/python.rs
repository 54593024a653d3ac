//! See `syscope::fuzzing::python`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| syscope::fuzzing::python(bytes));
