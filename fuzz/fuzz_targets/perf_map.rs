//! See `syscope::fuzzing::perf_map`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| syscope::fuzzing::perf_map(bytes));
