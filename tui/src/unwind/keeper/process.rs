//! Files with the code that a process has mapped.

use crate::symbols::{CodeFile, CodeMapping, Meeter, parse_mappings};
use nix::sys::memfd::{MFdFlags, memfd_create};
use procfs::process::MMapPath;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// The file of a mapping, open, whatever became of its name. `None`: nothing leads to it any more.
pub fn open(mapping: &CodeMapping, file: CodeFile, meeter: &Meeter) -> Option<Arc<File>> {
    match file {
        CodeFile::File(identity) => meeter.file(mapping, &identity),
        CodeFile::Vdso => vdso().ok().map(Arc::new),
        CodeFile::Unreachable { .. } => None,
    }
}

/// Whether a process has memory: it has not ended.
pub fn lives(pid: u32) -> bool {
    let mut maps = File::open(format!("/proc/{pid}/maps"));
    maps.as_mut().is_ok_and(|maps| maps.read(&mut [0]).is_ok_and(|read| read > 0))
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
