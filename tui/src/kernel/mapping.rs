//! Memory of a BPF map in the memory of this process.

use nix::unistd::{SysconfVar, sysconf};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// So many bytes of a map, from an offset on, until this is dropped. The kernel makes all of it resident at once:
/// what is mapped counts as memory of this process, whether it is used or not.
#[derive(Debug)]
pub struct Mapping {
    start: *mut libc::c_void,
    len: usize,
}

// SAFETY: the memory is the map's and stays where it is; nothing of it belongs to a thread.
unsafe impl Send for Mapping {}

impl Mapping {
    /// Maps `len` bytes from `offset` on, which is a multiple of a page. `writable`: else they can only be read.
    ///
    /// # Errors
    ///
    /// When the map is shorter, or is none that can be mapped.
    pub fn new(map: BorrowedFd<'_>, offset: usize, len: usize, writable: bool) -> io::Result<Self> {
        let access = if writable { libc::PROT_READ | libc::PROT_WRITE } else { libc::PROT_READ };
        let offset = libc::off_t::try_from(offset).map_err(io::Error::other)?;
        // SAFETY: a new mapping, at a place of the kernel's choice.
        let start = unsafe {
            let anywhere = std::ptr::null_mut();
            libc::mmap(anywhere, len, access, libc::MAP_SHARED, map.as_raw_fd(), offset)
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Self { start, len })
    }

    /// Where it begins: on a page.
    pub fn start<T>(&self) -> *mut T {
        self.start.cast()
    }

    /// Bytes.
    pub fn len(&self) -> usize {
        self.len
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is this one's, and nothing borrows from it.
        unsafe { libc::munmap(self.start, self.len) };
    }
}

/// Bytes of a page of memory.
pub fn page_size() -> usize {
    let size = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
    size.and_then(|size| usize::try_from(size).ok()).unwrap_or(4096)
}
