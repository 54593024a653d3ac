//! The tables of files.

use super::super::store::Store;
use super::Memory;
use crate::symbols::{CodeFile, Identity};
use crate::unwind::image::{CODE, Frames, Image};
use object::elf;
use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};
use syscope_shared::unwind::{NO_TABLE, NOT_READY};

/// Words of the table of a [`file`].
const TABLE: usize = 5;

/// A file with one function, which takes so many bytes.
fn file(size: u64) -> (CodeFile, File) {
    let mut frames = Frames::default();
    frames.common("", 16, &[12, 7, 8, 0x90, 1]).function(CODE + 0x10, size, &[0; 4]);
    // Each calls itself by the same build id.
    let note = [4, 4, elf::NT_GNU_BUILD_ID].map(u32::to_le_bytes).concat();
    let note = [&note[..], b"GNU\0same"].concat();
    let sections = [(".eh_frame", 0, &*frames.bytes), ("note", 0, &*note)];
    let image = Image::new(&sections);
    let loads = [(elf::PT_NOTE, image.address_of(1), note.len() as u64)];
    let image = Image { loads: &loads, ..image };
    let mut file = tempfile::tempfile().expect("room");
    file.write_all(&image.bytes()).expect("room");
    (CodeFile::File(Identity::of(&file).expect("it is open")), file)
}

fn base(store: &mut Store, file: CodeFile) -> u32 {
    store.segment(file, (0x7000_0000, 0x7000_1000), CODE).base
}

#[test]
fn a_file_waits_then_has_a_table() {
    let (mut maps, _) = Memory::new(2 * TABLE);
    let mut store = Store::new(2 * TABLE);
    let (id, file) = file(0x20);
    assert_eq!(base(&mut store, id), NOT_READY, "nothing is known of it");
    assert!(store.wants(id) && store.wants(id) && store.may_come(id));
    store.make(id, &file, |_| true, &mut maps);
    assert!(!store.wants(id) && !store.may_come(id));
    assert_eq!((base(&mut store, id), store.counts().tables), (0, 1));
    assert_eq!(store.counts().bytes, TABLE * 4);
}

#[test]
fn copies_of_a_file_share_a_table_and_one_that_poses_as_it_has_its_own() {
    let (mut maps, _) = Memory::new(4 * TABLE);
    let mut store = Store::new(4 * TABLE);
    let files = [0x20, 0x20, 0x30].map(file);
    for (id, file) in &files {
        assert!(store.wants(*id));
        store.make(*id, file, |_| true, &mut maps);
    }
    let [it, copy, other] = files.each_ref().map(|(id, _)| base(&mut store, *id));
    assert_eq!((it, store.counts().tables), (copy, 2));
    assert_ne!(it, other);
}

#[test]
fn a_table_without_room_is_put_off_longer_each_time_and_made_when_there_is_room() {
    let (mut maps, _) = Memory::new(2 * TABLE);
    let mut store = Store::new(2 * TABLE);
    let files = [0x20, 0x30, 0x40].map(file);
    for (id, file) in &files {
        assert!(store.wants(*id));
        store.make(*id, file, |_| true, &mut maps);
    }
    let (last, file) = &files[2];
    assert_eq!((base(&mut store, *last), store.counts().no_room), (NO_TABLE, 1));
    assert!(!store.wants(*last) && store.may_come(*last), "it is not tried at every look");
    let now = Instant::now();
    let after = |seconds| now + Duration::from_secs(seconds);
    assert_eq!((store.due(after(5)), store.due(after(11))), (vec![], vec![*last]));
    store.make(*last, file, |_| true, &mut maps);
    assert_eq!((store.due(after(15)), store.due(after(21))), (vec![], vec![*last]));
    assert_eq!(store.counts().no_room, 2);

    let first = base(&mut store, files[0].0);
    store.make(*last, file, |base| base != first, &mut maps);
    assert_eq!((base(&mut store, *last), store.counts().evicted), (first, 1));
    assert!(!store.may_come(*last) && store.due(after(1000)).is_empty());
    assert_eq!(base(&mut store, files[0].0), NOT_READY, "it made room, and is made again");
    assert!(store.wants(files[0].0));
}

#[test]
fn what_can_never_have_a_table_is_not_tried_again() {
    let (mut maps, _) = Memory::new(TABLE);
    let mut store = Store::new(TABLE);
    let (large, file) = file(0x20);
    assert!(store.wants(large));
    store.make(large, &file, |_| true, &mut maps);
    assert_eq!((store.counts().no_room, store.counts().without), (1, 0), "half of all at most");
    let text = tempfile::tempfile().expect("room");
    let text_id = CodeFile::File(Identity::of(&text).expect("it is open"));
    assert!(store.wants(text_id));
    store.make(text_id, &text, |_| true, &mut maps);
    assert_eq!((store.counts().no_room, store.counts().without), (1, 1));
    let gone = CodeFile::Unreachable { device: (8, 1), inode: 5 };
    assert!(store.wants(gone));
    store.cannot_open(gone);
    assert_eq!(store.counts().unopened, 1);
    for id in [large, text_id, gone] {
        assert_eq!((store.wants(id), base(&mut store, id)), (false, NO_TABLE));
    }
    assert!(store.due(Instant::now() + Duration::from_secs(1000)).is_empty());
}
