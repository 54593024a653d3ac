//! Counters by which a probe says what it could not deliver.

use bytemuck::{Pod, Zeroable};

/// Index of a probe in the `HEALTH` per-CPU array.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeId {
    /// System calls.
    Syscalls = 0,
    /// File opens.
    Opens = 1,
    /// Off-CPU time.
    Offcpu = 2,
    /// CPU profile.
    Profile = 3,
    /// Process starts, execs and exits.
    Lifecycle = 4,
}

/// Number of entries in the `HEALTH` map.
pub const PROBES: u32 = 5;

/// Event counts of one probe on one CPU since it was loaded. They only grow.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Counters {
    /// Events that passed the filter and that the probe handled.
    pub events: u64,
    /// Events lost because the ring buffer was full.
    pub ring_full: u64,
    /// Events lost because a map was full.
    pub map_full: u64,
    /// Events that the filter left out.
    pub filtered: u64,
    /// Events that were left out, or left without stacks, to stay within the budget.
    pub spared: u64,
    /// Stacks lost, for the kernel could not take them (`-ENOMEM` and such) or their ring was full.
    pub stack_errors: u64,
    /// Paths that could not be read from the process's memory.
    pub unreadable: u64,
    /// Waits whose end the kernel did not report, but whose wakeup it did.
    pub unseen_ends: u64,
    /// User stacks that were known without being walked.
    pub recalled: u64,
    /// Of those that were walked all the same, to check: how many were not what was known.
    pub recalled_wrong: u64,
    /// Waits of which the kernel reported neither wakeup nor end: they end when their thread is next
    /// seen on a CPU.
    pub unseen_waits: u64,
    /// Writes to `SYSCALLS`, and of the off-CPU probe what it took out of `SEEDED`, each counted after it was done:
    /// while this stands still, there is nothing new in them.
    pub written: u64,
    /// The same of `ERRNOS`.
    pub errnos_written: u64,
}
