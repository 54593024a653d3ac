//! What is needed of an ELF file: where its code and its unwind data lie.

use super::Error;
use gimli::{BaseAddresses, EhFrameHdr, EndianSlice, Pointer};
use object::LittleEndian as Little;
use object::elf;
use object::read::ReadRef;
use object::read::elf::{FileHeader, NoteIterator, ProgramHeader, SectionHeader};
use syscope_shared::unwind::{PAGE_BITS, PAGE_BYTES, Segment};

type Header = elf::FileHeader64<Little>;
type Load = elf::ProgramHeader64<Little>;
type Section = elf::SectionHeader64<Little>;

/// Sections of a file at most; one with more is read as if it had none. Linked files have some dozens.
const SECTIONS_MAX: u16 = 4_096;
/// Program headers at most; they have about a dozen.
const LOADS_MAX: u16 = 256;
/// Bytes of notes that are looked through for the build id.
const NOTES_MAX: u64 = 1 << 16;
/// Bytes of a build id at most; linkers make up to 32.
const BUILD_ID_MAX: usize = 64;

/// A processor whose code can be unwound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// x86-64
    X86_64,
    /// arm64
    Aarch64,
}

/// A part of a file that is loaded to be executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// First address in the file's own numbering (`p_vaddr`).
    pub address: u64,
    /// Where it lies in the file, in bytes.
    pub offset: u64,
    /// Bytes.
    pub size: u64,
}

/// A section by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) address: u64,
    pub(super) offset: u64,
    /// Bytes in the file.
    pub(super) size: u64,
    pub(super) compressed: bool,
    /// It was found without section headers: its end is not known.
    pub(super) open_ended: bool,
}

/// An ELF file, described.
#[derive(Clone, Debug)]
pub struct Elf {
    /// Whose instructions it has.
    pub machine: Machine,
    /// What of it is executed, in order of address.
    pub code: Vec<Code>,
    /// Where it begins to run, if it can: an address in its own numbering.
    pub(super) entry: u64,
    /// The linker's name for exactly this file.
    pub build_id: Option<Box<[u8]>>,
    pub(super) eh_frame: Option<Place>,
    pub(super) debug_frame: Option<Place>,
    pub(super) bases: BaseAddresses,
}

impl Elf {
    /// Reads the headers of a file: its bytes, or an [`object::ReadCache`] of it, which reads only what
    /// is asked for. (Mapping the file of a stranger into memory would let him end us by making it
    /// shorter.)
    pub fn read<'d>(data: impl ReadRef<'d>) -> Result<Self, Error> {
        let header = Header::parse(data).map_err(|_| Error::Elf("no 64-bit header"))?;
        if !header.is_little_endian() {
            return Err(Error::Machine);
        }
        let machine = match header.e_machine(Little) {
            elf::EM_X86_64 => Machine::X86_64,
            elf::EM_AARCH64 => Machine::Aarch64,
            _ => return Err(Error::Machine),
        };
        if !matches!(header.e_type(Little), elf::ET_EXEC | elf::ET_DYN) {
            return Err(Error::Elf("it is not linked"));
        }
        let loads = loads(header, data)?;
        let mut file = Self {
            machine,
            code: code(loads, data.len().unwrap_or(0)),
            entry: header.e_entry(Little),
            build_id: build_id(loads, data),
            eh_frame: None,
            debug_frame: None,
            bases: BaseAddresses::default(),
        };
        file.find_sections(header, data);
        file.find_by_program_header(loads, data);
        Ok(file)
    }

    /// Address / [`PAGE_BYTES`] of the first page of its table: also that of what is mapped in front of
    /// the code because it lies on the same page of memory.
    pub fn first_page(&self) -> u64 {
        self.code.first().map_or(0, |code| code.address >> PAGE_BITS)
    }

    /// The part with an address.
    pub(super) fn code_at(&self, address: u64) -> Option<&Code> {
        let behind = self.code.partition_point(|code| code.address <= address);
        let code = &self.code[behind.checked_sub(1)?];
        (address - code.address < code.size).then_some(code)
    }

    /// What a process has mapped of this file as code, for the `SEGMENTS` map: from `start` to before
    /// `end`, beginning at `offset` in the file. `base` and `pages` are those of its table, where it is
    /// in the `UNWIND` map. `None` if no code is at that offset.
    pub fn segment(
        &self,
        (start, end): (u64, u64),
        offset: u64,
        base: u32,
        pages: u32,
    ) -> Option<Segment> {
        let len = end.checked_sub(start)?;
        let last = offset.checked_add(len)?;
        // The mapping begins and ends with pages of memory, the code does not.
        let shared = |code: &Code| {
            (code.offset + code.size).min(last).saturating_sub(code.offset.max(offset))
        };
        let code =
            self.code.iter().max_by_key(|code| shared(code)).filter(|code| shared(code) > 0)?;
        let address = code.address.wrapping_add(offset).wrapping_sub(code.offset);
        let shift = address.checked_sub(self.first_page() << PAGE_BITS)?;
        Some(Segment { start, len, shift: u32::try_from(shift).ok()?, base, pages, pad: 0 })
    }

    fn find_sections<'d>(&mut self, header: &'d Header, data: impl ReadRef<'d>) {
        // 0 stands for more than the field can hold, too.
        if !(1..=SECTIONS_MAX).contains(&header.e_shnum(Little)) {
            return;
        }
        let Ok(sections) = header.sections(Little, data) else { return };
        let bases = std::mem::take(&mut self.bases);
        self.bases = sections.iter().fold(bases, |bases, section| {
            let address = section.sh_addr(Little);
            match sections.section_name(Little, section).unwrap_or_default() {
                b".text" => bases.set_text(address),
                b".got" => bases.set_got(address),
                b".eh_frame_hdr" => bases.set_eh_frame_hdr(address),
                b".eh_frame" if self.eh_frame.is_none() => {
                    self.eh_frame = place(section);
                    bases.set_eh_frame(address)
                }
                b".debug_frame" => {
                    self.debug_frame = self.debug_frame.or_else(|| place(section));
                    bases
                }
                _ => bases,
            }
        });
    }

    /// Finds `.eh_frame` as a running program does, where the section headers were stripped.
    fn find_by_program_header<'d>(&mut self, loads: &'d [Load], data: impl ReadRef<'d>) {
        let is_header = |load: &&Load| load.p_type(Little) == elf::PT_GNU_EH_FRAME;
        let Some(load) = loads.iter().find(is_header).filter(|_| self.eh_frame.is_none()) else {
            return;
        };
        // Its head is all that is needed of it; behind that is a table for searching.
        let (offset, size) = load.file_range(Little);
        let Ok(bytes) = data.read_bytes_at(offset, size.min(64)) else { return };
        let bases = self.bases.clone().set_eh_frame_hdr(load.p_vaddr(Little));
        let head = EhFrameHdr::new(bytes, gimli::LittleEndian).parse(&bases, 8);
        let Ok(Pointer::Direct(address)) =
            head.map(|head: gimli::ParsedEhFrameHdr<EndianSlice<'_, _>>| head.eh_frame_ptr())
        else {
            return;
        };
        self.eh_frame = loads.iter().find_map(|load| behind(load, address));
        self.bases = bases.set_eh_frame(address);
    }
}

/// What is loaded at an address and behind it by this program header.
fn behind(load: &Load, address: u64) -> Option<Place> {
    let into = address.checked_sub(load.p_vaddr(Little))?;
    let (offset, size) = load.file_range(Little);
    (load.p_type(Little) == elf::PT_LOAD && into < size).then_some(())?;
    let offset = offset.checked_add(into)?;
    Some(Place { address, offset, size: size - into, compressed: false, open_ended: true })
}

fn place(section: &Section) -> Option<Place> {
    let (offset, size) = section.file_range(Little).filter(|(_, size)| *size > 0)?;
    let compressed = section.sh_flags(Little) & u64::from(elf::SHF_COMPRESSED) != 0;
    Some(Place { address: section.sh_addr(Little), offset, size, compressed, open_ended: false })
}

fn loads<'d>(header: &'d Header, data: impl ReadRef<'d>) -> Result<&'d [Load], Error> {
    if header.e_phnum(Little) > LOADS_MAX {
        return Err(Error::Elf("too many program headers"));
    }
    header.program_headers(Little, data).map_err(|_| Error::Elf("no program headers"))
}

fn code(loads: &[Load], len: u64) -> Vec<Code> {
    let is_code =
        |load: &&Load| load.p_type(Little) == elf::PT_LOAD && load.p_flags(Little) & elf::PF_X != 0;
    let part = |load: &Load| {
        let (offset, size) = load.file_range(Little);
        let (address, size) = (load.p_vaddr(Little), size.min(len.saturating_sub(offset)));
        // What is checked here need not be where it is used: ends are addresses.
        let fits = address.checked_add(size)?.checked_add(PAGE_BYTES).is_some();
        (fits && size > 0).then_some(Code { address, offset, size })
    };
    let mut code: Vec<_> = loads.iter().filter(is_code).filter_map(part).collect();
    code.sort_by_key(|code| code.address);
    code
}

fn build_id<'d>(loads: &'d [Load], data: impl ReadRef<'d>) -> Option<Box<[u8]>> {
    let is_small = |load: &&Load| load.p_filesz(Little) <= NOTES_MAX;
    loads.iter().filter(is_small).find_map(|load| {
        let mut notes: NoteIterator<'d, Header> = load.notes(Little, data).ok()??;
        while let Some(note) = notes.next().ok()? {
            let (id, owner) = (note.desc(), note.name());
            if note.n_type(Little) == elf::NT_GNU_BUILD_ID && owner == elf::ELF_NOTE_GNU {
                return (1..=BUILD_ID_MAX).contains(&id.len()).then(|| id.into());
            }
        }
        None
    })
}
