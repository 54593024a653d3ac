use super::{Code, Image, Memory, Version};
use crate::python::{Function, Run, Stack};
use syscope_shared::python::{End, NOWHERE, PAIRS_MAX, instruction};

/// Memory with some words in it.
#[derive(Default)]
struct Words(Vec<(u64, Vec<u8>)>);

impl Words {
    fn with(mut self, address: u64, bytes: &[u8]) -> Self {
        self.0.push((address, bytes.to_vec()));
        self
    }

    fn word(self, address: u64, word: u64) -> Self {
        self.with(address, &word.to_le_bytes())
    }

    /// A string of 3.12, of characters of so many bytes.
    fn text(self, at: u64, state: u32, length: u64, characters: &[u8]) -> Self {
        let data = if state & 1 << 6 == 0 { 56 } else { 40 };
        self.word(at + 16, length).with(at + 32, &state.to_le_bytes()).with(at + data, characters)
    }
}

impl Memory for Words {
    fn read(&self, address: u64, to: &mut [u8]) -> bool {
        let held = self.0.iter().find_map(|(start, bytes)| {
            let into = usize::try_from(address.checked_sub(*start)?).ok()?;
            bytes.get(into..into.checked_add(to.len())?)
        });
        held.is_some_and(|held| {
            to.copy_from_slice(held);
            true
        })
    }
}

const TYPE: u64 = 0x7000;
const CODE: u64 = 0x1000;
const COMPACT: u32 = 1 << 5;
const ASCII: u32 = 1 << 6;

fn image() -> Image {
    Image::for_tests(Version(0x030c_01f0), &TYPE.to_le_bytes()).unwrap()
}

/// A code object of 3.12 at [`CODE`].
fn memory() -> Words {
    let object = Words::default().word(CODE + 8, TYPE).with(CODE + 68, &40_u32.to_le_bytes());
    let names = object.word(CODE + 112, 0x2000).word(CODE + 128, 0x3000).word(CODE + 136, 0x4000);
    names
        .text(0x2000, COMPACT | ASCII | 1 << 2, 4, b"a.py")
        .word(0x4010, 4)
        .with(0x4020, &[0xd1, 0, 0xda, 0])
}

#[test]
fn a_function_has_a_name_a_file_and_lines() {
    let memory = memory().text(0x3000, COMPACT | 2 << 2, 2, &[0x66, 0, 0x3b, 0x22]);
    let code = Code::read(&memory, &image(), 0, CODE, 40).unwrap();
    assert_eq!((code.name.as_str(), code.file.as_str()), ("f∻", "a.py"));
    let lines = [0, 190, 192, 195, 196, 200, 202].map(|offset| code.line(offset));
    let (first, second) = (Some(40), Some(41));
    assert_eq!(
        lines,
        [first, first, first, first, second, second, None],
        "two units each or three"
    );
    assert!(!code.is_shim());
}

#[test]
fn what_is_no_code_object_any_more_is_none() {
    let name = |memory: Words| memory.text(0x3000, COMPACT | ASCII | 1 << 2, 1, b"f");
    let read = |memory: &Words, first_line| Code::read(memory, &image(), 0, CODE, first_line);
    assert!(read(&name(memory()), 40).is_some());
    assert_eq!(read(&name(memory()), 41), None, "another begins with another line");
    let other = Words::default().word(CODE + 8, TYPE + 8);
    assert_eq!(read(&Words([other.0, name(memory()).0].concat()), 40), None, "of another type");
    assert_eq!(Code::read(&name(memory()), &image(), 8, CODE, 40), None, "of another program");
    assert_eq!(read(&memory(), 40), None, "no name");
    let empty = memory().text(0x3000, COMPACT | ASCII | 1 << 2, 0, b"");
    assert_eq!(read(&empty, 40), None, "an empty name");
    let apart = memory().text(0x3000, ASCII | 1 << 2, 1, b"f");
    assert_eq!(read(&apart, 40), None, "its characters are elsewhere");
    let strange = memory().text(0x3000, COMPACT | 3 << 2, 1, b"ffff");
    assert_eq!(read(&strange, 40), None, "characters of three bytes");
}

#[test]
fn long_names_are_cut_and_strange_characters_replaced() {
    let state = COMPACT | 4 << 2;
    let text = [0xd800_u32, 0x11_0000, 0x1f40d].map(u32::to_le_bytes).concat();
    let code = Code::read(&memory().text(0x3000, state, 3, &text), &image(), 0, CODE, 40).unwrap();
    assert_eq!(code.name, "\u{fffd}\u{fffd}🐍");
    let endless = memory().text(0x3000, COMPACT | ASCII | 1 << 2, u64::MAX, &[b'x'; 5_000]);
    let code = Code::read(&endless, &image(), 0, CODE, 40).unwrap();
    assert_eq!(code.name.len(), 4_096);
}

#[test]
fn runs_end_where_they_are_told_to() {
    let word = |offset: u64, line| instruction(0x1000, 0x1000 + offset, line);
    let words =
        [0x1000, word(200, 7), 0x1000, word(202, 7), 0, 3, 0x1000, word(204, 9), 0, NOWHERE];
    let stack = Stack::decode(&words, End::Complete as u32).unwrap();
    let function = |offset, first_line| Function { code: 0x1000, offset: Some(offset), first_line };
    let first = Run { functions: vec![function(200, 7), function(202, 7)], place: Some(3) };
    let second = Run { functions: vec![function(204, 9)], place: None };
    assert_eq!(stack, Stack { runs: vec![first, second.clone()], end: End::Complete });
    let open = Stack::decode(&words[6..8], End::DepthLimit as u32).unwrap();
    assert_eq!(open, Stack { runs: vec![second], end: End::DepthLimit });
    assert!(!open.is_empty() && Stack::decode(&[], 0).unwrap().is_empty());
    assert_eq!(Stack::decode(&words[..3], 1), None, "half a pair");
    assert_eq!(Stack::decode(&[], 6), None, "no end");
    assert_eq!(Stack::decode(&[1; 2 * PAIRS_MAX + 2], 1), None, "too many");
}

#[test]
fn bytes_of_chance_are_no_danger() {
    let mut state = 1_u64;
    let mut input = vec![0; 600];
    for round in 0..3_000_u32 {
        for byte in &mut input {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            *byte = (state >> 60) as u8 * if round % 2 == 0 { 1 } else { 17 };
        }
        crate::python::fuzz(&input);
    }
}
