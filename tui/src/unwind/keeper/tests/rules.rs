//! Rules: what of them a file may add.

use super::super::store::Store;
use super::Memory;
use crate::symbols::{CodeFile, Identity};
use crate::unwind::image::{CODE, Frames, Image};
use crate::unwind::rules::NEW_OF_FILE_MAX;
use gimli::constants as c;
use std::fs::File;
use std::io::Write;
use syscope_shared::unwind::{NO_TABLE, Rule, Segment};

/// A file with so many rules that those of another number do not have, and one that all have.
fn file(number: u32, own_rules: usize) -> File {
    let mut instructions = Vec::new();
    for rule in 0..own_rules as u32 {
        let offset = number << 14 | rule;
        // A number of 21 bits as DWARF has it (LEB128).
        let leb = [offset | 0x80, offset >> 7 | 0x80, offset >> 14].map(|byte| byte as u8);
        instructions.extend([c::DW_CFA_advance_loc.0 | 1, c::DW_CFA_def_cfa_offset.0]);
        instructions.extend(leb);
    }
    let entry = [c::DW_CFA_def_cfa.0, 7, 8, c::DW_CFA_offset.0 | 16, 1];
    let mut frames = Frames::default();
    frames.common("", 16, &entry).function(CODE, 0x3000, &instructions);
    let sections = [(".eh_frame", 0, &*frames.bytes)];
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&Image { code: 0x3000, ..Image::new(&sections) }.bytes()).unwrap();
    file
}

fn memory() -> Memory {
    Memory::new(1 << 20).0
}

/// The rules that the kernel was told.
fn told(maps: &Memory) -> &[Rule] {
    let used =
        maps.rules.iter().rposition(|rule| *rule != Rule::NO_DATA).map_or(0, |last| last + 1);
    &maps.rules[..used]
}

fn make(store: &mut Store, maps: &mut Memory, number: u32, own_rules: usize) -> Segment {
    let file = file(number, own_rules);
    let id = CodeFile::File(Identity::of(&file).unwrap());
    store.make(id, &file, |_| true, maps);
    store.segment(id, (CODE, CODE + 0x3000), CODE)
}

#[test]
fn no_file_takes_the_rules_of_all_others() {
    let (mut store, mut maps) = (Store::new(1 << 20), memory());
    let base = |store: &mut Store, maps: &mut Memory, number, own_rules| {
        make(store, maps, number, own_rules).base
    };
    assert_ne!(base(&mut store, &mut maps, 1, 5), NO_TABLE);
    for number in 2..12 {
        assert_eq!(base(&mut store, &mut maps, number, NEW_OF_FILE_MAX + 1), NO_TABLE);
    }
    assert_eq!((store.counts().tables, store.counts().no_room), (1, 10));
    assert_ne!(base(&mut store, &mut maps, 12, NEW_OF_FILE_MAX), NO_TABLE, "as many as can be");
    assert!(told(&maps) == store.rules.all(), "the kernel has others");
    assert_eq!(told(&maps).len(), 3 + 5 + NEW_OF_FILE_MAX);
    assert_eq!((store.counts().tables, store.counts().no_room, store.counts().without), (2, 10, 0));
}

#[test]
fn what_there_is_no_room_for_is_counted_and_leaves_no_rules() {
    let words = |own_rules: usize| {
        let mut store = Store::new(1 << 20);
        make(&mut store, &mut memory(), 1, own_rules);
        store.counts().bytes / size_of::<u32>()
    };
    let mut maps = memory();
    let mut store = Store::new(2 * words(100));
    assert_ne!(make(&mut store, &mut maps, 1, 100).base, NO_TABLE);
    assert_ne!(make(&mut store, &mut maps, 2, 50).base, NO_TABLE);
    let rules = store.rules.clone();
    assert_eq!(make(&mut store, &mut maps, 3, 100).base, NO_TABLE, "no room is left");
    assert_eq!(make(&mut store, &mut maps, 4, 1_000).base, NO_TABLE, "larger than any may be");
    assert_eq!((store.counts().no_room, store.counts().without), (2, 0));
    assert!(store.rules == rules && told(&maps) == rules.all(), "rules of files without a table");
}
