//! See `syscope::fuzzing::screen_text`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| syscope::fuzzing::screen_text(bytes));
