//! What is in an ELF file, read with bounds before anything else is done with it. A stranger may have
//! written it: the kernel and the loader run a program without a look at its sections.

use super::elf_bounds::{self as bounds, Debug, Packed, Part};
use super::wire::Reads;
use crate::symbols::build_id;
use object::elf::{
    ELFCOMPRESS_ZLIB, ELFCOMPRESS_ZSTD, FileHeader32, FileHeader64, PT_LOAD, PT_NOTE,
    SHF_COMPRESSED, SHT_DYNSYM, SHT_NOBITS, SHT_NOTE, SHT_REL, SHT_RELA, SHT_SYMTAB,
};
use object::read::elf::{CompressionHeader, FileHeader, ProgramHeader, SectionHeader};
use object::{Endianness, FileKind, ReadCache, ReadRef};
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufReader, Read};
use std::ops::Range;
use std::os::unix::ffi::OsStringExt;
use std::sync::Arc;

/// Bytes of a file whose symbols are read; much of that may be debug information.
const MAX_FILE: u64 = 8 << 30;
/// Bytes of a symbol table: eleven million symbols.
const MAX_TABLE: u64 = 256 << 20;
/// Sections, and segments. Real ones have some dozens.
const MAX_HEADERS: usize = 65_536;
/// Bytes of a section with notes, or with a file name.
const MAX_SMALL: u64 = 64 << 10;
/// Of notes, so many are read, sections and segments: the build id is in one of the first.
const MAX_NOTES: usize = 32;

/// What is in a file.
#[derive(Debug, Default)]
pub(super) struct Elf {
    /// The build id in hex.
    pub(super) build_id: Option<Arc<str>>,
    /// Name of the file with its debug information (`.gnu_debuglink`), and its checksum.
    pub(super) debug_link: Option<(OsString, u32)>,
    /// It names other files that hold debug information: who follows the name opens whatever it says.
    pub(super) names_others: bool,
    /// There is a symbol table, of any kind, and it is small enough to be read.
    pub(super) has_table: bool,
    /// There is debug information, and it is small enough to be read.
    pub(super) has_dwarf: bool,
    /// Bytes of the file, and of its debug information when that is decompressed.
    pub(super) bytes: u64,
    /// Where the compressed small symbol table is (`.gnu_debugdata`).
    pub(super) debugdata: Option<Range<u64>>,
    /// Where the linkage tables are: code without symbols, behind functions that may not say where they
    /// end.
    linkage: Vec<Range<u64>>,
    loads: Vec<Load>,
}

/// A part of the file that is loaded.
#[derive(Debug)]
struct Load {
    file: Range<u64>,
    address: u64,
}

impl Elf {
    /// Looks into a file; `None` if it is no ELF file, or one that would take too much.
    pub(super) fn inspect(file: &File, reads: Reads) -> Option<Self> {
        if file.metadata().ok()?.len() > MAX_FILE {
            return None;
        }
        let cache = ReadCache::new(BufReader::with_capacity(4 << 10, file));
        match FileKind::parse(&cache).ok()? {
            FileKind::Elf32 => Reading::<FileHeader32<Endianness>>::of(file, &cache, reads),
            FileKind::Elf64 => Reading::<FileHeader64<Endianness>>::of(file, &cache, reads),
            _ => None,
        }
    }

    /// Whether an entry of a linkage table lies at this offset of the file.
    pub(super) fn is_linkage(&self, offset: u64) -> bool {
        self.linkage.iter().any(|table| table.contains(&offset))
    }

    /// The address that what lies at an offset of the file has within the file.
    pub(super) fn address_of(&self, offset: u64) -> Option<u64> {
        let load = self.loads.iter().find(|load| load.file.contains(&offset))?;
        (offset - load.file.start).checked_add(load.address)
    }
}

/// A file that is being looked into.
struct Reading<'a, H: FileHeader> {
    file: &'a File,
    data: &'a ReadCache<BufReader<&'a File>>,
    endian: Endianness,
    found: Elf,
    /// Notes that were met.
    notes: usize,
    /// Bytes of compressed debug information, decompressed, so far.
    decompressed: u64,
    /// And how much it may be.
    may_decompress: u64,
    dwarf_is_sound: bool,
    tables_are_sound: bool,
    /// Debug information of programs and of split files (0 and 1), and the abbreviations of each.
    units: [Option<Debug>; 2],
    abbreviations: [Option<Debug>; 2],
    header: &'a H,
}

impl<'a, H: FileHeader<Endian = Endianness>> Reading<'a, H> {
    fn of(file: &'a File, data: &'a ReadCache<BufReader<&'a File>>, reads: Reads) -> Option<Elf> {
        let header = H::parse(data).ok()?;
        // What runs here has the byte order of this machine.
        let endian = header.endian().ok().filter(|endian| *endian == Endianness::default())?;
        let found = Elf::default();
        let mut reading = Self {
            file,
            data,
            endian,
            found,
            notes: 0,
            decompressed: 0,
            may_decompress: bounds::decompressed(file.metadata().ok()?.len()),
            // What is not read is not looked at, either: that alone can take long.
            dwarf_is_sound: reads == Reads::Everything,
            tables_are_sound: true,
            units: [None, None],
            abbreviations: [None, None],
            header,
        };
        reading.segments()?;
        reading.sections()?;
        reading.check_units();
        let mut found = reading.found;
        found.has_table &= reading.tables_are_sound;
        found.has_dwarf &= reading.dwarf_is_sound && reading.tables_are_sound;
        let decompressed = if found.has_dwarf { reading.decompressed } else { 0 };
        found.bytes = file.metadata().ok()?.len().saturating_add(decompressed);
        Some(found)
    }

    fn segments(&mut self) -> Option<()> {
        if self.header.phnum(self.endian, self.data).ok()? > MAX_HEADERS {
            return None;
        }
        for segment in self.header.program_headers(self.endian, self.data).ok()? {
            let (offset, size) = segment.file_range(self.endian);
            match segment.p_type(self.endian) {
                PT_LOAD => {
                    let file = offset..offset.checked_add(size)?;
                    let address = segment.p_vaddr(self.endian).into();
                    self.found.loads.push(Load { file, address });
                }
                PT_NOTE => self.take_build_id(offset, size),
                _ => {}
            }
        }
        Some(())
    }

    fn take_build_id(&mut self, offset: u64, size: u64) {
        self.notes += 1;
        if self.found.build_id.is_none()
            && self.notes <= MAX_NOTES
            && size <= MAX_SMALL
            && let Ok(notes) = self.data.read_bytes_at(offset, size)
        {
            let id = build_id::in_notes(notes);
            self.found.build_id = id.and_then(build_id::hex);
        }
    }

    fn sections(&mut self) -> Option<()> {
        if self.header.shnum(self.endian, self.data).ok()? > MAX_HEADERS {
            return None;
        }
        let sections = self.header.sections(self.endian, self.data).ok()?;
        for section in sections.iter() {
            let name = sections.section_name(self.endian, section).unwrap_or_default();
            self.section(name, section);
        }
        Some(())
    }

    fn section(&mut self, name: &[u8], section: &H::SectionHeader) {
        let kind = section.sh_type(self.endian);
        let Some((offset, size)) = section.file_range(self.endian) else { return };
        if kind == SHT_NOBITS || size == 0 {
            return;
        }
        if matches!(kind, SHT_SYMTAB | SHT_DYNSYM | SHT_REL | SHT_RELA) {
            self.tables_are_sound &= size <= MAX_TABLE;
            self.found.has_table |= matches!(kind, SHT_SYMTAB | SHT_DYNSYM);
        }
        match name {
            b".gnu_debuglink" => {
                // Read once: what is read stays in memory until all is.
                if !self.found.names_others {
                    self.found.debug_link = self.debug_link(offset, size);
                }
                self.found.names_others = true;
            }
            b".plt" | b".plt.sec" | b".plt.got" | b".iplt" => {
                // A few at most: a file with thousands of them is a joke.
                if let Some(end) = offset.checked_add(size)
                    && self.found.linkage.len() < 16
                {
                    self.found.linkage.push(offset..end);
                }
            }
            b".gnu_debugaltlink" | b".debug_sup" => self.found.names_others = true,
            b".gnu_debugdata" => self.found.debugdata = offset.checked_add(size).map(|e| offset..e),
            _ if kind == SHT_NOTE => self.take_build_id(offset, size),
            _ if name.starts_with(b".debug_") => {
                self.debug_section(name, section, offset, size);
            }
            // Read as they are, and never to be decompressed: they would be if they say so.
            _ => self.tables_are_sound &= !is_table(name) || !self.is_compressed(section),
        }
    }

    fn is_compressed(&self, section: &H::SectionHeader) -> bool {
        section.sh_flags(self.endian).into() & u64::from(SHF_COMPRESSED) != 0
    }

    fn debug_link(&self, offset: u64, size: u64) -> Option<(OsString, u32)> {
        let bytes = self.data.read_bytes_at(offset, size.min(MAX_SMALL)).ok()?;
        let end = bytes.iter().position(|byte| *byte == 0)?;
        let sum = bytes.get((end + 1).next_multiple_of(4)..)?.first_chunk::<4>()?;
        let name = &bytes[..end];
        // A name, and no path.
        let is_name = !name.is_empty() && !name.contains(&b'/') && name != b"." && name != b"..";
        is_name.then(|| (OsString::from_vec(name.to_vec()), u32::from_ne_bytes(*sum)))
    }

    fn debug_section(&mut self, name: &[u8], section: &H::SectionHeader, offset: u64, size: u64) {
        let packed = self.packed(section, size);
        let part = match &packed {
            Some(packed) => {
                self.decompressed = self.decompressed.saturating_add(packed.size);
                self.dwarf_is_sound &= self.decompressed <= self.may_decompress;
                let begins = offset.saturating_add(packed.header);
                begins..begins.saturating_add(size.saturating_sub(packed.header))
            }
            None => offset..offset.saturating_add(size),
        };
        if !self.dwarf_is_sound {
            return;
        }
        let debug = Debug { part, packed };
        let kind = usize::from(name.ends_with(b".dwo"));
        // Where there are two, who reads them takes the first or the last.
        match name {
            b".debug_info" | b".debug_info.dwo" => {
                self.found.has_dwarf = true;
                self.dwarf_is_sound &= self.units[kind].replace(debug).is_none();
            }
            b".debug_abbrev" | b".debug_abbrev.dwo" => {
                self.dwarf_is_sound &= self.abbreviations[kind].replace(debug).is_none();
            }
            _ => {
                self.dwarf_is_sound = debug.is_sound(self.file);
            }
        }
    }

    /// Looks at the units of all debug information, when it is known where the abbreviations are.
    fn check_units(&mut self) {
        for (units, abbreviations) in self.units.iter().zip(&self.abbreviations) {
            if let Some(units) = units {
                self.dwarf_is_sound =
                    self.dwarf_is_sound && units.has_sound_units(abbreviations.as_ref(), self.file);
            }
        }
    }

    /// How a section is compressed; `None` where it is not.
    fn packed(&self, section: &H::SectionHeader, size: u64) -> Option<Packed> {
        if !self.is_compressed(section) {
            return None;
        }
        // What cannot be read is as large as nothing that would be read.
        let unknown = Packed { is_zstd: false, size: u64::MAX, header: size };
        let Ok(Some((header, offset, _))) = section.compression(self.endian, self.data) else {
            return Some(unknown);
        };
        let kind = header.ch_type(self.endian);
        if !matches!(kind, ELFCOMPRESS_ZLIB | ELFCOMPRESS_ZSTD) {
            return Some(unknown);
        }
        let begins = section.file_range(self.endian).map_or(0, |(start, _)| start);
        Some(Packed {
            is_zstd: kind == ELFCOMPRESS_ZSTD,
            size: header.ch_size(self.endian).into(),
            header: offset.saturating_sub(begins),
        })
    }
}

/// Whether a section is read as a part of the symbol tables, by name.
fn is_table(name: &[u8]) -> bool {
    [&b".symtab"[..], b".strtab", b".dynsym", b".dynstr", b".shstrtab"].contains(&name)
}

/// Reads a small part of a file.
pub(super) fn read_part(file: &File, part: &Range<u64>, most: u64) -> Option<Vec<u8>> {
    let size = part.end.checked_sub(part.start).filter(|size| *size <= most)?;
    let mut bytes = Vec::new();
    Part::new(file, part.start, size).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 == size).then_some(bytes)
}
