//! Files by what they are, not by what they are called: a path may come to mean another file.

use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// What tells one state of a file from every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    device: u64,
    inode: u64,
    /// Bytes of it.
    pub(super) size: u64,
    modified: (i64, i64),
}

impl From<&Metadata> for Identity {
    fn from(file: &Metadata) -> Self {
        Self {
            device: file.dev(),
            inode: file.ino(),
            size: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
        }
    }
}

impl Identity {
    /// That of an open file.
    pub(crate) fn of(file: &File) -> Option<Self> {
        Some(Self::from(&file.metadata().ok()?))
    }

    /// That of what a path leads to.
    pub(super) fn at(path: &Path) -> Option<Self> {
        Some(Self::from(&std::fs::metadata(path).ok()?))
    }

    /// Whether it is the file that `/proc/PID/maps` tells by device and inode. It can be so where this
    /// says no: see [`Identity::can_be`].
    pub(super) fn is(&self, device: (i32, i32), inode: u64) -> bool {
        let (major, minor) = (libc::major(self.device), libc::minor(self.device));
        let same =
            (i64::from(major), i64::from(minor)) == (i64::from(device.0), i64::from(device.1));
        self.inode == inode && same
    }

    /// Whether it can be the file that `/proc/PID/maps` tells by device and inode. Some file systems
    /// (btrfs, overlayfs) tell `stat` a device of no driver, and another one there.
    pub(super) fn can_be(&self, device: (i32, i32), inode: u64) -> bool {
        self.is(device, inode) || (self.inode == inode && libc::major(self.device) == 0)
    }
}

/// Opens a regular file, with more `O_*` flags. Whatever else a process may have put at the path, a
/// pipe or a device, is not opened at all: opening alone can wait for ever, or start something.
pub(super) fn open_regular(path: &Path, flags: i32) -> io::Result<File> {
    let place = OpenOptions::new().read(true).custom_flags(flags | libc::O_PATH).open(path)?;
    reopen_regular(&place)
}

/// Opens the first of these files that is the one that was seen.
pub(super) fn open_first<'a>(
    mut ways: impl Iterator<Item = &'a Path>,
    identity: &Identity,
) -> Option<File> {
    let is_it = |file: &File| Identity::of(file).as_ref() == Some(identity);
    ways.find_map(|way| open_regular(way, 0).ok().filter(is_it))
}

/// Opens a regular file below the root directory of somebody else; links in the path lead to where
/// they lead there.
pub(super) fn open_regular_in(root: &File, path: &Path, flags: OFlag) -> io::Result<File> {
    let how = OpenHow::new()
        .flags(flags | OFlag::O_PATH | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    let place = openat2(root.as_fd(), path, how).map_err(io::Error::from)?;
    reopen_regular(&File::from(place))
}

/// The root directory of a process, which keeps nothing of it busy but while it is open.
pub(super) fn root_of(pid: u32) -> io::Result<File> {
    let flags = libc::O_PATH | libc::O_DIRECTORY;
    OpenOptions::new().read(true).custom_flags(flags).open(format!("/proc/{pid}/root"))
}

fn reopen_regular(place: &File) -> io::Result<File> {
    if !place.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let way = format!("/proc/self/fd/{}", place.as_raw_fd());
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(way)
}

/// A file in memory, of nobody's but ours.
pub(super) fn in_memory(content: &[u8]) -> io::Result<File> {
    let mut file = File::from(memfd_create("symbols", MFdFlags::MFD_CLOEXEC)?);
    file.write_all(content)?;
    Ok(file)
}
