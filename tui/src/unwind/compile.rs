//! Makes the table of a file.

use super::elf::{Code, Elf, Machine, Place};
use super::program::Program;
use super::rules::NEW_OF_FILE_MAX;
use super::source::{Bytes, Entry, Source};
use super::table::{Builder, PAGES_MAX, Reason, Stats};
use super::translate::Context;
use super::{Error, Rules, Table};
use flate2::read::ZlibDecoder;
use gimli::{DebugFrame, EhFrame, EndianSlice, LittleEndian, UnwindSection, Vendor};
use object::read::ReadRef;
use object::{LittleEndian as Little, elf};
use std::borrow::Cow;
use std::hash::{BuildHasher, Hash, Hasher};
use std::io::Read;
use syscope_shared::unwind::{PAGE_BITS, RULE_NO_DATA, RULE_ROOT, Rule};

/// Bytes of unwind data that are read of one file. A browser has some 30 MB.
const SECTION_MAX: u64 = 256 << 20;
/// Bytes of it that are unpacked.
const UNPACKED_MAX: u64 = 64 << 20;

/// Bytes of the code that a program begins with, where nothing describes it. The dynamic linker's is as
/// long: it calls its own functions, then those that libraries are initialized with, and jumps away.
const ENTRY_MAX: u32 = 128;

/// Where a function is, and its description.
#[derive(Clone, Copy, Debug)]
struct Described {
    /// First address, counted from the first page.
    start: u32,
    /// The address behind the last.
    end: u32,
    /// Of the entry in its section.
    offset: u32,
    by: By,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    EhFrame,
    DebugFrame,
    /// Nothing; but it is where the program begins, and nobody calls that.
    Entry,
}

impl Table {
    /// Compiles the unwind data of a file, whose `data` is what it was read from, to a table of at most
    /// `words_max` words. What of it is needed for `.eh_frame` and, where that says nothing, for
    /// `.debug_frame` is read now. Where that fails, `rules` are as they were.
    pub fn compile<'d>(
        file: &Elf,
        data: impl ReadRef<'d>,
        rules: &mut Rules,
        words_max: usize,
    ) -> Result<Self, Error> {
        let before = rules.all().len();
        let table = Self::written(file, data, rules, words_max);
        if table.is_err() {
            rules.keep(before);
        }
        table
    }

    fn written<'d>(
        file: &Elf,
        data: impl ReadRef<'d>,
        rules: &mut Rules,
        words_max: usize,
    ) -> Result<Self, Error> {
        let eh_bytes = section(file.eh_frame, data)?;
        let debug_bytes = section(file.debug_frame, data)?;
        let (eh_bytes, debug_bytes) = (
            EndianSlice::new(&eh_bytes, LittleEndian),
            EndianSlice::new(&debug_bytes, LittleEndian),
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
        let mut eh = Source::new(section, eh_bytes, bases(), file.machine, open_ended);
        let mut section = DebugFrame::from(debug_bytes);
        section.set_address_size(8);
        section.set_vendor(vendor);
        let mut debug = Source::new(section, debug_bytes, bases(), file.machine, false);

        // Addresses in a table are numbers of 32 bits.
        let base = file.first_page() << PAGE_BITS;
        let end = file.code.iter().map(|code| code.address + code.size).max().unwrap_or(0);
        if end.saturating_sub(base) > PAGES_MAX << PAGE_BITS {
            return Err(Error::TooWide);
        }
        let mut stats = Stats::default();
        let functions = functions(file, &mut eh, &mut debug, &mut stats);
        let Some(last) = functions.last() else { return Err(Error::NoUnwindData) };
        let builder = Builder::new(((last.end - 1) >> PAGE_BITS) + 1, words_max)?;
        let rules_max = rules.all().len() + NEW_OF_FILE_MAX;
        let mut writer = Writer { builder, rules, rules_max, stats };
        for function in &functions {
            match function.by {
                By::EhFrame => writer.function(&mut eh, function)?,
                By::DebugFrame => writer.function(&mut debug, function)?,
                By::Entry => writer.entry(function)?,
            }
        }
        writer.builder.finish(file.first_page(), writer.stats)
    }
}

impl Elf {
    /// A number for all that a table is made of: where the code lies, and what describes it. Files with
    /// the same number, by a hash that nobody can know beforehand, have the same table.
    pub fn fingerprint<'d>(
        &self,
        data: impl ReadRef<'d>,
        hashing: &impl BuildHasher,
    ) -> Result<u64, Error> {
        let mut hasher = hashing.build_hasher();
        (self.machine as u8).hash(&mut hasher);
        for Code { address, offset, size } in &self.code {
            (address, offset, size).hash(&mut hasher);
        }
        self.entry.hash(&mut hasher);
        for place in [self.eh_frame, self.debug_frame] {
            place.map(|place| (place.address, place.open_ended)).hash(&mut hasher);
            section(place, data)?.hash(&mut hasher);
        }
        Ok(hasher.finish())
    }
}

/// The bytes of a section.
fn section<'d>(place: Option<Place>, data: impl ReadRef<'d>) -> Result<Cow<'d, [u8]>, Error> {
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

/// All functions that are described, in order of address; each ends where the next begins at the latest.
fn functions<'d>(
    file: &Elf,
    eh: &mut Source<'d, EhFrame<Bytes<'d>>>,
    debug: &mut Source<'d, DebugFrame<Bytes<'d>>>,
    stats: &mut Stats,
) -> Vec<Described> {
    let mut functions = listed(file, eh, By::EhFrame, stats);
    in_order(&mut functions, stats);
    let mut others = listed(file, debug, By::DebugFrame, stats);
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

/// Writes the rows of functions.
struct Writer<'r> {
    builder: Builder,
    rules: &'r mut Rules,
    /// How many there may be with those of this file.
    rules_max: usize,
    stats: Stats,
}

impl Writer<'_> {
    fn function<'d, S: UnwindSection<Bytes<'d>>>(
        &mut self,
        source: &mut Source<'d, S>,
        described: &Described,
    ) -> Result<(), Error> {
        // It could be read a moment ago; now too much may have been read.
        let Entry::Function(function) = source.entry(described.offset as usize) else {
            return self.broken(described.start, described.end);
        };
        let common = &*function.common;
        let context = Context {
            section: source.bytes,
            encoding: common.entry.encoding(),
            columns: common.columns,
            is_signal: function.entry.is_signal_trampoline(),
        };
        let factors = (common.entry.code_alignment_factor(), common.entry.data_alignment_factor());
        let from = function.entry.initial_address();
        let mut program = Program::new(&common.initial, common.columns, factors, from);
        let mut instructions = function.entry.instructions(&source.section, &source.bases);
        let mut address = described.start;
        while address < described.end {
            let next = match instructions.next().map(|next| next.map(|next| program.apply(&next))) {
                Ok(Some(Ok(None))) => continue,
                Ok(Some(Ok(Some(next)))) => next - from + u64::from(described.start),
                Ok(None) => u64::from(described.end),
                Ok(Some(Err(_))) | Err(_) => return self.broken(address, described.end),
            };
            let next = next.min(u64::from(described.end)) as u32;
            if next > address && std::mem::take(&mut program.changed) {
                match context.rule(&program.state) {
                    Ok(rule) => self.rule(address, rule)?,
                    Err(reason) => self.refuse(address, reason)?,
                }
            }
            address = next;
        }
        self.builder.set(described.end, RULE_NO_DATA)
    }

    fn entry(&mut self, described: &Described) -> Result<(), Error> {
        self.builder.set(described.start, RULE_ROOT)?;
        self.builder.set(described.end, RULE_NO_DATA)
    }

    fn rule(&mut self, address: u32, rule: Rule) -> Result<(), Error> {
        match self.rules.number(rule) {
            Some(_) if self.rules.all().len() > self.rules_max => Err(Error::TooManyRules),
            Some(number) => self.builder.set(address, number),
            None => self.refuse(address, Reason::RulesFull),
        }
    }

    /// From an address on, nothing is known of the function.
    fn broken(&mut self, address: u32, end: u32) -> Result<(), Error> {
        self.refuse(address, Reason::Instructions)?;
        self.builder.set(end, RULE_NO_DATA)
    }

    fn refuse(&mut self, address: u32, reason: Reason) -> Result<(), Error> {
        self.stats.refused[reason as usize] += 1;
        self.builder.set(address, RULE_NO_DATA)
    }
}
