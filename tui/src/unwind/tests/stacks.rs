//! The walker, on stacks made by hand.

use super::super::Walker;
use syscope_shared::unwind::{
    AT_CFA, End, FRAMES_MAX, NO_TABLE, NOT_READY, REGISTER, RULE_ROOT, Registers, Rule, Segment,
    row,
};

const CALL: Rule =
    Rule { kind: REGISTER, cfa_offset: 16, ra: AT_CFA, ra_offset: -8, ..Rule::NO_DATA };
const RULES: [Rule; 3] = [Rule::NO_DATA, Rule::ROOT, CALL];
const SP: u64 = 0x8000;

/// One page: nothing is known until 0x10, then there is a call until 0x100, and the root until 0x200.
const TABLE: [u32; 6] = [0, 4, row(0, 0), row(0x10, 2), row(0x100, RULE_ROOT), row(0x200, 0)];

fn segment(start: u64, base: u32) -> Segment {
    Segment { start, len: 0x1000, shift: 0, base, pages: 1, pad: 0 }
}

/// Walks from an address with the return addresses of calls, two words each, on the stack.
fn walk(segments: &[Segment], ip: u64, fp: u64, returns: &[u64]) -> (Vec<u64>, End) {
    // The table does not lie at the beginning.
    let words = [&[9; 3][..], &TABLE].concat();
    let walker = Walker { segments, words: words.as_slice(), rules: &RULES };
    let read = |at: u64| {
        let word = usize::try_from(at.checked_sub(SP)? / 8).ok()?;
        at.is_multiple_of(8).then_some(())?;
        let call = returns.get(word / 2)?;
        Some(if word % 2 == 1 { *call } else { at + 16 })
    };
    walker.walk(Registers { ip, sp: SP, fp, ..Registers::default() }, |_| None, read)
}

#[test]
fn a_stack_is_complete_where_its_thread_began() {
    let segments = [segment(0x1000, 3), segment(0x5000, 3)];
    let (addresses, end) = walk(&segments, 0x1010, 0, &[0x5020, 0x1030, 0x5101]);
    assert_eq!((addresses.as_slice(), end), (&[0x1010, 0x5020, 0x1030, 0x5101][..], End::Complete));
}

#[test]
fn a_return_address_is_looked_up_where_the_call_was() {
    // Behind a call that never returns comes another function.
    let segments = [segment(0x1000, 3)];
    assert_eq!(walk(&segments, 0x1020, 0, &[0x1100, 0x1101]).1, End::Complete);
    assert_eq!(walk(&segments, 0x1100, 0, &[]).1, End::Complete, "the leaf is where it is");
    assert_eq!(walk(&segments, 0x1020, 3, &[0x1010, 0x1101]).1, End::NoUnwindData);
    assert_eq!(walk(&segments, 0x1020, 0, &[0x1011, 0x1101]).1, End::Complete);
}

#[test]
fn without_a_table_frame_pointers_are_followed() {
    let returns = [0x5020, 0x5030, 0x1101];
    // Their frames are in order: each has its frame pointer right above the one before.
    let (addresses, end) =
        walk(&[segment(0x1000, 3), segment(0x5000, NO_TABLE)], 0x5010, SP, &returns);
    assert_eq!(addresses, [0x5010, 0x5020, 0x5030, 0x1101]);
    assert_eq!(end, End::Complete, "mixed with a table");
    let (addresses, end) = walk(&[segment(0x1000, 3)], 0x5010, SP, &returns);
    assert_eq!(
        (addresses, end),
        (vec![0x5010], End::NoUnwindData),
        "where no code is nothing called"
    );
    let (addresses, end) = walk(&[segment(0x1000, 3)], 0x5010, SP, &[0x1101]);
    assert_eq!(
        (addresses, end),
        (vec![0x5010, 0x1101], End::Complete),
        "but the leaf is where it is"
    );
    let meanwhile = [segment(0x1000, 3), segment(0x5000, NOT_READY)];
    let (addresses, end) = walk(&meanwhile, 0x5010, SP, &returns);
    assert_eq!((addresses.len(), end), (4, End::NotReady), "though it led to the end");
    assert_eq!(walk(&[], 0x5010, 0, &[]).1, End::NoUnwindData);
    assert_eq!(walk(&[], 0x5010, 1, &[]).1, End::NoUnwindData);
}

#[test]
fn a_stack_that_cannot_be_read_or_has_no_end() {
    let segments = [segment(0x1000, 3)];
    assert_eq!(walk(&segments, 0x1010, 0, &[0x1020]), (vec![0x1010, 0x1020], End::Unreadable));
    let deep = [&[0x1020; FRAMES_MAX - 2][..], &[0x1101]].concat();
    let (addresses, end) = walk(&segments, 0x1010, 0, &deep);
    assert_eq!((addresses.len(), end), (FRAMES_MAX, End::Complete));
    let (addresses, end) = walk(&segments, 0x1010, 0, &[0x1020; 1000]);
    assert_eq!((addresses.len(), end), (FRAMES_MAX, End::DepthLimit));
}

#[test]
fn tables_and_segments_that_make_no_sense_are_no_harm() {
    let odd = Segment { base: u32::MAX - 2, pages: u32::MAX, ..segment(0x1000, 0) };
    assert_eq!(walk(&[odd], 0x1010, 1, &[]).1, End::NoUnwindData);
    let odd = Segment { start: u64::MAX - 5, len: u64::MAX, shift: u32::MAX, ..odd };
    assert_eq!(walk(&[odd], u64::MAX, 1, &[]).1, End::NoUnwindData);
    // Rows beyond the words, and rules beyond those that there are.
    let walker = Walker { segments: &[segment(0, 0)], words: &[7, 9, 5][..], rules: &[] };
    let registers = Registers { ip: 4, fp: 1, ..Registers::default() };
    assert_eq!(walker.walk(registers, |_| None, |_| None), (vec![4], End::NoUnwindData));
    let walker = Walker { words: &[0, 1, row(0, 77)][..], ..walker };
    assert_eq!(walker.walk(registers, |_| None, |_| None), (vec![4], End::NoUnwindData));
}
