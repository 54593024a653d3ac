//! The symbol table that some distributions leave in a program, compressed (`.gnu_debugdata`): the names
//! of functions that are not exported.

use super::elf::read_part;
use super::elf_bounds;
use crate::symbols::files::in_memory;
use lzma_rust2::XzReader;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;

/// Bytes of it, compressed. The largest of a distribution are a few MiB.
const MAX_PACKED: u64 = 32 << 20;
/// Bytes of what comes out of it.
const MAX_UNPACKED: u64 = 128 << 20;
/// KiB that decompressing may take meanwhile: more than the highest level of `xz` asks for.
const MAX_WORK_KIB: u32 = 80 << 10;

/// Decompresses it into a file in memory; `None` if it is none, or too large.
pub(super) fn unpack(file: &File, range: &Range<u64>) -> Option<File> {
    let packed = read_part(file, range, MAX_PACKED)?;
    let unpacked = in_memory(b"").ok()?;
    let reader = XzReader::new_mem_limit(&packed[..], false, MAX_WORK_KIB);
    let most = elf_bounds::unpacked(packed.len() as u64, MAX_UNPACKED);
    let written = io::copy(&mut reader.take(most + 1), &mut &unpacked).ok()?;
    (written <= most).then_some(unpacked)
}

/// For `crate::fuzzing`: a table that is compressed like this.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzz(packed: &[u8]) {
    let file = in_memory(packed).expect("room for it");
    let length = packed.len() as u64;
    if let Some(unpacked) = unpack(&file, &(0..length)) {
        let size = unpacked.metadata().expect("it is open").len();
        assert!(size <= elf_bounds::unpacked(length, MAX_UNPACKED));
    }
}
