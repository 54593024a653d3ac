//! System calls that fail, one event each. Delivered by the programs of [`crate::syscalls`], and only
//! when user space asks for them.

use crate::COMM_LEN;
use bytemuck::{Pod, Zeroable};

/// One event of the `FAILED` ring.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Event {
    /// When the call was entered, in ns.
    pub time_ns: u64,
    /// How long the call took, in ns.
    pub duration_ns: u64,
    /// Process (the kernel's tgid).
    pub pid: u32,
    /// Thread (the kernel's pid).
    pub tid: u32,
    /// System call number, with [`crate::syscalls::COMPAT`] for 32-bit calls.
    pub nr: u32,
    /// Error number, positive (2 for `ENOENT`).
    pub errno: u32,
    /// Name of the thread.
    pub comm: [u8; COMM_LEN],
}
