//! File opens.

use crate::COMM_LEN;
/// Bytes of the `OPENS` ring; a power of two.
pub const RING_BYTES: u32 = 8 * 1024 * 1024;

use bytemuck::{Pod, Zeroable};

/// Bytes of a path that an event carries at most, NUL included (`PATH_MAX`).
pub const PATH_MAX: usize = 4096;

/// The base directory of a relative path could be walked to its root; `base_len` bytes of it follow
/// the path: its components from the innermost outwards, each NUL-terminated.
pub const BASE_WALKED: u32 = 1;
/// The walk of the base directory stopped before the root (too deep, or memory unreadable).
pub const BASE_CUT: u32 = 2;
/// The path is longer than an event holds, and was cut.
pub const PATH_CUT: u32 = 4;
/// The path could not be read from the process's memory.
pub const PATH_UNREADABLE: u32 = 8;

/// One event of the `OPENS` ring, followed by `path_len` bytes of path (no NUL) and `base_len`
/// bytes of base directory.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Event {
    /// When the call was entered, in ns.
    pub time_ns: u64,
    /// How long the call took, in ns.
    pub duration_ns: u64,
    /// What the call returned: a file descriptor, or a negative error number.
    pub result: i32,
    /// Process (the kernel's tgid).
    pub pid: u32,
    /// Thread (the kernel's pid).
    pub tid: u32,
    /// `open(2)` flags (`O_*`) of the calling ABI.
    pub flags: u32,
    /// Mode given with `O_CREAT`.
    pub mode: u32,
    /// Directory descriptor of the `*at` calls; `AT_FDCWD` (-100) for the others.
    pub dirfd: i32,
    /// Bits: [`BASE_WALKED`] and its siblings.
    pub marks: u32,
    /// Bytes of path behind this header.
    pub path_len: u32,
    /// Bytes of base directory behind the path.
    pub base_len: u32,
    /// Not used.
    pub pad: u32,
    /// Name of the thread.
    pub comm: [u8; COMM_LEN],
}
