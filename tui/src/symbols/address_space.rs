//! What is mapped where in a process, as it is read: nothing is looked up in the files yet, so it is
//! quick, and can be done on any thread.

use super::files::Identity;
use super::guard::guarded;
use super::held::Held;
use super::perf_map;
use procfs::process::{MMPermissions, MMapPath, MemoryMap, Process};
use procfs::{ProcError, ProcResult};
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// How the list of a process ends on x86-64, mostly.
const LAST_OF_ALL: &[u8] = b" [vsyscall]\n";
/// Bytes of a list of mappings, mostly.
const MAPS_MOSTLY: usize = 16 << 10;
/// Bytes of a list of mappings that are read at most.
const MAPS_MAX: u64 = 16 << 20;

/// The address space of a process as it was at some time.
#[derive(Debug)]
pub(super) struct AddressSpace {
    pub(super) pid: u32,
    /// When the process started, in clock ticks since boot: tells a PID that is used again.
    pub(super) started: u64,
    pub(super) taken: Instant,
    pub(super) regions: Vec<Region>,
    /// What its JIT had begun to write by then.
    pub(super) perf_map: Option<File>,
}

/// A line of `/proc/PID/maps`.
#[derive(Debug)]
pub(super) struct Region {
    pub(super) map: MemoryMap,
    /// The file with code that is mapped there, which was seen and is held open if there was room.
    pub(super) code: Option<(Identity, Mapped)>,
}

/// Code that a process has mapped.
#[derive(Clone, Debug)]
pub struct CodeMapping {
    /// From its first address to before its last.
    pub range: (u64, u64),
    /// Where it begins in the file, in bytes.
    pub offset: u64,
    /// Its file; `None`: memory.
    pub file: Option<CodeFile>,
    way: Option<(Mapped, PathBuf)>,
}

/// A file with code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CodeFile {
    /// One of a file system, as it was when it was seen.
    File(Identity),
    /// The code that the kernel puts into every process.
    Vdso,
    /// One that nothing leads to, as `/proc/PID/maps` tells of it.
    Unreachable {
        /// Major and minor number of its device.
        device: (i32, i32),
        /// Inode.
        inode: u64,
    },
}

impl CodeMapping {
    /// Its file, if it is the one that was seen and something leads to it still.
    pub(super) fn open(&self, identity: &Identity, held: &Held) -> Option<Arc<File>> {
        let (mapped, path) = self.way.as_ref()?;
        held.hold(identity, path, mapped.ways(path).iter().map(PathBuf::as_path))
    }
}

/// A mapping of a file: leads to it while that process lives, also when its path leads elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mapped {
    pub(super) pid: u32,
    /// Start and end.
    pub(super) address: (u64, u64),
}

impl Mapped {
    /// What file a line of `/proc/PID/maps` tells of, which its process calls `path`. `None`: nothing
    /// leads to it.
    fn identify(&self, map: &MemoryMap, path: &Path) -> Option<Identity> {
        // Nearly always it is what lies at its path, which is several times quicker to find out.
        let here = Identity::at(path).filter(|it| it.is(map.dev, map.inode));
        let by_link = || {
            let [link, others @ ..] = &self.ways(path);
            let at = |way: &PathBuf| Identity::at(way).filter(|it| it.can_be(map.dev, map.inode));
            Identity::at(link).or_else(|| others.iter().find_map(at))
        };
        here.or_else(by_link)
    }

    /// The ways to the file that its process calls `path`, the surest first.
    pub(super) fn ways(&self, path: &Path) -> [PathBuf; 3] {
        let (pid, (start, end)) = (self.pid, self.address);
        let link = PathBuf::from(format!("/proc/{pid}/map_files/{start:x}-{end:x}"));
        let mut below_root = PathBuf::from(format!("/proc/{pid}/root")).into_os_string();
        below_root.push(path);
        [link, path.to_owned(), below_root.into()]
    }
}

/// Why there is nothing of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// It ended before it was looked at.
    Exited,
    /// Its address space may not be read.
    Refused,
}

impl AddressSpace {
    /// Reads that of a process, and has the files with code held open.
    pub(super) fn read(pid: u32, held: &Held) -> Result<Self, Missing> {
        let read = || -> ProcResult<Self> {
            let taken = Instant::now();
            let process = Process::new(pid.cast_signed())?;
            let started = process.stat()?.starttime;
            let text = read_maps(&process)?;
            let regions = super::mapping::parse(&text).map(|map| Region::new(pid, map, held));
            let regions: Vec<Region> = regions.collect();
            let may_have_jit = regions.iter().any(Region::may_be_of_a_jit);
            let perf_map = may_have_jit.then(|| perf_map::open(pid).ok()).flatten();
            Ok(Self { pid, started, taken, regions, perf_map })
        };
        match guarded(read) {
            Some(Ok(space)) if space.regions.is_empty() => Err(Missing::Exited),
            Some(Ok(space)) => Ok(space),
            Some(Err(ProcError::NotFound(_))) => Err(Missing::Exited),
            Some(Err(ProcError::Io(error, _))) if error.raw_os_error() == Some(libc::ESRCH) => {
                Err(Missing::Exited)
            }
            _ => Err(Missing::Refused),
        }
    }
}

impl AddressSpace {
    /// The code of it, in order of address.
    pub(super) fn code(&self) -> Vec<CodeMapping> {
        let executable = |region: &&Region| region.map.perms.contains(MMPermissions::EXECUTE);
        self.regions.iter().filter(executable).map(Region::as_code).collect()
    }
}

impl Region {
    fn as_code(&self) -> CodeMapping {
        let Self { map, code } = self;
        let (file, way) = match (&map.pathname, code) {
            (MMapPath::Path(path), Some((identity, mapped))) => {
                (Some(CodeFile::File(*identity)), Some((*mapped, path.clone())))
            }
            (MMapPath::Path(_), None) if map.inode != 0 => {
                (Some(CodeFile::Unreachable { device: map.dev, inode: map.inode }), None)
            }
            (MMapPath::Vdso, _) => (Some(CodeFile::Vdso), None),
            _ => (None, None),
        };
        CodeMapping { range: map.address, offset: map.offset, file, way }
    }

    /// Whether a JIT may have put code there.
    fn may_be_of_a_jit(&self) -> bool {
        let Self { map, code } = self;
        let is_memory = match &map.pathname {
            MMapPath::Vdso | MMapPath::Vsyscall => false,
            // Memory that is shared, or was given a name, is a file without a path.
            MMapPath::Path(path) => {
                code.is_none() || path.as_os_str().as_bytes().ends_with(b" (deleted)")
            }
            _ => true,
        };
        is_memory && map.perms.contains(MMPermissions::EXECUTE)
    }

    fn new(pid: u32, map: MemoryMap, held: &Held) -> Self {
        let code = match &map.pathname {
            MMapPath::Path(path) if map.perms.contains(MMPermissions::EXECUTE) => {
                find(Mapped { pid, address: map.address }, &map, path, held)
            }
            _ => None,
        };
        Self { map, code }
    }
}

fn find(mapped: Mapped, map: &MemoryMap, path: &Path, held: &Held) -> Option<(Identity, Mapped)> {
    let identity = mapped.identify(map, path)?;
    held.hold(&identity, path, mapped.ways(path).iter().map(PathBuf::as_path));
    Some((identity, mapped))
}

/// The text of `/proc/PID/maps`; empty when the process has no memory (any more).
fn read_maps(process: &Process) -> ProcResult<Vec<u8>> {
    let read = process.open_relative("maps").and_then(|maps| Ok(read_whole(maps)?));
    match read {
        Ok(text) if !text.is_empty() => Ok(text),
        // Its first thread may have ended before the others; then only theirs can be read.
        read => match read_of_threads(process) {
            text if text.is_empty() => read,
            text => Ok(text),
        },
    }
}

fn read_of_threads(process: &Process) -> Vec<u8> {
    let Ok(threads) = process.tasks() else { return Vec::new() };
    let read = |tid: i32| {
        let maps = process.open_relative(format!("task/{tid}/maps")).ok()?;
        read_whole(maps).ok().filter(|text| !text.is_empty())
    };
    // The dead one is listed too, and first.
    threads.flatten().take(8).find_map(|thread| read(thread.tid)).unwrap_or_default()
}

/// A list of mappings; empty when the process ended meanwhile. The kernel gives it piece by piece, and
/// says that it is at its end once the process has ended: a part would pass for the whole.
fn read_whole(mut maps: impl Read + Seek) -> io::Result<Vec<u8>> {
    let mut text = Vec::with_capacity(MAPS_MOSTLY);
    maps.by_ref().take(MAPS_MAX).read_to_end(&mut text)?;
    maps.rewind()?;
    let lives = maps.read(&mut [0])? > 0;
    if !lives && !text.ends_with(LAST_OF_ALL) {
        text.clear();
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, SeekFrom};

    /// A list of a process that ends when so much of it was read.
    struct Ends(Cursor<&'static [u8]>, u64);

    impl Read for Ends {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let left = usize::try_from(self.1).unwrap();
            let len = buffer.len().min(left).min(10);
            let read = self.0.read(&mut buffer[..len])?;
            self.1 -= read as u64;
            Ok(read)
        }
    }

    impl Seek for Ends {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.0.seek(to)
        }
    }

    #[test]
    fn a_part_of_a_list_does_not_pass_for_the_whole() {
        let list: &[u8] = b"400000-401000 r-xp 0 0 0 [x]\nffff-fffff --xp 0 0 0   [vsyscall]\n";
        let read = |ends| read_whole(Ends(Cursor::new(list), ends)).unwrap();
        let len = list.len() as u64;
        assert_eq!(read(u64::MAX), list);
        assert_eq!(read(len), list, "it ended, and all of it was read");
        assert_eq!(read(len - 5), b"");
        assert_eq!(read(29), b"", "whole lines, but not all of them");
    }
}
