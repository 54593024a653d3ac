//! Code objects, read from the memory of a process.

use super::image::Image;
use super::lines;
use super::offsets::Objects;

/// Characters of a name that are read at most.
const TEXT_MAX: u64 = 4_096;
/// Bytes of a table of lines that are read at most: that of a module of some ten thousand lines.
const LINES_MAX: u64 = 1 << 18;

/// The memory of a process.
pub trait Memory {
    /// Fills the buffer from this address on; whether all of it could be read.
    fn read(&self, address: u64, to: &mut [u8]) -> bool;

    /// A word.
    fn word(&self, address: u64) -> Option<u64> {
        let mut bytes = [0; 8];
        self.read(address, &mut bytes).then(|| u64::from_le_bytes(bytes))
    }

    /// Half of one.
    fn half(&self, address: u64) -> Option<u32> {
        let mut bytes = [0; 4];
        self.read(address, &mut bytes).then(|| u32::from_le_bytes(bytes))
    }
}

/// A function, a class body or a module: what the interpreter runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// `co_qualname`: `Class.method`, `function.<locals>.inner`, `<module>`.
    pub name: String,
    /// `co_filename`: a path, as it was when the code was compiled, or `<string>` and the like.
    pub file: String,
    first_line: u32,
    instructions: u32,
    lines: Vec<u8>,
}

impl Code {
    /// Reads a code object that began with this line when it was met. `None` where there is none (any
    /// more), or another one.
    pub fn read(
        memory: &impl Memory,
        image: &Image,
        bias: u64,
        address: u64,
        first_line: u32,
    ) -> Option<Self> {
        let objects = &image.offsets.objects;
        let at = |offset: u32| address.wrapping_add(u64::from(offset));
        let is_code = memory.word(at(objects.kind))? == image.code_type(bias);
        if !is_code || memory.half(at(objects.first_line))? != first_line {
            return None;
        }
        let name = text(memory, objects, memory.word(at(objects.qualname))?)?;
        let file = text(memory, objects, memory.word(at(objects.filename))?)?;
        let lines = memory.word(at(objects.linetable))?;
        let lines = bytes(memory, objects, lines).unwrap_or_default();
        let instructions = objects.instructions;
        (!name.is_empty()).then_some(Self { name, file, first_line, instructions, lines })
    }

    /// The line of an instruction, by its offset from the begin of the code object. One in front of the
    /// first instruction means that none has run.
    pub fn line(&self, offset: u32) -> Option<u32> {
        let Some(into) = offset.checked_sub(self.instructions) else {
            return Some(self.first_line).filter(|line| *line > 0);
        };
        lines::line(&self.lines, self.first_line, into / 2)
    }

    /// Whether this is what the interpreter itself puts between a class that is called and its
    /// `__init__` (`_Py_InitCleanup`), which no traceback shows.
    pub fn is_shim(&self) -> bool {
        self.name == "__init__" && self.file == "__init__"
    }

    /// Bytes it takes, about.
    pub fn size(&self) -> usize {
        size_of::<Self>() + self.name.len() + self.file.len() + self.lines.len()
    }
}

/// Bits of `PyASCIIObject.state`.
const KIND: u32 = 2;
const COMPACT: u32 = 1 << 5;
const ASCII: u32 = 1 << 6;

/// A string that has its characters behind itself, as all do that names are made of.
fn text(memory: &impl Memory, objects: &Objects, address: u64) -> Option<String> {
    let at = |offset: u32| address.wrapping_add(u64::from(offset));
    let length = memory.word(at(objects.text_length))?.min(TEXT_MAX) as usize;
    let state = memory.half(at(objects.text_state))?;
    if state & COMPACT == 0 {
        return None;
    }
    let data = at(if state & ASCII == 0 { objects.compact_data } else { objects.ascii_data });
    let width = match state >> KIND & 7 {
        1 => 1,
        2 => 2,
        4 => 4,
        _ => return None,
    };
    let mut bytes = vec![0; length * width];
    if !memory.read(data, &mut bytes) {
        return None;
    }
    let number = |character: &[u8]| {
        character.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
    };
    let characters = bytes.chunks_exact(width).map(number);
    Some(characters.map(|code| char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
}

fn bytes(memory: &impl Memory, objects: &Objects, address: u64) -> Option<Vec<u8>> {
    let at = |offset: u32| address.wrapping_add(u64::from(offset));
    let size = memory.word(at(objects.bytes_size))?;
    let mut bytes = vec![0; size.min(LINES_MAX) as usize];
    memory.read(at(objects.bytes_data), &mut bytes).then_some(bytes)
}

/// For `crate::fuzzing`: memory of chance, and a file of chance.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzz(input: &[u8]) {
    use super::{Found, Stack, offsets};
    struct Slice<'a>(&'a [u8]);
    impl Memory for Slice<'_> {
        fn read(&self, address: u64, to: &mut [u8]) -> bool {
            let from = usize::try_from(address).unwrap_or(usize::MAX);
            let end = from.saturating_add(to.len());
            self.0.get(from..end).is_some_and(|from| {
                to.copy_from_slice(from);
                true
            })
        }
    }
    let Some((head, memory)) = input.split_first_chunk::<4>() else { return };
    let version = offsets::Version(0x030b_00f0 + (u32::from(head[0] % 3) << 16));
    let _ = Image::find(memory);
    let words: Vec<u64> = memory.chunks_exact(8).map(bytemuck::pod_read_unaligned).collect();
    let stack = Stack::decode(&words, u32::from(head[1] % 6));
    assert!(stack.is_none_or(|stack| stack.runs.len() <= words.len()));
    let Some(image) = Image::for_tests(version, memory) else { return };
    assert!(matches!(Image::find(&[][..]), Found::Nothing));
    let address = u64::from(u16::from_le_bytes([head[2], head[3]]));
    let first_line = Slice(memory).half(address + u64::from(image.offsets.objects.first_line));
    let Some(code) = Code::read(&Slice(memory), &image, 0, address, first_line.unwrap_or(0)) else {
        return;
    };
    assert!(code.name.chars().count() as u64 <= TEXT_MAX && code.size() < 1 << 20);
    for offset in [0, image.offsets.objects.instructions, 300, u32::MAX] {
        assert_ne!(code.line(offset), Some(0));
    }
}
