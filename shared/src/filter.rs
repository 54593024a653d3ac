//! What user space tells the BPF programs to do, and whom to watch.

use bytemuck::{Pod, Zeroable};

/// Slots of the map of watched processes.
pub const FILTER_SLOTS: u32 = 16 * 1024;

/// The one entry of the `CONFIG` array map; rewritten whenever the filter changes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Config {
    /// syscope's own PIDs, not observed: its own, and that of the process that reads symbols for it; 0:
    /// none.
    pub own: [u32; 2],
    /// 0: watch every process. 1: watch only the PIDs in the `FILTER` map.
    pub only_listed: u32,
    /// 1: the kernel lists a child as soon as its listed parent forks it.
    pub inherit_forks: u32,
    /// 1: the kernel lists every process that calls exec; user space takes those out again that
    /// do not match. So a process matched by name loses nothing between exec and the decision.
    pub adopt_execs: u32,
    /// Epoch of the off-CPU probe: even ones write to the first set of its maps, odd ones to the
    /// second, while user space empties the first.
    pub offcpu_epoch: u32,
    /// Epoch of the profile probe, likewise.
    pub profile_epoch: u32,
    /// No stacks are taken of waits of a thread whose last one was shorter, in µs: over budget. 0: of all.
    pub stacks_from_us: u32,
    /// Of so many opens and one more one is sent, the others are counted: over budget. One less than a power
    /// of two; 0: all are sent.
    pub opens_left_out: u32,
    /// Grows with every change of what is above or of the `FILTER` map, and is written after it: what was
    /// judged by an earlier one is judged anew. From 1 on, of 31 bits.
    pub generation: u32,
}
