//! What is known of a process: its code, and where the tables of that are.

use bytemuck::{Pod, Zeroable};

/// Code of a process: one entry of the `SEGMENTS` map. Those of a process lie side by side, in order of
/// address.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Segment {
    /// First address.
    pub start: u64,
    /// Bytes.
    pub len: u64,
    /// Added to the distance from `start` it gives the address in the table.
    pub shift: u32,
    /// Where its table begins in the `UNWIND` map, [`super::NO_TABLE`] or [`super::NOT_READY`].
    pub base: u32,
    /// Pages of the table.
    pub pages: u32,
    /// Makes the size a power of two.
    pub pad: u32,
}

/// Value of the `PROCESSES` map: what is known of a process. Keyed by PID.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Process {
    /// Index of its first segment.
    pub first: u32,
    /// Its segments; 0: it is asked for.
    pub count: u32,
    /// The program that they are of (see [`crate::offcpu::Key::exec_id`]).
    pub exec_id: u32,
    /// Whether an address that is in none of them is told: [`Process::TELL`], [`Process::ASKED_FOR`] or
    /// [`Process::LOOKED`].
    pub asked: u32,
    /// Address of CPython's `_PyRuntime`; 0: it runs no Python that is known.
    pub python: u64,
    /// Index of its layout in the `PYTHONS` map.
    pub python_layout: u32,
    /// Makes the size a multiple of eight.
    pub pad: u32,
}

impl Process {
    /// [`Process::asked`]: an address that is in no segment is to be told. User space sets it.
    pub const TELL: u32 = 0;
    /// Such an address was told, or the process itself, and user space has not looked yet. The programs
    /// set it.
    pub const ASKED_FOR: u32 = 1;
    /// User space has just looked: what is in no segment is no code. User space sets it, for a while.
    pub const LOOKED: u32 = 2;
}

/// A process that is to be looked at: an event of the `ASKED` ring.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Asked {
    /// Process.
    pub pid: u32,
    /// The program it runs (see [`crate::offcpu::Key::exec_id`]).
    pub exec_id: u32,
    /// An address that is in no known segment; 0: nothing is known of the process.
    pub address: u64,
}
