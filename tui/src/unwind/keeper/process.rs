//! What code a process has mapped.

use super::store::FileId;
use crate::symbols::parse_mappings;
use nix::sys::memfd::{MFdFlags, memfd_create};
use procfs::process::{MMPermissions, MMapPath};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt};

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
    let (file, open): (_, Box<dyn Fn() -> Option<File>>) = match &map.pathname {
        MMapPath::Path(_) if map.inode != 0 => {
            (Some(identity(&link, map)), Box::new(move || File::open(&link).ok()))
        }
        MMapPath::Vdso => (Some(VDSO), Box::new(|| vdso().ok())),
        _ => (None, Box::new(|| None)),
    };
    Code { range, offset: map.offset, file, open }
}

/// The code that the kernel puts into every process, as if it were a file: no file has this inode.
const VDSO: FileId = FileId { dev: 0, inode: 0 };

/// A file with our own copy, which is that of every 64-bit process.
fn vdso() -> io::Result<File> {
    let text = std::fs::read("/proc/self/maps")?;
    let map = parse_mappings(&text).find(|map| map.pathname == MMapPath::Vdso);
    let (start, end) = map.ok_or(io::ErrorKind::NotFound)?.address;
    let mut bytes = vec![0; usize::try_from((end - start).min(VDSO_MAX)).unwrap_or(0)];
    File::open("/proc/self/mem")?.read_exact_at(&mut bytes, start)?;
    let file = File::from(memfd_create(c"vdso", MFdFlags::MFD_CLOEXEC)?);
    file.write_all_at(&bytes, 0)?;
    Ok(file)
}

/// Bytes of it at most; it has two pages.
const VDSO_MAX: u64 = 1 << 20;

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
