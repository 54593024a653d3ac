//! What code a process has mapped.

use super::store::FileId;
use crate::symbols::{self, parse_mappings, read_maps};
use nix::sys::memfd::{MFdFlags, memfd_create};
use procfs::process::{MMPermissions, MMapPath, MemoryMap, Process};
use procfs::{ProcError, ProcResult};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

/// A mapping that can be executed.
pub struct Code {
    /// From its first address to before its last.
    pub range: (u64, u64),
    /// Where it begins in the file, in bytes.
    pub offset: u64,
    /// Its file, and the way there; `None`: memory.
    pub file: Option<(FileId, Way)>,
}

/// The way to a file.
pub enum Way {
    /// As a process has mapped it.
    Mapped(symbols::Mapped, PathBuf),
    /// The kernel's, which is in every process.
    Vdso,
    /// None: the process has ended, or may not be looked at that closely.
    Nowhere,
}

impl Way {
    /// Opens the file, whatever became of its name. `None` when nothing leads to it any more.
    pub fn open(&self, file: FileId) -> Option<File> {
        match (self, file) {
            (Self::Mapped(mapped, path), FileId::File(identity)) => mapped.open(path, &identity),
            (Self::Vdso, FileId::Vdso) => vdso().ok(),
            _ => None,
        }
    }
}

/// The code that a process has mapped, in order of address.
///
/// # Errors
///
/// When it has ended, or may not be looked at.
pub fn code(pid: u32) -> ProcResult<Vec<Code>> {
    let text = read_maps(&Process::new(pid.cast_signed())?)?;
    if text.is_empty() {
        return Err(ProcError::NotFound(None));
    }
    let executable = parse_mappings(&text).filter(|map| map.perms.contains(MMPermissions::EXECUTE));
    Ok(executable.map(|map| of_mapping(pid, &map)).collect())
}

/// Whether a process has memory: it has not ended.
pub fn lives(pid: u32) -> bool {
    let text = || read_maps(&Process::new(pid.cast_signed())?);
    text().is_ok_and(|text| !text.is_empty())
}

fn of_mapping(pid: u32, map: &MemoryMap) -> Code {
    let file = match &map.pathname {
        MMapPath::Path(path) if map.inode != 0 => {
            let mapped = symbols::Mapped { pid, address: map.address };
            Some(match mapped.identify(map, path) {
                Some(file) => (FileId::File(file), Way::Mapped(mapped, path.clone())),
                None => (FileId::Unreachable { device: map.dev, inode: map.inode }, Way::Nowhere),
            })
        }
        MMapPath::Vdso => Some((FileId::Vdso, Way::Vdso)),
        _ => None,
    };
    Code { range: map.address, offset: map.offset, file }
}

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
