//! Call frame information made by hand, as compilers and hand-written assembly have it.

use super::super::image::{CODE, Frames, Image};
use super::super::{Error, Machine, Reason};
use super::{compiled, rule_at};
use gimli::constants as c;
use syscope_shared::unwind::{
    AT_CFA, AT_FP, FP, LOST, MEMORY, OTHER, PLT, REGISTER, Rule, SAME, SIGNAL, SP, row,
};

// Numbers of registers in DWARF, and instructions that have one or an offset in them.
const RDI: u8 = 5;
const RBP: u8 = 6;
const RSP: u8 = 7;
const R10: u8 = 10;
const RIP: u8 = 16;
const DEF_CFA: u8 = c::DW_CFA_def_cfa.0;
const CFA_OFFSET: u8 = c::DW_CFA_def_cfa_offset.0;
const REMEMBER: u8 = c::DW_CFA_remember_state.0;
const RESTORE: u8 = c::DW_CFA_restore_state.0;
const EXPRESSION: u8 = c::DW_CFA_expression.0;
const CFA_EXPRESSION: u8 = c::DW_CFA_def_cfa_expression.0;
const UNDEFINED: u8 = c::DW_CFA_undefined.0;
const DEREF: u8 = c::DW_OP_deref.0;

const fn advance(bytes: u8) -> u8 {
    c::DW_CFA_advance_loc.0 | bytes
}

/// In memory, so many words below the CFA.
const fn saved(register: u8) -> u8 {
    c::DW_CFA_offset.0 | register
}

/// What an expression begins with: a register and an offset, which follows.
const fn breg(register: u8) -> u8 {
    c::DW_OP_breg0.0 + register
}

/// What functions of x86-64 begin with: the return address is at the top of the stack.
const ENTRY: [u8; 5] = [DEF_CFA, RSP, 8, saved(RIP), 1];
const CALL: Rule =
    Rule { kind: REGISTER, cfa_offset: 8, ra: AT_CFA, ra_offset: -8, ..Rule::NO_DATA };

/// The rules of one function at some addresses, with what else was met.
fn rules<const N: usize>(instructions: &[u8], asked: [u64; N]) -> [Rule; N] {
    let mut frames = Frames::default();
    frames.common("", RIP, &ENTRY).function(CODE, 0x100, instructions);
    let table = compiled(&Image::new(&[(".eh_frame", 0, &frames.bytes)])).unwrap();
    asked.map(|address| rule_at(&table, address))
}

/// Why nothing is known of a function.
fn refused(augmentation: &str, ra: u8, instructions: &[u8]) -> Reason {
    let mut frames = Frames::default();
    frames.common(augmentation, ra, &ENTRY).function(CODE, 0x100, instructions);
    let (table, rules) = compiled(&Image::new(&[(".eh_frame", 0, &frames.bytes)])).unwrap();
    assert_eq!(table.words[2..], [row(0, 0)], "{:?}", rules.all());
    let refused = table.stats.refused.iter().sum::<u32>();
    let reason = Reason::ALL.into_iter().find(|reason| table.stats.refused[*reason as usize] > 0);
    assert_eq!(refused, 1);
    reason.unwrap()
}

/// Hand-written, as the dynamic linker's: nothing describes it, and nobody calls it.
#[test]
fn stacks_end_where_the_program_begins() {
    for (next, ends) in [(0x20, 0x20), (0x200, 0x80)] {
        let mut frames = Frames::default();
        frames.common("", RIP, &ENTRY).function(CODE + next, 0x100, &[]);
        let table = compiled(&Image::new(&[(".eh_frame", 0, &frames.bytes)])).unwrap();
        assert_eq!([0, ends - 1].map(|at| rule_at(&table, at)), [Rule::ROOT; 2]);
        assert_eq!(rule_at(&table, next), CALL);
        assert_eq!(rule_at(&table, next + 0x100), Rule::NO_DATA);
        if ends < next {
            assert_eq!(rule_at(&table, ends), Rule::NO_DATA);
        }
    }
}

#[test]
fn a_function_that_keeps_its_frame_by_the_stack_pointer() {
    let push = [advance(2), CFA_OFFSET, 16, saved(RBP), 2, advance(4), CFA_OFFSET, 0x30];
    let pop = [advance(8), REMEMBER, CFA_OFFSET, 8, c::DW_CFA_restore.0 | RBP, advance(1), RESTORE];
    let of = rules(&[push.as_slice(), &pop].concat(), [0, 1, 2, 6, 13, 14, 15, 0xff, 0x100]);
    let pushed = Rule { cfa_offset: 16, fp: AT_CFA, fp_offset: -16, ..CALL };
    let inside = Rule { cfa_offset: 0x30, ..pushed };
    let gap = Rule::NO_DATA;
    assert_eq!(of, [CALL, CALL, pushed, inside, inside, CALL, inside, inside, gap]);
}

#[test]
fn a_function_with_a_frame_pointer() {
    let own = [advance(1), CFA_OFFSET, 16, saved(RBP), 2, advance(3), c::DW_CFA_def_cfa_register.0];
    let of = rules(&[&own[..], &[RBP]].concat(), [4]);
    let expected = Rule { cfa_register: FP, cfa_offset: 16, fp: AT_CFA, fp_offset: -16, ..CALL };
    assert_eq!(of, [expected]);
}

#[test]
fn registers_that_lead_nowhere_make_no_rows() {
    let mut frames = Frames::default();
    let others = [advance(1), saved(3), 2, advance(1), saved(12), 3, advance(1), saved(15), 4];
    frames.common("", RIP, &ENTRY).function(CODE, 0x100, &others);
    let (table, _) = compiled(&Image::new(&[(".eh_frame", 0, &frames.bytes)])).unwrap();
    assert_eq!(table.words, [0, 2, row(0, 2), row(0x100, 0)]);
}

/// As gcc realigns a stack: by way of r10, then by what it saved of it.
#[test]
fn a_realigned_stack() {
    let before = [advance(5), DEF_CFA, R10, 0, advance(5), EXPRESSION, RBP, 2, breg(RBP), 0];
    let by_saved = [advance(5), CFA_EXPRESSION, 3, breg(RBP), 0x78, DEREF];
    let of = rules(&[&before[..], &by_saved].concat(), [5, 10, 15]);
    let by_r10 = Rule { cfa_register: OTHER + R10, cfa_offset: 0, ..CALL };
    let by_memory = Rule { kind: MEMORY, cfa_register: FP, cfa_offset: -8, fp: AT_FP, ..CALL };
    assert_eq!(of, [by_r10, Rule { fp: AT_FP, ..by_r10 }, by_memory]);
}

/// As OpenSSL's assembly has it.
#[test]
fn the_stack_pointer_of_the_caller_kept_on_the_stack() {
    let plus_8 = [breg(RSP), 0xd8, 1, DEREF, c::DW_OP_plus_uconst.0, 8];
    let of = rules(&[&[CFA_EXPRESSION, 6][..], &plus_8, &[saved(RBP), 3]].concat(), [0]);
    let by_memory = Rule { kind: MEMORY, cfa_offset: 216, cfa_add: 8, ..CALL };
    assert_eq!(of, [Rule { fp: AT_CFA, fp_offset: -24, ..by_memory }]);
}

#[test]
fn a_register_said_to_be_at_the_stack_pointer() {
    let of = rules(&[CFA_OFFSET, 0x20, EXPRESSION, RBP, 2, breg(RSP), 8], [0]);
    assert_eq!(of, [Rule { cfa_offset: 32, fp: AT_CFA, fp_offset: -24, ..CALL }]);
}

#[test]
fn a_linkage_table() {
    let rip = breg(RIP);
    let lit = |number: u8| c::DW_OP_lit0.0 + number;
    let computed = [breg(RSP), 8, rip, 0, lit(15), c::DW_OP_and.0, lit(11), c::DW_OP_ge.0];
    let end = [lit(3), c::DW_OP_shl.0, c::DW_OP_plus.0];
    let head = [CFA_OFFSET, 16, advance(6), CFA_OFFSET, 24, advance(10), CFA_EXPRESSION, 11];
    let of = rules(&[&head[..], &computed, &end].concat(), [0, 6, 16, 0xff]);
    let plt = Rule { kind: PLT, cfa_register: SP, cfa_add: 11, ..CALL };
    assert_eq!(
        of,
        [16, 24]
            .map(|cfa_offset| Rule { cfa_offset, ..CALL })
            .into_iter()
            .chain([plt, plt])
            .collect::<Vec<_>>()[..]
    );
}

#[test]
fn where_stacks_end_and_registers_are_lost() {
    assert_eq!(rules(&[UNDEFINED, RIP, CFA_EXPRESSION, 0], [0]), [Rule::ROOT]);
    assert_eq!(rules(&[UNDEFINED, RBP], [0]), [Rule { fp: LOST, ..CALL }]);
    assert_eq!(rules(&[c::DW_CFA_same_value.0, RBP], [0]), [CALL]);
}

/// As the C library describes what a signal handler returns to.
fn signal_frame(sp: u8) -> Vec<u8> {
    let at = |register: u8, offset: u8| {
        [EXPRESSION, register, 3, breg(RSP), 0x80 | (offset & 0x7f), offset >> 7]
    };
    let cfa = [CFA_EXPRESSION, 4, breg(RSP), 0x80 | (sp & 0x7f), sp >> 7, DEREF];
    [cfa, at(RBP, 120), at(RSP, 160), at(RIP, 168)].concat()
}

#[test]
fn the_frame_of_a_signal_handler() {
    let mut frames = Frames::default();
    frames.common("zS", RIP, &[]).function(CODE, 16, &[&[0][..], &signal_frame(160)].concat());
    let table = compiled(&Image::new(&[(".eh_frame", 0, &frames.bytes)])).unwrap();
    assert_eq!(rule_at(&table, 0), Rule { kind: SIGNAL, ..Rule::NO_DATA });
    let other = [&[0][..], &signal_frame(161)].concat();
    assert_eq!(refused("zS", RIP, &other), Reason::Signal);
}

#[test]
fn what_no_rule_can_say_is_refused_with_its_reason() {
    let value_at = c::DW_CFA_val_offset.0;
    assert_eq!(refused("", RIP, &[CFA_EXPRESSION, 1, DEREF]), Reason::StackPointer);
    assert_eq!(refused("", RIP, &[saved(RSP), 2]), Reason::StackPointer, "it switches stacks");
    let far = [DEF_CFA, RSP, 0xff, 0xff, 0xff, 0xff, 0x0f];
    assert_eq!(refused("", RIP, &far), Reason::StackPointer, "too far");
    assert_eq!(refused("", RIP, &[value_at, RBP, 2]), Reason::FramePointer);
    assert_eq!(refused("", RIP, &[c::DW_CFA_register.0, RIP, RDI]), Reason::ReturnAddress);
    assert_eq!(refused("", 12, &[]), Reason::ReturnAddress, "nothing is said of it");
    assert_eq!(refused("", RIP, &[RESTORE]), Reason::Instructions, "nothing was remembered");
    assert_eq!(refused("", RIP, &[c::DW_CFA_lo_user.0 | 0x3f]), Reason::Instructions);
    assert_eq!(refused("", RIP, &[REMEMBER; 33]), Reason::Instructions);
    assert_eq!(refused("", RIP, &[CFA_EXPRESSION, 0, CFA_OFFSET, 8]), Reason::Instructions);
}

#[test]
fn what_breaks_in_the_middle_of_a_function_leaves_its_beginning() {
    assert_eq!(
        rules(&[advance(4), RESTORE, advance(4), CFA_OFFSET, 16], [3, 4, 9]),
        [CALL, Rule::NO_DATA, Rule::NO_DATA,]
    );
}

/// arm64: the return address is in a register until the frame is made.
#[test]
fn functions_of_arm64() {
    let (fp, lr, sp) = (29, 30, 31);
    let made = [advance(4), CFA_OFFSET, 32, saved(fp), 4, saved(lr), 3];
    let by_fp = [advance(4), c::DW_CFA_def_cfa_register.0, fp];
    let mut frames = Frames::default();
    frames.common("", lr, &[DEF_CFA, sp, 0]);
    frames.function(CODE, 0x40, &[&made[..], &by_fp, &[advance(4), UNDEFINED, lr]].concat());
    let sections = [(".eh_frame", 0, &*frames.bytes)];
    let table = compiled(&Image { machine: Machine::Aarch64, ..Image::new(&sections) }).unwrap();
    let leaf = Rule { kind: REGISTER, ra: SAME, ..Rule::NO_DATA };
    let framed =
        Rule { cfa_offset: 32, fp: AT_CFA, fp_offset: -32, ra: AT_CFA, ra_offset: -24, ..leaf };
    let by_fp = Rule { cfa_register: FP, ..framed };
    let asked = [0, 4, 8, 12].map(|address| rule_at(&table, address));
    assert_eq!(asked, [leaf, framed, by_fp, Rule::ROOT]);
}

#[test]
fn debug_frame_is_for_what_eh_frame_leaves_out() {
    let [mut eh, mut debug] = [Frames::default(), Frames { debug: true, ..Frames::default() }];
    eh.common("", RIP, &ENTRY).function(CODE + 0x20, 0x20, &[]);
    debug.common("", RIP, &ENTRY);
    for start in [0, 0x10, 0x20, 0x30, 0x40] {
        debug.function(CODE + start, 0x18, &[CFA_OFFSET, 16]);
    }
    let image = [(".eh_frame", 0, &*eh.bytes), (".debug_frame", 0, &*debug.bytes)];
    let table = compiled(&Image::new(&image)).unwrap();
    let asked = [0, 0x18, 0x1f, 0x20, 0x30, 0x3f, 0x40, 0x58].map(|at| rule_at(&table, at));
    let offsets = asked.map(|rule| rule.cfa_offset);
    assert_eq!(offsets, [16, 16, 16, 8, 8, 8, 16, 0]);
    assert_eq!((table.0.stats.functions, table.0.stats.overlapping), (4, 2));
}

#[test]
fn functions_in_any_order_one_above_the_other_and_outside() {
    let mut frames = Frames::default();
    frames.common("", RIP, &ENTRY);
    let of =
        [(0x80, 0x10, 10), (0, 0x40, 20), (0x10, 8, 30), (0x10, 0x100, 40), (0xff0, 0x100, 50)];
    for (start, size, offset) in of {
        frames.function(CODE + start, size, &[CFA_OFFSET, offset]);
    }
    frames.function(0, 8, &[]).function(u64::MAX - 2, 100, &[]).function(CODE + 0x60, 0, &[]);
    let table = compiled(&Image::new(&[(".eh_frame", 0, &frames.bytes)])).unwrap();
    let asked = [0, 0xf, 0x10, 0x17, 0x18, 0x7f, 0x80, 0x8f, 0x90, 0xff0, 0xfff, 0x1000];
    let offsets = asked.map(|at| rule_at(&table, at).cfa_offset);
    assert_eq!(offsets, [20, 20, 30, 30, 0, 0, 10, 10, 0, 50, 50, 0]);
    let stats = table.0.stats;
    assert_eq!((stats.functions, stats.overlapping, stats.outside), (4, 2, 3));
}

#[test]
fn an_entry_that_cannot_be_read_hides_no_other() {
    let mut frames = Frames::default();
    frames.common("zQ", RIP, &ENTRY).function(CODE, 8, &[]);
    frames.common("", RIP, &ENTRY).function(CODE + 8, 8, &[]);
    // An end in the middle, as some linkers leave it, and a last entry that is cut.
    frames.bytes.extend([0; 4]);
    frames.function(CODE + 16, 8, &[]).bytes.extend([0xff, 0xff, 0, 0, 1]);
    let table = compiled(&Image::new(&[(".eh_frame", 0, &frames.bytes)])).unwrap();
    assert_eq!([0, 8, 16].map(|at| rule_at(&table, at).cfa_offset), [0, 8, 8]);
    assert_eq!(table.0.stats.unreadable, 1);
}

#[test]
fn many_functions_with_one_large_common_part_end() {
    let mut frames = Frames::default();
    let large = [&[c::DW_CFA_nop.0; 1 << 20][..], &ENTRY].concat();
    // Each is another common part to who remembers a thousand of them.
    for number in 0..3_000 {
        frames.common("", RIP, if number == 0 { &large } else { &ENTRY });
        frames.function(CODE + number % 0x1000, 1, &[]);
    }
    let began = std::time::Instant::now();
    let (table, _) = compiled(&Image::new(&[(".eh_frame", 0, &frames.bytes)])).unwrap();
    assert_eq!(table.stats.functions, 3_000);
    assert!(began.elapsed().as_secs() < 10);
    assert_eq!(compiled(&Image::new(&[])).unwrap_err(), Error::NoUnwindData);
}
