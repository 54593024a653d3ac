//! Unwinding without frame pointers: the tables that user space compiles from the unwind data of
//! programs, and how one step from a frame to its caller is made with them. The BPF programs and user
//! space make it with the same code.
//!
//! A **table** says for every address of one file which [`Rule`] leads from there to the caller. It lies
//! in the words of the `UNWIND` map, at a *base*:
//!
//! ```text
//! base              word p: where the rows of page p begin, counted from the first row
//! base + pages      where the last page's rows end
//! base + pages + 1  the rows of page 0, those of page 1, ...
//! ```
//!
//! A page is [`PAGE_BYTES`] of addresses. A row is one word: the low 16 bits of the address from which
//! on it holds, and above them the number of a rule in the `RULES` map. The rows of a page are in order
//! of address, and the first is for its first address: the rule that is in force there.
//!
//! Addresses in a table are those of the file (`p_vaddr`) less the table's own first page.
//!
//! The format is that of no other project. What the rules mean is the DWARF standard, version 5, 6.4
//! (Call Frame Information), and the processor supplements of the System V ABI.

use bytemuck::{Pod, Zeroable};

/// Bits of an address within its page of a table.
pub const PAGE_BITS: u32 = 16;
/// Bytes of a page of a table.
pub const PAGE_BYTES: u64 = 1 << PAGE_BITS;

/// Words of one value of the `UNWIND` map: its index is that of the word without these bits.
pub const CHUNK_WORDS: usize = 1024;
/// Segments of one value of the `SEGMENTS` map.
pub const CHUNK_SEGMENTS: usize = 128;

/// Rows of one page at most: one for every address.
pub const PAGE_ROWS_LOG2: u32 = PAGE_BITS + 1;
/// Segments of one process at most, as a power of two.
pub const SEGMENTS_LOG2: u32 = 12;
/// Segments of one process at most.
pub const SEGMENTS_MAX: u32 = 1 << SEGMENTS_LOG2;

/// User frames of a stack that are kept at most.
pub const FRAMES_MAX: usize = 255;

/// Rules that there can be at most, over all tables.
pub const RULES_MAX: u32 = 1 << 15;
/// Number of the rule that says that nothing is known ([`NO_DATA`]).
pub const RULE_NO_DATA: u32 = 0;
/// Number of the rule that says that here the stack ends ([`ROOT`]).
pub const RULE_ROOT: u32 = 1;

/// Base of a segment whose file has no unwind data: its frame pointers are followed.
pub const NO_TABLE: u32 = u32::MAX;
/// Base of a segment whose table is still being made.
pub const NOT_READY: u32 = u32::MAX - 1;

/// The row of an address of a page with this rule.
pub const fn row(address: u64, rule: u32) -> u32 {
    (rule << PAGE_BITS) | (address as u32 & (PAGE_BYTES as u32 - 1))
}

/// The rule of a row.
pub const fn rule_of(row: u32) -> u32 {
    row >> PAGE_BITS
}

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
    /// Where its table begins in the `UNWIND` map, [`NO_TABLE`] or [`NOT_READY`].
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
    /// Not 0: an address that is in none of them was met, and told.
    pub asked: u32,
    /// Address of CPython's `_PyRuntime`; 0: it runs no Python that is known.
    pub python: u64,
    /// Index of its layout in the `PYTHONS` map.
    pub python_layout: u32,
    /// Makes the size a multiple of eight.
    pub pad: u32,
}

/// What is carried from frame to frame.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Registers {
    /// Instruction pointer: where execution is, or (of a caller) where it continues.
    pub ip: u64,
    /// Stack pointer.
    pub sp: u64,
    /// Frame pointer (x86-64: rbp, arm64: x29).
    pub fp: u64,
    /// Link register (arm64).
    pub lr: u64,
    /// 1 when `ip` is where a call returns to: the call is the instruction before it. 0 in the leaf and
    /// where a signal interrupted.
    pub is_return: u64,
    /// 1 when the last step went by the frame pointer: a frame pointer of 0 is the end of a chain then.
    pub chained: u64,
}

/// What a step came to.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The registers are the caller's.
    Caller = 0,
    /// There is no caller: this is where the thread began.
    Root = 1,
    /// Nothing leads on.
    NoData = 2,
    /// The stack could not be read.
    Unreadable = 3,
}

/// The address by which a frame is told. Behind the leaf, all are told as those that calls return to: one
/// byte behind the code. So what a signal interrupted is told one byte further, and what a signal
/// handler returns to, for no call is in front of it. `at` are the registers of the frame, `after` those
/// after the step from it.
#[inline(always)]
pub const fn told(at: &Registers, after: &Registers, is_leaf: bool) -> u64 {
    let is_code = at.is_return == 0 || after.is_return == 0;
    at.ip.wrapping_add((is_code && !is_leaf) as u64)
}

/// One step to the caller. `leaf` gives a register by its number in DWARF, in the leaf; `read` a word of
/// the process's memory.
#[inline(always)]
pub fn step(
    rule: &Rule,
    registers: &mut Registers,
    leaf: impl Fn(u32) -> Option<u64>,
    read: impl Fn(u64) -> Option<u64>,
) -> Step {
    match rule.kind {
        ROOT => return Step::Root,
        SIGNAL => return out_of_signal(registers, read),
        NO_DATA => return by_frame_pointer(registers, read),
        _ => {}
    }
    let Some(cfa) = cfa(rule, registers, leaf, &read) else { return Step::Unreadable };
    // A stack grows downwards: the caller's part of it is above. (A leaf on arm64 may need none.)
    if cfa < registers.sp || (cfa == registers.sp && registers.is_return == 1) {
        return Step::NoData;
    }
    let at = |place: u8, offset: i32, same: u64| match place {
        SAME => Some(same),
        AT_CFA => read(cfa.wrapping_add(offset as i64 as u64)),
        AT_FP => read(registers.fp.wrapping_add(offset as i64 as u64)),
        _ => None,
    };
    let Some(ip) = at(rule.ra, rule.ra_offset, registers.lr) else { return Step::Unreadable };
    // Where a function is left, compilers are not exact about the frame pointer. Few callers need it.
    let fp = at(rule.fp, rule.fp_offset, registers.fp).unwrap_or(LOST_FP);
    *registers = Registers { ip, sp: cfa, fp, lr: 0, is_return: 1, chained: 0 };
    if ip == 0 { Step::Root } else { Step::Caller }
}

#[inline(always)]
fn cfa(
    rule: &Rule,
    registers: &Registers,
    leaf: impl Fn(u32) -> Option<u64>,
    read: impl Fn(u64) -> Option<u64>,
) -> Option<u64> {
    let base = match rule.cfa_register {
        SP => registers.sp,
        FP => registers.fp,
        number if registers.is_return == 0 => leaf(u32::from(number - OTHER))?,
        _ => return None,
    };
    let sum = base.wrapping_add(rule.cfa_offset as i64 as u64);
    let add = rule.cfa_add as i64 as u64;
    match rule.kind {
        MEMORY => Some(read(sum)?.wrapping_add(add)),
        PLT if registers.ip & 15 >= add => Some(sum.wrapping_add(8)),
        _ => Some(sum),
    }
}

/// Offsets of the saved registers from the stack pointer in the frame of a signal handler, as the
/// kernel lays it out (`struct rt_sigframe` behind the return address): (ip, sp, fp).
pub const SIGNAL_FRAME: (u64, u64, u64) = (168, 160, 120);

/// From the code that a signal handler returns to, to what the signal interrupted.
#[inline(always)]
fn out_of_signal(registers: &mut Registers, read: impl Fn(u64) -> Option<u64>) -> Step {
    let saved = |offset: u64| read(registers.sp.wrapping_add(offset));
    let (Some(ip), Some(sp), Some(fp)) =
        (saved(SIGNAL_FRAME.0), saved(SIGNAL_FRAME.1), saved(SIGNAL_FRAME.2))
    else {
        return Step::Unreadable;
    };
    *registers = Registers { ip, sp, fp, lr: 0, is_return: 0, chained: 0 };
    if ip == 0 { Step::Root } else { Step::Caller }
}

/// Frames further apart than this are none of one chain of frame pointers, in bytes.
const FRAME_BYTES_MAX: u64 = 64 << 20;

/// One step by the frame pointer: it points to the caller's, and the return address lies above that.
#[inline(always)]
pub fn by_frame_pointer(registers: &mut Registers, read: impl Fn(u64) -> Option<u64>) -> Step {
    let fp = registers.fp;
    if fp == 0 {
        // The ABI has the outermost frame marked so (System V, x86-64, 3.4.1). Code that keeps none may
        // have a 0 there that means nothing.
        return if registers.chained == 1 { Step::Root } else { Step::NoData };
    }
    if fp & 7 != 0 || fp < registers.sp || fp - registers.sp > FRAME_BYTES_MAX {
        return Step::NoData;
    }
    let (Some(above), Some(ip)) = (read(fp), read(fp.wrapping_add(8))) else {
        return Step::NoData;
    };
    *registers =
        Registers { ip, sp: fp.wrapping_add(16), fp: above, lr: 0, is_return: 1, chained: 1 };
    if ip == 0 { Step::Root } else { Step::Caller }
}

/// How a stack ended.
#[repr(u32)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum End {
    /// At the start of its thread: nothing is missing.
    Complete = 0,
    /// It is deeper than [`FRAMES_MAX`].
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
    /// Process.
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
    if name < crate::stack::USER_FIRST { name + crate::stack::USER_FIRST } else { name }
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
    pub kernel_stack: i32,
    /// Epoch of that stack's id.
    pub epoch: u32,
    /// Name of the thread.
    pub comm: [u8; crate::COMM_LEN],
    /// Registers of the leaf.
    pub registers: Registers,
    /// Its other registers, by their numbers in DWARF.
    pub leaf: [u64; 16],
    /// Bytes of the stack that could be read.
    pub len: u64,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn go(rule: &Rule, registers: Registers, memory: &[(u64, u64)]) -> (Step, Registers) {
        let mut after = registers;
        let read = |at| memory.iter().find(|(address, _)| *address == at).map(|(_, word)| *word);
        let step = step(rule, &mut after, |number| Some(1_000 * u64::from(number)), read);
        (step, after)
    }

    fn caller(ip: u64, sp: u64, fp: u64) -> (Step, Registers) {
        (Step::Caller, Registers { ip, sp, fp, lr: 0, is_return: 1, chained: 0 })
    }

    const LEAF: Registers =
        Registers { ip: 0x4000, sp: 800, fp: 900, lr: 0, is_return: 0, chained: 0 };
    const CALL: Rule =
        Rule { kind: REGISTER, cfa_offset: 16, ra: AT_CFA, ra_offset: -8, ..Rule::NO_DATA };

    #[test]
    fn the_caller_is_found_by_each_kind_of_rule() {
        let memory = [(808, 0x5000), (800, 77), (912, 0x6000), (904, 88), (1_992, 0x7000)];
        assert_eq!(go(&CALL, LEAF, &memory), caller(0x5000, 816, 900));
        let saved = Rule { fp: AT_CFA, fp_offset: -16, ..CALL };
        assert_eq!(go(&saved, LEAF, &memory), caller(0x5000, 816, 77));
        let by_fp = Rule { cfa_register: FP, cfa_offset: 20, ..saved };
        assert_eq!(go(&by_fp, LEAF, &memory), caller(0x6000, 920, 88));
        let by_other = Rule { cfa_register: OTHER + 2, cfa_offset: 0, ..CALL };
        assert_eq!(go(&by_other, LEAF, &memory), caller(0x7000, 2_000, 900));
        assert_eq!(go(&Rule::ROOT, LEAF, &memory).0, Step::Root);
        assert_eq!(go(&CALL, LEAF, &[(808, 0)]).0, Step::Root, "no return address");
        assert_eq!(go(&CALL, LEAF, &[]).0, Step::Unreadable);
    }

    #[test]
    fn a_frame_pointer_that_is_lost_ends_no_stack_and_makes_none_complete() {
        let memory = [(808, 0x5000)];
        for fp in [LOST, AT_CFA, AT_FP] {
            let (step, after) = go(&Rule { fp, fp_offset: 4, ..CALL }, LEAF, &memory);
            assert_eq!((step, after), caller(0x5000, 816, LOST_FP));
            assert_eq!(go(&Rule::NO_DATA, after, &memory).0, Step::NoData);
        }
    }

    #[test]
    fn a_realigned_stack_is_left_by_what_it_saved() {
        let rule = Rule { kind: MEMORY, cfa_register: FP, cfa_offset: -8, fp: AT_FP, ..CALL };
        let memory = [(892, 2_000), (1_992, 0x5000), (900, 55)];
        assert_eq!(go(&rule, LEAF, &memory), caller(0x5000, 2_000, 55));
    }

    #[test]
    fn an_entry_of_a_linkage_table_pushes_on_its_way() {
        let rule = Rule { kind: PLT, cfa_offset: 8, cfa_add: 11, ..CALL };
        let memory = [(800, 0x5000), (808, 0x6000)];
        assert_eq!(go(&rule, LEAF, &memory), caller(0x5000, 808, 900));
        let late = Registers { ip: 0x400b, ..LEAF };
        assert_eq!(go(&rule, late, &memory), caller(0x6000, 816, 900));
    }

    #[test]
    fn behind_a_signal_handler_is_what_it_interrupted() {
        let memory = [(968, 0x5000), (960, 700), (920, 66)];
        let (step, after) = go(&Rule { kind: SIGNAL, ..Rule::NO_DATA }, LEAF, &memory);
        let interrupted =
            Registers { ip: 0x5000, sp: 700, fp: 66, lr: 0, is_return: 0, chained: 0 };
        assert_eq!((step, after), (Step::Caller, interrupted), "on another stack, perhaps");
    }

    #[test]
    fn without_a_rule_frame_pointers_are_followed() {
        let memory = [(904, 1_000), (912, 0x5000)];
        let chain = Registers { fp: 904, ..LEAF };
        assert_eq!(
            go(&Rule::NO_DATA, chain, &memory),
            (
                Step::Caller,
                Registers { ip: 0x5000, sp: 920, fp: 1_000, lr: 0, is_return: 1, chained: 1 }
            )
        );
        let no_chain = [(700, "below the stack"), (901, "not aligned"), (0, "none in a leaf")];
        for (fp, why) in no_chain {
            assert_eq!(
                go(&Rule::NO_DATA, Registers { fp, ..LEAF }, &memory).0,
                Step::NoData,
                "{why}"
            );
        }
        let last = Registers { fp: 0, is_return: 1, chained: 1, ..LEAF };
        assert_eq!(go(&Rule::NO_DATA, last, &memory).0, Step::Root);
        let none = Registers { chained: 0, ..last };
        assert_eq!(go(&Rule::NO_DATA, none, &memory).0, Step::NoData, "it may mean nothing");
    }

    #[test]
    fn a_stack_never_goes_down() {
        let rule = Rule { cfa_offset: -16, ..CALL };
        assert_eq!(go(&rule, LEAF, &[(776, 1)]).0, Step::NoData);
        let still = Rule { cfa_offset: 0, ra: SAME, ..CALL };
        assert_eq!(go(&still, Registers { lr: 5, ..LEAF }, &[]), caller(5, 800, 900));
        assert_eq!(go(&still, Registers { lr: 5, is_return: 1, ..LEAF }, &[]).0, Step::NoData);
    }
}
