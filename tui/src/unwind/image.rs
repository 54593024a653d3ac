//! ELF files made by hand, for tests and fuzz targets.

use super::Machine;
use object::LittleEndian as Little;
use object::pod::bytes_of;
use object::{U16, U32, U64, elf};

/// Where the code of an image lies in it, and in memory.
pub(crate) const CODE: u64 = 0x1_0000;

/// What an image is made of.
#[derive(Clone, Debug)]
pub(crate) struct Image<'a> {
    pub(crate) machine: Machine,
    /// Bytes of code, all 0.
    pub(crate) code: u64,
    /// Name, flags and content of further sections. They lie at [`Image::address_of`].
    pub(crate) sections: &'a [(&'a str, u64, &'a [u8])],
    /// Program headers beside that of the code.
    pub(crate) loads: &'a [Load],
}

/// Type, address and size of a program header.
pub(crate) type Load = (u32, u64, u64);

impl Image<'_> {
    /// One with x86-64 code, of these sections.
    pub(crate) fn new<'a>(sections: &'a [(&'a str, u64, &'a [u8])]) -> Image<'a> {
        Image { machine: Machine::X86_64, code: 0x1000, sections, loads: &[] }
    }

    /// Where a section lies, in the file and in memory.
    pub(crate) fn address_of(&self, section: usize) -> u64 {
        let before = self.sections[..section].iter().map(|(_, _, content)| padded(content));
        CODE + self.code + before.sum::<u64>()
    }

    /// The file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let end = self.address_of(self.sections.len());
        let (names, name_offsets) = self.names();
        let sections_at = end + padded(&names);
        let mut file = bytes_of(&self.header(sections_at)).to_vec();
        file.extend(bytes_of(&load(elf::PT_LOAD, CODE, self.code)));
        for (kind, address, size) in self.loads {
            file.extend(bytes_of(&load(*kind, *address, *size)));
        }
        file.resize((CODE + self.code) as usize, 0);
        for content in self.sections.iter().map(|(_, _, content)| *content).chain([&*names]) {
            file.extend(content);
            file.resize(file.len().next_multiple_of(8), 0);
        }
        file.extend(bytes_of(&section(0, elf::SHT_NULL, 0, (0, 0))));
        for (index, (_, flags, content)) in self.sections.iter().enumerate() {
            let place = (self.address_of(index), content.len() as u64);
            file.extend(bytes_of(&section(name_offsets[index], elf::SHT_PROGBITS, *flags, place)));
        }
        file.extend(bytes_of(&section(0, elf::SHT_STRTAB, 0, (end, names.len() as u64))));
        file
    }

    fn names(&self) -> (Vec<u8>, Vec<u32>) {
        let (mut names, mut offsets) = (vec![0], Vec::new());
        for (name, ..) in self.sections {
            offsets.push(names.len() as u32);
            names.extend(name.as_bytes());
            names.push(0);
        }
        (names, offsets)
    }

    fn header(&self, sections_at: u64) -> elf::FileHeader64<Little> {
        let number = |number| U16::new(Little, number);
        let sections = self.sections.len() as u16 + 2;
        elf::FileHeader64 {
            e_ident: elf::Ident {
                magic: elf::ELFMAG,
                class: elf::ELFCLASS64,
                data: elf::ELFDATA2LSB,
                version: elf::EV_CURRENT,
                os_abi: 0,
                abi_version: 0,
                padding: [0; 7],
            },
            e_type: number(elf::ET_DYN),
            e_machine: number(match self.machine {
                Machine::X86_64 => elf::EM_X86_64,
                Machine::Aarch64 => elf::EM_AARCH64,
            }),
            e_version: U32::new(Little, 1),
            e_entry: U64::new(Little, CODE),
            e_phoff: U64::new(Little, 64),
            e_shoff: U64::new(Little, sections_at),
            e_flags: U32::new(Little, 0),
            e_ehsize: number(64),
            e_phentsize: number(56),
            e_phnum: number(1 + self.loads.len() as u16),
            e_shentsize: number(64),
            e_shnum: number(sections),
            e_shstrndx: number(sections - 1),
        }
    }
}

fn padded(content: &[u8]) -> u64 {
    content.len().next_multiple_of(8) as u64
}

fn load(kind: u32, address: u64, size: u64) -> elf::ProgramHeader64<Little> {
    let number = |number| U64::new(Little, number);
    elf::ProgramHeader64 {
        p_type: U32::new(Little, kind),
        p_flags: U32::new(Little, if address == CODE { elf::PF_X } else { elf::PF_R }),
        p_offset: number(address),
        p_vaddr: number(address),
        p_paddr: number(address),
        p_filesz: number(size),
        p_memsz: number(size),
        p_align: number(4),
    }
}

fn section(
    name: u32,
    kind: u32,
    flags: u64,
    (address, size): (u64, u64),
) -> elf::SectionHeader64<Little> {
    let number = |number| U64::new(Little, number);
    elf::SectionHeader64 {
        sh_name: U32::new(Little, name),
        sh_type: U32::new(Little, kind),
        sh_flags: number(flags),
        sh_addr: number(address),
        sh_offset: number(address),
        sh_size: number(size),
        sh_link: U32::new(Little, 0),
        sh_info: U32::new(Little, 0),
        sh_addralign: number(8),
        sh_entsize: number(0),
    }
}

/// Call frame information made by hand: absolute addresses, code in bytes, data in words downwards.
#[cfg(test)]
#[derive(Clone, Debug, Default)]
pub(crate) struct Frames {
    pub(crate) bytes: Vec<u8>,
    /// It is a `.debug_frame`.
    pub(crate) debug: bool,
    /// Where the last common part lies.
    pub(crate) common: usize,
}

#[cfg(test)]
impl Frames {
    /// A common part: its augmentation (of letters that need no data), the register of the return
    /// address, and instructions.
    pub(crate) fn common(&mut self, augmentation: &str, ra: u8, instructions: &[u8]) -> &mut Self {
        self.common = self.bytes.len();
        let mut entry = if self.debug { vec![0xff; 4] } else { vec![0; 4] };
        entry.push(1);
        entry.extend(augmentation.as_bytes());
        // Code factor 1, data factor -8; version 1 has the register in one byte.
        entry.extend([0, 1, 0x78, ra]);
        if augmentation.starts_with('z') {
            entry.push(0);
        }
        entry.extend(instructions);
        self.entry(&entry)
    }

    /// A function of the last common part.
    pub(crate) fn function(&mut self, start: u64, size: u64, instructions: &[u8]) -> &mut Self {
        let here = self.bytes.len() + 4;
        let common = if self.debug { self.common } else { here - self.common };
        let mut entry = (common as u32).to_le_bytes().to_vec();
        entry.extend(start.to_le_bytes());
        entry.extend(size.to_le_bytes());
        entry.extend(instructions);
        self.entry(&entry)
    }

    fn entry(&mut self, entry: &[u8]) -> &mut Self {
        self.bytes.extend((entry.len() as u32).to_le_bytes());
        self.bytes.extend(entry);
        self
    }
}
