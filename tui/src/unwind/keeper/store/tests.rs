//! Tables of files made by hand, and what there is no room for.

use super::*;
use crate::unwind::image::{CODE, Frames, Image};
use crate::unwind::rules::NEW_OF_FILE_MAX;
use gimli::constants as c;
use std::io::{self, Write};
use syscope_shared::python::Layout;
use syscope_shared::unwind::{Process, Rule};

/// The rules that the kernel was told.
#[derive(Default)]
struct Told(Vec<Rule>);

impl Maps for Told {
    fn segments(&self) -> usize {
        0
    }
    fn all_words(&self) -> &[u32] {
        &[]
    }
    fn all_rules(&self) -> &[Rule] {
        &self.0
    }
    fn write_words(&mut self, _: u32, _: &[u32]) {}
    fn write_rules(&mut self, index: u32, rules: &[Rule]) {
        self.0.truncate(index as usize);
        self.0.extend(rules);
    }
    fn write_segments(&mut self, _: u32, _: &[Segment]) {}
    fn write_python(&mut self, _: u32, _: &Layout) -> io::Result<()> {
        Ok(())
    }
    fn publish(&mut self, _: u32, _: &Process) -> io::Result<()> {
        Ok(())
    }
    fn withdraw(&mut self, _: u32) -> io::Result<()> {
        Ok(())
    }
}

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

fn make(store: &mut Store, told: &mut Told, number: u32, own_rules: usize) -> Segment {
    let id = FileId { dev: 1, inode: number.into() };
    store.make(id, &file(number, own_rules), |_| true, told);
    store.segment(id, (CODE, CODE + 0x3000), CODE)
}

#[test]
fn no_file_takes_the_rules_of_all_others() {
    let (mut store, mut told) = (Store::new(1 << 20), Told::default());
    let base = |store: &mut Store, told: &mut Told, number, own_rules| {
        make(store, told, number, own_rules).base
    };
    assert_ne!(base(&mut store, &mut told, 1, 5), NO_TABLE);
    for number in 2..12 {
        assert_eq!(base(&mut store, &mut told, number, NEW_OF_FILE_MAX + 1), NO_TABLE);
    }
    assert_eq!((store.counts().tables, store.counts().no_room), (1, 10));
    assert_ne!(base(&mut store, &mut told, 12, NEW_OF_FILE_MAX), NO_TABLE, "as many as can be");
    assert!(told.0 == store.rules.all(), "the kernel has others");
    assert_eq!(told.0.len(), 3 + 5 + NEW_OF_FILE_MAX);
    assert_eq!((store.counts().tables, store.counts().no_room, store.counts().without), (2, 10, 0));
}

#[test]
fn what_there_is_no_room_for_is_counted_and_leaves_no_rules() {
    let words = |own_rules: usize| {
        let mut store = Store::new(1 << 20);
        make(&mut store, &mut Told::default(), 1, own_rules);
        store.counts().bytes / size_of::<u32>()
    };
    let mut told = Told::default();
    let mut store = Store::new(2 * words(100));
    assert_ne!(make(&mut store, &mut told, 1, 100).base, NO_TABLE);
    assert_ne!(make(&mut store, &mut told, 2, 50).base, NO_TABLE);
    let rules = store.rules.clone();
    assert_eq!(make(&mut store, &mut told, 3, 100).base, NO_TABLE, "no room is left");
    assert_eq!(make(&mut store, &mut told, 4, 1_000).base, NO_TABLE, "larger than any may be");
    assert_eq!((store.counts().no_room, store.counts().without), (2, 0));
    assert!(store.rules == rules && told.0 == rules.all(), "rules of files without a table");
}
