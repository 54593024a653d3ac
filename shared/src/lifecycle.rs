//! Process starts, execs and exits.

use crate::COMM_LEN;
use bytemuck::{Pod, Zeroable};

/// A process was forked.
pub const FORK: u32 = 1;
/// A process replaced its program.
pub const EXEC: u32 = 2;
/// The last thread of a process ended.
pub const EXIT: u32 = 3;

/// Bytes of a command line that an exec event carries at most.
pub const CMDLINE_MAX: usize = 512;

/// One event of the `LIFECYCLE` ring; for [`EXEC`], `cmdline_len` bytes of NUL-separated arguments
/// follow it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Event {
    /// When, in ns.
    pub time_ns: u64,
    /// [`FORK`], [`EXEC`] or [`EXIT`].
    pub kind: u32,
    /// PID of the process (for [`FORK`]: of the child).
    pub pid: u32,
    /// PID of the parent ([`FORK`] only, else 0).
    pub parent: u32,
    /// Bytes of command line behind this header.
    pub cmdline_len: u32,
    /// Bytes the whole command line has; more than `cmdline_len` when it was cut.
    pub cmdline_total: u32,
    /// Id of the program after the event (see [`crate::offcpu::Key::exec_id`]).
    pub exec_id: u32,
    /// Name of the process after the event.
    pub comm: [u8; COMM_LEN],
}
