//! The symbol table that some distributions leave in a program, compressed (`.gnu_debugdata`): the names
//! of functions that are not exported.

use super::elf::read_part;
use lzma_rust2::XzReader;
use nix::sys::memfd::{MFdFlags, memfd_create};
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
    let unpacked = File::from(memfd_create("symbols", MFdFlags::MFD_CLOEXEC).ok()?);
    let reader = XzReader::new_mem_limit(&packed[..], false, MAX_WORK_KIB);
    let written = io::copy(&mut reader.take(MAX_UNPACKED + 1), &mut &unpacked).ok()?;
    (written <= MAX_UNPACKED).then_some(unpacked)
}
