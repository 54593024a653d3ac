//! See `syscope::fuzzing::elf`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| syscope::fuzzing::elf(bytes));
