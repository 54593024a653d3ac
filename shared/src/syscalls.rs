//! System calls: counts, errors and latencies per process and call.

use crate::hist::BUCKETS;
use bytemuck::{Pod, Zeroable};

/// Set in [`Key::nr`] for a 32-bit (compat) system call, whose numbers are another table's.
pub const COMPAT: u32 = 1 << 31;

/// Number under which all calls with a number that no system call has are counted: a program may make
/// up as many as it likes.
pub const INVALID: u32 = 1023;

/// Key of the `SYSCALLS` map.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Pod, Zeroable)]
pub struct Key {
    /// Process (the kernel's tgid).
    pub pid: u32,
    /// System call number, with [`COMPAT`] for 32-bit calls.
    pub nr: u32,
}

/// Value of the `SYSCALLS` map on one CPU. The counts only grow.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Stats {
    /// Calls that were entered.
    pub calls: u64,
    /// Calls that returned an error.
    pub errors: u64,
    /// Time in the calls that returned, in ns.
    pub total_ns: u64,
    /// How many of the calls that returned took how long (see [`crate::hist`]).
    pub hist: [u32; BUCKETS],
}

/// Key of the `ERRNOS` map.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Pod, Zeroable)]
pub struct ErrnoKey {
    /// Process (the kernel's tgid).
    pub pid: u32,
    /// System call number, with [`COMPAT`] for 32-bit calls.
    pub nr: u32,
    /// Error number, positive (2 for `ENOENT`).
    pub errno: u32,
}

/// Value of the `INFLIGHT` map: the system call a thread is in, or was in last. Keyed by TID.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Inflight {
    /// When the call was entered, in ns; 0 when the thread is in none.
    pub start_ns: u64,
    /// System call number, with [`COMPAT`] for 32-bit calls.
    pub nr: u32,
    /// [`crate::opens`]: 1 when the call opens a file and `args` holds its arguments.
    pub open: u32,
    /// dirfd, path pointer, flags, mode of an open.
    pub args: [u64; 4],
}
