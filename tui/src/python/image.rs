//! Files with CPython in them: the executable, `libpython`, or a program that has it built in.

use super::offsets::{self, Offsets, Version};
use object::LittleEndian as Little;
use object::elf;
use object::pod::slice_from_all_bytes;
use object::read::ReadRef;
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};

type Header = elf::FileHeader64<Little>;
type Load = elf::ProgramHeader64<Little>;
type Section = elf::SectionHeader64<Little>;
type Symbol = elf::Sym64<Little>;

/// Sections, and program headers, of a file at most.
const HEADERS_MAX: u16 = 4_096;
/// Bytes of the table of dynamic symbols, and of their names, that are looked through.
const SYMBOLS_MAX: u64 = 32 << 20;

/// What leads to the threads (from 3.7 on), what tells the version (from 3.11 on), and what all code
/// objects have as their type.
const NAMES: [&[u8]; 3] = [b"_PyRuntime", b"Py_Version", b"PyCode_Type"];

/// What a file has to do with Python.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// It has one in it of which nothing is known.
    Unknown(Version),
    /// It has this one in it.
    Python(Image),
}

/// A file with a CPython in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its version.
    pub version: Version,
    /// Offsets of that version.
    pub offsets: Offsets,
    /// Addresses in the file's own numbering (`p_vaddr`).
    runtime: u64,
    code_type: u64,
    /// Its code: address, offset in the file, and bytes.
    code: Vec<(u64, u64, u64)>,
}

impl Image {
    /// Looks for it in a file: its bytes, or an [`object::ReadCache`] of it.
    pub fn find<'d>(data: impl ReadRef<'d>) -> Found {
        Self::look(data).unwrap_or(Found::Nothing)
    }

    fn look<'d>(data: impl ReadRef<'d>) -> Option<Found> {
        let header = Header::parse(data).ok().filter(|header| header.is_little_endian())?;
        if header.e_phnum(Little) > HEADERS_MAX {
            return None;
        }
        let loads = header.program_headers(Little, data).ok()?;
        let (runtime, version, code_type) = match symbols(header, data)? {
            [Some(runtime), Some(version), Some(code_type)] => (runtime, version, code_type),
            // Before 3.11 there was no variable with the version.
            [.., Some(_)] => return Some(Found::Unknown(Version(0))),
            _ => return None,
        };
        let words = read(loads, data, version, 8)?;
        let version = Version(u64::from_le_bytes(words.try_into().ok()?) as u32);
        let debug = read(loads, data, runtime, offsets::DEBUG_OFFSETS as u64).unwrap_or_default();
        let Some(offsets) = offsets::of(version, debug) else {
            return Some(Found::Unknown(version));
        };
        let is_code = |load: &&Load| {
            load.p_type(Little) == elf::PT_LOAD && load.p_flags(Little) & elf::PF_X != 0
        };
        let place = |load: &Load| {
            let (offset, size) = load.file_range(Little);
            (load.p_vaddr(Little), offset, size)
        };
        let code = loads.iter().filter(is_code).map(place).collect();
        Some(Found::Python(Self { version, offsets, runtime, code_type, code }))
    }

    /// What is added to the file's own addresses in a process that has mapped its code at `start`,
    /// from this offset in the file on.
    pub fn bias(&self, start: u64, offset: u64) -> Option<u64> {
        // The mapping begins with a page of memory, the code need not.
        let holds = |(_, begins, size): &&(u64, u64, u64)| {
            offset >> PAGE_BITS >= begins >> PAGE_BITS && offset < begins.saturating_add(*size)
        };
        let (address, begins, _) = self.code.iter().find(holds)?;
        Some(start.wrapping_sub(address.wrapping_add(offset).wrapping_sub(*begins)))
    }

    /// Where `_PyRuntime` is with this bias.
    pub fn runtime(&self, bias: u64) -> u64 {
        self.runtime.wrapping_add(bias)
    }

    /// Where `PyCode_Type` is with this bias.
    pub fn code_type(&self, bias: u64) -> u64 {
        self.code_type.wrapping_add(bias)
    }
}

/// Bits of an address within its page of memory.
const PAGE_BITS: u32 = 12;

/// The addresses of those [`NAMES`] that are defined, where the last can be.
fn symbols<'d>(header: &'d Header, data: impl ReadRef<'d>) -> Option<[Option<u64>; 3]> {
    if !(1..=HEADERS_MAX).contains(&header.e_shnum(Little)) {
        return None;
    }
    let sections = header.sections(Little, data).ok()?;
    let table = sections.iter().find(|section| section.sh_type(Little) == elf::SHT_DYNSYM)?;
    let strings = sections.iter().nth(table.sh_link(Little) as usize)?;
    let names = contents(strings, data)?;
    // Nearly all files are done with here.
    if !ends_a_name(names, NAMES[2]) {
        return None;
    }
    let symbols: &[Symbol] = slice_from_all_bytes(contents(table, data)?).ok()?;
    let mut found = [None; 3];
    for symbol in symbols.iter().filter(|symbol| symbol.st_shndx.get(Little) != elf::SHN_UNDEF) {
        let Some(name) = names.get(symbol.st_name.get(Little) as usize..) else { continue };
        for (found, wanted) in found.iter_mut().zip(NAMES) {
            if name.starts_with(wanted) && name.get(wanted.len()) == Some(&0) {
                *found = Some(symbol.st_value.get(Little));
            }
        }
    }
    Some(found)
}

/// Whether one of the names ends so; linkers let a name be the end of another.
fn ends_a_name(names: &[u8], name: &[u8]) -> bool {
    names.windows(name.len() + 1).any(|window| window.strip_prefix(name) == Some(&[0]))
}

fn contents<'d>(section: &'d Section, data: impl ReadRef<'d>) -> Option<&'d [u8]> {
    let (offset, size) = section.file_range(Little).filter(|(_, size)| *size <= SYMBOLS_MAX)?;
    data.read_bytes_at(offset, size).ok()
}

/// Bytes at an address, as the file has them.
fn read<'d>(loads: &[Load], data: impl ReadRef<'d>, address: u64, len: u64) -> Option<&'d [u8]> {
    let held = |load: &Load| {
        let into = address.checked_sub(load.p_vaddr(Little))?;
        let (offset, size) = load.file_range(Little);
        let is_whole = into.checked_add(len).is_some_and(|end| end <= size);
        (load.p_type(Little) == elf::PT_LOAD && is_whole).then(|| offset.checked_add(into))?
    };
    data.read_bytes_at(loads.iter().find_map(held)?, len).ok()
}

#[cfg(any(test, fuzzing))]
impl Image {
    /// One of a version whose code objects have this word as their type: the first of `runtime`.
    pub(super) fn for_tests(version: Version, runtime: &[u8]) -> Option<Self> {
        let offsets = offsets::of(version, runtime)?;
        let code_type = u64::from_le_bytes(*runtime.first_chunk()?);
        Some(Self { version, offsets, runtime: 0, code_type, code: Vec::new() })
    }

    #[cfg(test)]
    pub(super) fn set_code(&mut self, code: &[(u64, u64, u64)]) {
        self.code = code.to_vec();
    }
}
