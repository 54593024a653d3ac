//! See `syscope::fuzzing::procfs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| syscope::fuzzing::procfs(bytes));
