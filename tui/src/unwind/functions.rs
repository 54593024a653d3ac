//! The functions of a file, by its unwind data: where each begins and ends.

use super::Error;
use super::elf::{Elf, Machine, Place};
use super::source::{Bytes, Entry, Source};
use super::table::Stats;
use flate2::read::ZlibDecoder;
use gimli::{DebugFrame, EhFrame, EndianSlice, LittleEndian, UnwindSection, Vendor};
use object::read::ReadRef;
use object::{LittleEndian as Little, elf};
use std::borrow::Cow;
use std::io::Read;
use std::ops::Range;
use syscope_shared::unwind::PAGE_BITS;

/// Bytes of unwind data that are read of one file. A browser has some 30 MB.
const SECTION_MAX: u64 = 256 << 20;
/// Bytes of it that are unpacked.
const UNPACKED_MAX: u64 = 64 << 20;

/// Bytes of the code that a program begins with, where nothing describes it. The dynamic linker's is as
/// long: it calls its own functions, then those that libraries are initialized with, and jumps away.
const ENTRY_MAX: u32 = 128;

/// Where a function is, and its description.
#[derive(Clone, Copy, Debug)]
pub(super) struct Described {
    /// First address, counted from the first page.
    pub(super) start: u32,
    /// The address behind the last.
    pub(super) end: u32,
    /// Of the entry in its section.
    pub(super) offset: u32,
    pub(super) by: By,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    EhFrame,
    DebugFrame,
    /// Nothing; but it is where the program begins, and nobody calls that.
    Entry,
}

/// The bytes of the sections with unwind data.
pub(super) struct FrameBytes<'d> {
    eh: Cow<'d, [u8]>,
    debug: Cow<'d, [u8]>,
}

impl<'d> FrameBytes<'d> {
    pub(super) fn of(file: &Elf, data: impl ReadRef<'d>) -> Result<Self, Error> {
        Ok(Self { eh: section(file.eh_frame, data)?, debug: section(file.debug_frame, data)? })
    }
}

/// The sections with unwind data.
pub(super) struct Sources<'d> {
    pub(super) eh: Source<'d, EhFrame<Bytes<'d>>>,
    pub(super) debug: Source<'d, DebugFrame<Bytes<'d>>>,
}

impl<'d> Sources<'d> {
    pub(super) fn of(file: &Elf, bytes: &'d FrameBytes<'_>) -> Self {
        let (eh_bytes, debug_bytes) = (
            EndianSlice::new(&bytes.eh, LittleEndian),
            EndianSlice::new(&bytes.debug, LittleEndian),
        );
        let vendor = match file.machine {
            Machine::X86_64 => Vendor::Default,
            Machine::Aarch64 => Vendor::AArch64,
        };
        let mut section = EhFrame::from(eh_bytes);
        section.set_address_size(8);
        section.set_vendor(vendor);
        let open_ended = file.eh_frame.is_some_and(|place| place.open_ended);
        let bases = || file.bases.clone();
        let eh = Source::new(section, eh_bytes, bases(), file.machine, open_ended);
        let mut section = DebugFrame::from(debug_bytes);
        section.set_address_size(8);
        section.set_vendor(vendor);
        let debug = Source::new(section, debug_bytes, bases(), file.machine, false);
        Self { eh, debug }
    }

    /// All functions that are described, in order of address; each ends where the next begins at the
    /// latest.
    pub(super) fn functions(&mut self, file: &Elf, stats: &mut Stats) -> Vec<Described> {
        let mut functions = listed(file, &mut self.eh, By::EhFrame, stats);
        in_order(&mut functions, stats);
        let mut others = listed(file, &mut self.debug, By::DebugFrame, stats);
        others.retain(|other| {
            let behind = functions.partition_point(|function| function.start <= other.start);
            behind == 0 || functions[behind - 1].end <= other.start
        });
        if !others.is_empty() {
            functions.append(&mut others);
            in_order(&mut functions, stats);
        }
        stats.functions = u32::try_from(functions.len()).unwrap_or(u32::MAX);
        if !functions.is_empty()
            && let Some((place, entry)) = entry(file, &functions)
        {
            functions.insert(place, entry);
        }
        functions.shrink_to_fit();
        functions
    }
}

/// Where functions begin and end that unwind data tells of: those without a name can be told apart by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Functions {
    base: u64,
    /// Counted from the base; in order.
    all: Vec<Range<u32>>,
}

impl Functions {
    /// Those of a file, whose `data` is what it was read from.
    pub fn read<'d>(file: &Elf, data: impl ReadRef<'d>) -> Result<Self, Error> {
        let bytes = FrameBytes::of(file, data)?;
        let described = Sources::of(file, &bytes).functions(file, &mut Stats::default());
        let all = described.iter().map(|function| function.start..function.end).collect();
        Ok(Self { base: file.first_page() << PAGE_BITS, all })
    }

    /// Where the function with this address begins, both in the file's own numbering.
    pub fn start_of(&self, address: u64) -> Option<u64> {
        let at = u32::try_from(address.checked_sub(self.base)?).ok()?;
        let behind = self.all.partition_point(|function| function.start <= at);
        let function = self.all.get(behind.checked_sub(1)?)?;
        function.contains(&at).then(|| self.base + u64::from(function.start))
    }
}

/// The bytes of a section.
pub(super) fn section<'d>(
    place: Option<Place>,
    data: impl ReadRef<'d>,
) -> Result<Cow<'d, [u8]>, Error> {
    let Some(Place { offset, size, compressed, .. }) = place else { return Ok(Cow::default()) };
    if size > SECTION_MAX {
        return Err(Error::TooLong(SECTION_MAX));
    }
    let unreadable = || Error::Elf("a section lies outside it");
    let bytes = data.read_bytes_at(offset, size).map_err(|()| unreadable())?;
    if compressed { unpacked(bytes).map(Cow::Owned) } else { Ok(Cow::Borrowed(bytes)) }
}

/// The content of a compressed section.
fn unpacked(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let broken = || Error::Elf("a compressed section cannot be unpacked");
    let (head, packed) = object::pod::from_bytes::<elf::CompressionHeader64<Little>>(bytes)
        .map_err(|()| broken())?;
    let size = head.ch_size.get(Little);
    if size > UNPACKED_MAX {
        return Err(Error::TooLong(UNPACKED_MAX));
    }
    match head.ch_type.get(Little) {
        elf::ELFCOMPRESS_ZLIB => {
            let mut content = Vec::new();
            ZlibDecoder::new(packed).take(size).read_to_end(&mut content).map_err(|_| broken())?;
            Ok(content)
        }
        elf::ELFCOMPRESS_ZSTD => {
            zstd::bulk::decompress(packed, size as usize).map_err(|_| broken())
        }
        _ => Err(broken()),
    }
}

/// The code that the program begins with, if it is in none of these functions, and where its place among
/// them is.
fn entry(file: &Elf, functions: &[Described]) -> Option<(usize, Described)> {
    // A library has none.
    let code = file.code_at(file.entry).filter(|_| file.entry != 0)?;
    let base = file.first_page() << PAGE_BITS;
    let [start, end] =
        [file.entry, code.address + code.size].map(|address| (address - base) as u32);
    let place = functions.partition_point(|function| function.start <= start);
    let is_described = functions[..place].last().is_some_and(|before| before.end > start);
    let next = functions.get(place).map_or(end, |next| next.start);
    let end = end.min(next).min(start.saturating_add(ENTRY_MAX));
    (!is_described).then_some((place, Described { start, end, offset: 0, by: By::Entry }))
}

fn listed<'d, S: UnwindSection<Bytes<'d>>>(
    file: &Elf,
    source: &mut Source<'d, S>,
    by: By,
    stats: &mut Stats,
) -> Vec<Described> {
    let base = file.first_page() << PAGE_BITS;
    let mut functions = Vec::new();
    let mut from = 0;
    while let Some(place) = source.next_entry(from) {
        from = place.end;
        let entry = match source.entry(place.start) {
            Entry::Function(function) => function.entry,
            Entry::Common => continue,
            Entry::Unreadable => {
                stats.unreadable += 1;
                continue;
            }
        };
        let (start, size) = (entry.initial_address(), entry.len());
        match file.code_at(start) {
            Some(code) if size > 0 => {
                let end = start.saturating_add(size).min(code.address + code.size);
                let [start, end] = [start, end].map(|address| (address - base) as u32);
                functions.push(Described { start, end, offset: place.start as u32, by });
            }
            _ => stats.outside += 1,
        }
    }
    functions
}

/// Sorts functions. Of those that begin at one address, the first is kept.
fn in_order(functions: &mut Vec<Described>, stats: &mut Stats) {
    functions.sort_by_key(|function| function.start);
    let described = functions.len();
    functions.dedup_by_key(|function| function.start);
    let mut overlapping = described - functions.len();
    for next in 1..functions.len() {
        let (start, before) = (functions[next].start, &mut functions[next - 1]);
        if before.end > start {
            before.end = start;
            overlapping += 1;
        }
    }
    stats.overlapping = stats.overlapping.saturating_add(overlapping as u32);
}
