//! What code a process has mapped.

use super::store::FileId;
use crate::symbols::parse_mappings;
use procfs::process::{MMPermissions, MMapPath};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;

/// Bytes of a list of mappings that are read at most.
const MAPS_MAX: u64 = 16 << 20;

/// A mapping that can be executed.
pub struct Code {
    /// From its first address to before its last.
    pub range: (u64, u64),
    /// Where it begins in the file, in bytes.
    pub offset: u64,
    /// Its file; `None`: memory.
    pub file: Option<FileId>,
    /// Opens the file, whatever became of its name.
    pub open: Box<dyn Fn() -> Option<File>>,
}

/// The code that a process has mapped, in order of address.
///
/// # Errors
///
/// When it has ended, or may not be looked at.
pub fn code(pid: u32) -> io::Result<Vec<Code>> {
    let mut text = Vec::new();
    File::open(format!("/proc/{pid}/maps"))?.take(MAPS_MAX).read_to_end(&mut text)?;
    if text.is_empty() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let executable = parse_mappings(&text).filter(|map| map.perms.contains(MMPermissions::EXECUTE));
    Ok(executable.map(|map| of_mapping(pid, &map)).collect())
}

fn of_mapping(pid: u32, map: &procfs::process::MemoryMap) -> Code {
    let range = map.address;
    let link = format!("/proc/{pid}/map_files/{:x}-{:x}", range.0, range.1);
    let file = match &map.pathname {
        MMapPath::Path(_) if map.inode != 0 => Some(identity(&link, map)),
        _ => None,
    };
    Code { range, offset: map.offset, file, open: Box::new(move || File::open(&link).ok()) }
}

/// A file is known by what `stat` says of it: file systems with subvolumes have other numbers for it in
/// the list of mappings.
fn identity(link: &str, map: &procfs::process::MemoryMap) -> FileId {
    let of_list = || FileId {
        dev: nix::sys::stat::makedev(
            map.dev.0.cast_unsigned().into(),
            map.dev.1.cast_unsigned().into(),
        ),
        inode: map.inode,
    };
    std::fs::metadata(link)
        .map_or_else(|_| of_list(), |file| FileId { dev: file.dev(), inode: file.ino() })
}
