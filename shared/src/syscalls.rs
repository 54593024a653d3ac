//! System calls: counts, errors and latencies per process and call.

use crate::hist::BUCKETS;
use bytemuck::{Pod, Zeroable};

/// Set in [`Key::nr`] for a 32-bit (compat) system call, whose numbers are another table's.
pub const COMPAT: u32 = 1 << 31;

/// Number under which all calls with a number that no system call has are counted: a program may make
/// up as many as it likes.
pub const INVALID: u32 = 1023;

/// Key of the `CALLS` array and the `SYSCALLS` map.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Pod, Zeroable)]
pub struct Key {
    /// Process (the kernel's tgid).
    pub pid: u32,
    /// System call number, with [`COMPAT`] for 32-bit calls.
    pub nr: u32,
}

/// A row of the `CALLS` array, and a value of the `SYSCALLS` map,
/// which takes what finds its bucket of the array full. The counts only grow.
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

/// Rows of a bucket of the `CALLS` array.
pub const WAYS: usize = 8;

/// A bucket of rows: value of the `CALLS` array, in which each CPU has buckets of its own. What is searched
/// comes first: a line of the cache.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    /// Whose the rows are, as words.
    pub keys: [u64; WAYS],
    /// The counts.
    pub rows: [Stats; WAYS],
}

/// Key of a row of the `CALLS` array that nobody has.
pub const FREE: u64 = 0;
/// Key of a row whose process has ended, until its last counts are read.
pub const ENDED: u64 = u64::MAX;
/// No row: the counts are in the `SYSCALLS` map.
pub const NO_ROW: u32 = u32::MAX;

impl Key {
    /// The key as one word; never [`FREE`] or [`ENDED`], for no system call is made by process 0, or has
    /// a number of all ones.
    #[inline(always)]
    pub fn word(self) -> u64 {
        u64::from(self.pid) << 32 | u64::from(self.nr)
    }

    /// The key of a word.
    #[inline(always)]
    pub fn of_word(word: u64) -> Self {
        Self { pid: (word >> 32) as u32, nr: word as u32 }
    }

    /// Which of so many buckets (a power of two) a key is in, as a word.
    #[inline(always)]
    pub fn bucket(word: u64, buckets: u32) -> u32 {
        (word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32 & (buckets - 1)
    }
}

/// The system call a thread is in, or was in last.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Inflight {
    /// When the call was entered, in ns; 0 when the thread is in none.
    pub start_ns: u64,
    /// System call number, with [`COMPAT`] for 32-bit calls.
    pub nr: u32,
    /// [`crate::opens`]: 1 when the call opens a file and `args` holds its arguments.
    pub open: u32,
    /// The row of `CALLS` that the call was counted in when it was entered, or [`NO_ROW`].
    pub row: u32,
    /// Makes the size a multiple of eight.
    pub pad: u32,
    /// dirfd, path pointer, flags, mode of an open.
    pub args: [u64; 4],
}
