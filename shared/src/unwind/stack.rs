//! Stacks that were walked, and those that are to be: what of them crosses to user space.

use super::step::Registers;
use bytemuck::{Pod, Zeroable};

/// How a stack ended.
#[repr(u32)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum End {
    /// At the start of its thread: nothing is missing.
    Complete = 0,
    /// It is deeper than [`super::FRAMES_MAX`].
    DepthLimit = 1,
    /// Nothing is known of how to go on from its last address, and its frame pointer leads nowhere.
    NoUnwindData = 2,
    /// A table was still being made, so that frame pointers were followed.
    NotReady = 3,
    /// The memory of the stack could not be read.
    Unreadable = 4,
    /// Frame pointers were all that was followed: nobody knows.
    #[default]
    Unknown = 5,
}

impl End {
    /// All of them, by number.
    pub const ALL: [Self; 6] = [
        Self::Complete,
        Self::DepthLimit,
        Self::NoUnwindData,
        Self::NotReady,
        Self::Unreadable,
        Self::Unknown,
    ];
}

/// A stack as the programs send it: its head, then as many addresses as it says, leaf first, then its
/// Python frames.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Head {
    /// What the other maps call it: a hash of everything below and of the addresses.
    pub id: u64,
    /// Process; 0: the stack is one of the kernel's.
    pub pid: u32,
    /// The program it ran (see [`crate::offcpu::Key::exec_id`]).
    pub exec_id: u32,
    /// How it ended: an [`End`].
    pub end: u32,
    /// Addresses behind this.
    pub depth: u32,
    /// Pairs of words behind those: see [`crate::python`].
    pub python: u32,
    /// How the Python frames ended: a [`crate::python::End`].
    pub python_end: u32,
}

/// Where hashes of stacks begin.
pub const HASH_SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// Takes a word into a hash. Two stacks of the few hundred thousand that a machine has in a day meet
/// with a chance below one in a hundred million.
#[inline(always)]
pub const fn mix(hash: u64, word: u64) -> u64 {
    let mixed = (hash ^ word).wrapping_mul(0xff51_afd7_ed55_8ccd);
    mixed ^ (mixed >> 32)
}

/// The name of a stack of a process and its program: of the hash of its addresses, and how it ended.
#[inline(always)]
pub const fn name_of(addresses: u64, (pid, exec_id): (u32, u32), end: u32) -> u64 {
    let program = (pid as u64) << 32 | exec_id as u64;
    let name = mix(mix(addresses, program), end as u64);
    if name < crate::stack::FIRST { name + crate::stack::FIRST } else { name }
}

/// The name of a stack with these addresses: see [`name_of`].
pub fn name(program: (u32, u32), addresses: &[u64], end: u32) -> u64 {
    let hash = addresses.iter().fold(HASH_SEED, |hash, address| mix(hash, *address));
    name_of(hash, program, end)
}

/// Bytes of a stack that are copied at most.
pub const COPY_MAX: usize = 16 * 1024;

/// A sample whose stack could not be walked yet, for a table was not ready: an event of the `COPIES`
/// ring. Behind it is the top of the stack, from the stack pointer on.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Copied {
    /// Process.
    pub pid: u32,
    /// The program it ran (see [`crate::offcpu::Key::exec_id`]).
    pub exec_id: u32,
    /// Kernel stack of the sample.
    pub kernel_stack: u64,
    /// Name of the thread.
    pub comm: [u8; crate::COMM_LEN],
    /// Registers of the leaf.
    pub registers: Registers,
    /// Its other registers, by their numbers in DWARF.
    pub leaf: [u64; 16],
    /// Bytes of the stack that could be read.
    pub len: u64,
}
