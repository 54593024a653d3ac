//! One step from a frame to its caller.

use super::rule::{
    AT_CFA, AT_FP, FP, LOST_FP, MEMORY, NO_DATA, OTHER, PLT, ROOT, Rule, SAME, SIGNAL, SP,
};
use bytemuck::{Pod, Zeroable};

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
    // One after the other: of three at once the compiler makes code that kernel 5.10 refuses.
    let Some(ip) = saved(SIGNAL_FRAME.0) else { return Step::Unreadable };
    let Some(sp) = saved(SIGNAL_FRAME.1) else { return Step::Unreadable };
    let Some(fp) = saved(SIGNAL_FRAME.2) else { return Step::Unreadable };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unwind::{LOST, REGISTER};

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
