//! Rules: how one frame leads to its caller.

use bytemuck::{Pod, Zeroable};

/// Nothing is known of this address: frame pointers are followed.
pub const NO_DATA: u8 = 0;
/// The outermost function: its return address is said to be undefined.
pub const ROOT: u8 = 1;
/// The caller's stack pointer is a register and `cfa_offset`.
pub const REGISTER: u8 = 2;
/// The caller's stack pointer is `cfa_add` and the word in memory at a register and `cfa_offset`.
pub const MEMORY: u8 = 3;
/// In an entry of a procedure linkage table on x86: 8 more once the address is `cfa_add` or more
/// behind a multiple of 16.
pub const PLT: u8 = 4;
/// The frame that the kernel made for a signal handler: all registers lie on the stack.
pub const SIGNAL: u8 = 5;

/// A register of [`Rule::cfa_register`]: the stack pointer.
pub const SP: u8 = 0;
/// The frame pointer.
pub const FP: u8 = 1;
/// From here on: this and the number of a register in DWARF. Its value is known in the leaf alone.
pub const OTHER: u8 = 2;

/// Where the caller's register is: it still has it.
pub const SAME: u8 = 0;
/// In memory, at the caller's stack pointer and an offset.
pub const AT_CFA: u8 = 1;
/// In memory, at the frame pointer and an offset.
pub const AT_FP: u8 = 2;
/// Nowhere: it is lost.
pub const LOST: u8 = 3;

/// Stands for a frame pointer that is not known: none is odd, so that it leads nowhere. (0 would say that
/// there is no caller.)
pub const LOST_FP: u64 = 1;

/// How to get from one frame to its caller.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Pod, Zeroable)]
pub struct Rule {
    /// How the stack pointer of the caller (DWARF: the canonical frame address, CFA) is found.
    pub kind: u8,
    /// The register it is found with.
    pub cfa_register: u8,
    /// Where the caller's frame pointer is.
    pub fp: u8,
    /// Where the return address is; [`SAME`]: in the link register (arm64).
    pub ra: u8,
    /// See [`Rule::kind`]; bytes.
    pub cfa_offset: i32,
    /// See [`Rule::kind`]; bytes.
    pub cfa_add: i32,
    /// Offset for [`Rule::fp`], in bytes.
    pub fp_offset: i32,
    /// Offset for [`Rule::ra`], in bytes.
    pub ra_offset: i32,
    /// Makes the size a multiple of eight.
    pub pad: u32,
}

impl Rule {
    /// The outermost function.
    pub const ROOT: Self = Self { kind: ROOT, ..Self::NO_DATA };
    /// Nothing is known.
    pub const NO_DATA: Self = Self {
        kind: NO_DATA,
        cfa_register: SP,
        fp: SAME,
        ra: SAME,
        cfa_offset: 0,
        cfa_add: 0,
        fp_offset: 0,
        ra_offset: 0,
        pad: 0,
    };
}
