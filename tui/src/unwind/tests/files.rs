//! ELF files: what of them is found, and what they are mapped as.

use super::super::image::{CODE, Frames, Image, Load};
use super::super::{Code, Elf, Error, Machine};
use super::{Rules, Table};
use super::{WORDS_MAX, compiled};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use object::elf;
use std::io::Write;
use syscope_shared::unwind::{NOT_READY, Segment};

const NOP: [u8; 4] = [0; 4];

fn frames(debug: bool) -> Vec<u8> {
    let mut frames = Frames { debug, ..Frames::default() };
    // The stack pointer and 8, where the return address lies.
    frames.common("", 16, &[12, 7, 8, 0x90, 1]).function(CODE + 0x10, 0x20, &NOP);
    frames.bytes
}

#[test]
fn the_code_is_found_and_what_is_mapped_of_it() {
    let bytes = Image { code: 0x2345, ..Image::new(&[]) }.bytes();
    let file = Elf::read(&*bytes).unwrap();
    assert_eq!(file.machine, Machine::X86_64);
    assert_eq!(file.code, [Code { address: CODE, offset: CODE, size: 0x2345 }]);
    assert_eq!(file.first_page(), 1);
    let segment =
        |shift, len| Segment { start: 0x7000_0000, len, shift, base: 5, pages: 1, pad: 0 };
    let mapped = |len, offset| file.segment((0x7000_0000, len + 0x7000_0000), offset, 5, 1);
    assert_eq!(mapped(0x3000, CODE), Some(segment(0, 0x3000)), "rounded to pages");
    assert_eq!(mapped(0x1000, CODE + 0x1000), Some(segment(0x1000, 0x1000)));
    assert_eq!(mapped(0x1000, CODE + 0x3000), None, "behind it");
    assert_eq!(mapped(0x1000, 0), None, "the headers");
    assert_eq!(mapped(0x2_0000, 0), None, "in front of the first page");
    assert_eq!(mapped(u64::MAX >> 1, u64::MAX), None);
    assert_eq!(file.segment((2, 1), CODE, NOT_READY, 0), None);
}

#[test]
fn a_build_id_is_that_of_gnu() {
    let note = |owner: &[u8; 4], id: &[u8]| {
        let head = [4, id.len() as u32, elf::NT_GNU_BUILD_ID].map(u32::to_le_bytes).concat();
        [&head[..], owner, id].concat()
    };
    let notes = [note(b"Xen\0", &[1; 20]), note(b"GNU\0", &[2; 20])].concat();
    let sections = [("notes", 0, &*notes)];
    let at = Image::new(&sections).address_of(0);
    let loads = [(elf::PT_NOTE, at, notes.len() as u64)];
    let of = |loads: &[Load]| {
        let bytes = Image { loads, ..Image::new(&sections) }.bytes();
        Elf::read(&*bytes).unwrap().build_id
    };
    assert_eq!(of(&loads).as_deref(), Some(&[2; 20][..]));
    assert_eq!(of(&[(elf::PT_NOTE, at, 32)]), None, "cut");
    assert_eq!(of(&[]), None);
}

#[test]
fn unwind_data_is_found_without_section_headers() {
    let data = frames(false);
    // What follows it in memory is something else.
    let with_end = [&data[..], &[0; 4], &[0x11; 40]].concat();
    let sections = [("data", 0, &*with_end), ("head", 0, &[0; 12])];
    let [at, head_at] = [0, 1].map(|section| Image::new(&sections).address_of(section));
    // Version, then how the pointer is encoded: relative to where it stands, 4 bytes.
    let mut head = vec![1, 0x1b, 0xff, 0xff];
    head.extend((at.wrapping_sub(head_at + 4) as u32).to_le_bytes());
    let loads = [
        (elf::PT_LOAD, at, with_end.len() as u64),
        (elf::PT_GNU_EH_FRAME, head_at, head.len() as u64),
    ];
    let sections = [sections[0], ("head", 0, &*head)];
    let found = compiled(&Image { loads: &loads, ..Image::new(&sections) }).unwrap();
    assert_eq!(found, compiled(&Image::new(&[(".eh_frame", 0, &data)])).unwrap());
    let image = Image { loads: &loads[1..], ..Image::new(&sections) };
    assert_eq!(compiled(&image).unwrap_err(), Error::NoUnwindData);
}

fn compressed(kind: u32, size: u64, packed: &[u8]) -> Vec<u8> {
    let head = elf::CompressionHeader64::<object::LittleEndian> {
        ch_type: object::U32::new(object::LittleEndian, kind),
        ch_reserved: object::U32::default(),
        ch_size: object::U64::new(object::LittleEndian, size),
        ch_addralign: object::U64::default(),
    };
    [object::pod::bytes_of(&head), packed].concat()
}

#[test]
fn debug_frame_may_be_compressed() {
    let data = frames(true);
    let plain = compiled(&Image::new(&[(".debug_frame", 0, &data)])).unwrap();
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(&data).unwrap();
    let zlib = zlib.finish().unwrap();
    let zstd = zstd::bulk::compress(&data, 3).unwrap();
    let size = data.len() as u64;
    let of = |section: &[u8]| {
        compiled(&Image::new(&[(".debug_frame", u64::from(elf::SHF_COMPRESSED), section)]))
    };
    assert_eq!(of(&compressed(elf::ELFCOMPRESS_ZLIB, size, &zlib)).unwrap(), plain);
    assert_eq!(of(&compressed(elf::ELFCOMPRESS_ZSTD, size, &zstd)).unwrap(), plain);
    let broken = Error::Elf("a compressed section cannot be unpacked");
    assert_eq!(of(&compressed(elf::ELFCOMPRESS_ZSTD, size, &zlib)).unwrap_err(), broken);
    assert_eq!(of(&compressed(elf::ELFCOMPRESS_ZLIB, size, b"no")).unwrap_err(), broken);
    assert_eq!(of(&compressed(9, size, &zlib)).unwrap_err(), broken);
    assert_eq!(of(b"short").unwrap_err(), broken);
    let bomb = compressed(elf::ELFCOMPRESS_ZLIB, 1 << 40, &zlib);
    assert_eq!(of(&bomb).unwrap_err(), Error::TooLong(64 << 20));
}

#[test]
fn what_is_no_program_of_a_known_processor_is_refused() {
    let bytes = Image::new(&[]).bytes();
    let with = |at: usize, byte: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = byte;
        Elf::read(&*bytes).map(|_| ()).unwrap_err()
    };
    assert_eq!(with(0, 0), Error::Elf("no 64-bit header"));
    assert_eq!(with(4, elf::ELFCLASS32), Error::Elf("no 64-bit header"));
    assert_eq!(with(5, elf::ELFDATA2MSB), Error::Machine);
    assert_eq!(with(16, 1), Error::Elf("it is not linked"));
    assert_eq!(with(18, elf::EM_RISCV as u8), Error::Machine);
    assert_eq!(with(32 + 7, 0xff), Error::Elf("no program headers"));
    assert_eq!(with(57, 0xff), Error::Elf("too many program headers"));
    assert!(Elf::read(&[][..]).is_err());
}

#[test]
fn a_file_costs_no_more_than_its_caller_allows() {
    let data = frames(false);
    let bytes = Image::new(&[(".eh_frame", 0, &data)]).bytes();
    let elf = Elf::read(&*bytes).unwrap();
    let of = |words| Table::compile(&elf, &*bytes, &mut Rules::default(), words).map(|_| ());
    assert_eq!((of(4), of(5)), (Err(Error::TooLarge(4)), Ok(())));
    let mut wide = elf.clone();
    wide.code.push(Code { address: CODE + (1 << 31), offset: 0, size: 1 });
    let of = Table::compile(&wide, &*bytes, &mut Rules::default(), WORDS_MAX);
    assert_eq!(of.unwrap_err(), Error::TooWide);
}
