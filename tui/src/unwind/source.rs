//! One section of call frame information, read entry by entry.

use super::elf::Machine;
use super::program::{Columns, Program, State};
use gimli::{BaseAddresses, CommonInformationEntry, EndianSlice, FrameDescriptionEntry};
use gimli::{LittleEndian, UnwindOffset, UnwindSection};
use rustc_hash::FxHashMap;
use std::ops::Range;
use std::rc::Rc;

pub(super) type Bytes<'d> = EndianSlice<'d, LittleEndian>;

/// Common parts that are remembered. Compilers and linkers make a few dozen in a file.
const COMMON_MAX: usize = 1_024;
/// Bytes of common parts that may be evaluated for every byte of the section, so that many functions
/// with one large common part each do not take for ever.
const WORK_FACTOR: usize = 4;

/// What the descriptions of many functions have in common (a common information entry, CIE).
#[derive(Debug)]
pub(super) struct Common<'d> {
    pub(super) entry: CommonInformationEntry<Bytes<'d>>,
    pub(super) columns: Columns,
    pub(super) initial: State,
}

/// The description of a function (a frame description entry, FDE).
#[derive(Debug)]
pub(super) struct Function<'d> {
    pub(super) entry: FrameDescriptionEntry<Bytes<'d>>,
    pub(super) common: Rc<Common<'d>>,
}

/// What lies at an offset.
#[derive(Debug)]
pub(super) enum Entry<'d> {
    Function(Function<'d>),
    /// Something for other entries, which are read with it.
    Common,
    Unreadable,
}

/// A section of call frame information.
#[derive(Debug)]
pub(super) struct Source<'d, S> {
    pub(super) section: S,
    pub(super) bytes: Bytes<'d>,
    pub(super) bases: BaseAddresses,
    machine: Machine,
    /// An entry without length is its end, and not merely to be skipped.
    open_ended: bool,
    common: FxHashMap<usize, Option<Rc<Common<'d>>>>,
    /// Bytes of common parts that may still be evaluated.
    work: usize,
}

impl<'d, S: UnwindSection<Bytes<'d>>> Source<'d, S> {
    pub(super) fn new(
        section: S,
        bytes: Bytes<'d>,
        bases: BaseAddresses,
        machine: Machine,
        open_ended: bool,
    ) -> Self {
        let work = bytes.len().saturating_mul(WORK_FACTOR).saturating_add(1 << 20);
        Self { section, bytes, bases, machine, open_ended, common: FxHashMap::default(), work }
    }

    /// Where the next entry at or behind an offset lies. It goes by the lengths alone, so that an entry
    /// that cannot be read does not hide those behind it.
    pub(super) fn next_entry(&self, mut offset: usize) -> Option<Range<usize>> {
        loop {
            let short = u32::from_le_bytes(*self.bytes.slice().get(offset..)?.first_chunk()?);
            let (head, length) = if short == u32::MAX {
                let long = self.bytes.slice().get(offset + 4..)?.first_chunk()?;
                (12, usize::try_from(u64::from_le_bytes(*long)).ok()?)
            } else {
                (4, short as usize)
            };
            let end = (offset + head).checked_add(length)?;
            match length {
                0 if self.open_ended => return None,
                0 => offset = end,
                _ => return (end <= self.bytes.len()).then_some(offset..end),
            }
        }
    }

    /// The entry at an offset.
    pub(super) fn entry(&mut self, offset: usize) -> Entry<'d> {
        let Self { section, bases, common, work, machine, .. } = self;
        let partial = match section.partial_fde_from_offset(bases, offset.into()) {
            Ok(partial) => partial,
            Err(gimli::Error::NotCiePointer(_)) => return Entry::Common,
            Err(_) => return Entry::Unreadable,
        };
        let at = UnwindOffset::into(partial.cie_offset());
        if common.len() >= COMMON_MAX && !common.contains_key(&at) {
            common.clear();
        }
        let known = common.entry(at).or_insert_with(|| {
            let common = Common::read(section, bases, at, *machine, work)?;
            Some(Rc::new(common))
        });
        let Some(common) = known.as_ref().map(Rc::clone) else { return Entry::Unreadable };
        match partial.parse(|_, _, _| Ok(common.entry.clone())) {
            Ok(entry) => Entry::Function(Function { entry, common }),
            Err(_) => Entry::Unreadable,
        }
    }
}

impl<'d> Common<'d> {
    fn read<S: UnwindSection<Bytes<'d>>>(
        section: &S,
        bases: &BaseAddresses,
        offset: usize,
        machine: Machine,
        work: &mut usize,
    ) -> Option<Self> {
        // Nothing more is read once too much was.
        if *work == 0 {
            return None;
        }
        let entry = section.cie_from_offset(bases, offset.into());
        let spent = entry.as_ref().map_or(1, |entry| entry.entry_len());
        *work = work.saturating_sub(spent);
        let entry = entry.ok().filter(|entry| entry.address_size() == 8)?;
        let columns = Columns::new(machine, entry.return_address_register());
        let mut program = Program::of_all(columns, entry.data_alignment_factor());
        let mut instructions = entry.instructions(section, bases);
        while let Some(instruction) = instructions.next().ok()? {
            program.apply(&instruction).ok()?;
        }
        let initial = program.state;
        Some(Self { entry, columns, initial })
    }
}
