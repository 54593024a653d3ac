//! How deep the entries of debug information lie within each other: who looks for inlined functions goes
//! down as deep, and has a stack of this thread to do it.

use gimli::{DebugAbbrev, DebugInfo, EndianSlice, NativeEndian, UnitHeader};
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

/// Levels that are gone down. Compilers write some dozens.
const MAX_DEPTH: isize = 1_000;
/// Bytes of a unit that is not looked into: a level is a byte at least, and a stack holds so many.
const TOO_SHORT: usize = 2_000;
/// Bytes of abbreviations: more than any linker has put together.
pub(super) const MAX_ABBREVIATIONS: u64 = 64 << 20;
/// How long it may take to look at all units of a file.
const PATIENCE: Duration = Duration::from_secs(5);

type Bytes<'d> = EndianSlice<'d, NativeEndian>;

/// What looks into units, one after the other.
pub(super) struct Depths {
    abbreviations: Vec<u8>,
    until: Instant,
}

/// Whether the units of a file need not be looked into: they may be a gigabyte. Root's own files are
/// what compilers wrote; who can write them needs no tricks.
pub(super) fn is_trusted(file: &File) -> bool {
    file.metadata().is_ok_and(|file| file.uid() == 0 && file.mode() & 0o022 == 0)
}

impl Depths {
    /// With the abbreviations that the units are written with.
    pub(super) fn new(abbreviations: Vec<u8>) -> Self {
        Self { abbreviations, until: Instant::now() + PATIENCE }
    }

    /// Whether the entries of a unit, given with its length before it, may be gone down into. What cannot
    /// be read is gone into by nobody.
    pub(super) fn are_sound(&self, unit: &[u8]) -> bool {
        if unit.len() < TOO_SHORT {
            return true;
        }
        let units = DebugInfo::new(unit, NativeEndian);
        let Ok(Some(header)) = units.units().next() else { return true };
        Instant::now() < self.until && self.depth(&header).unwrap_or(0) <= MAX_DEPTH
    }

    /// The depth to where the unit cannot be read further, or is too deep.
    fn depth(&self, header: &UnitHeader<Bytes<'_>>) -> Option<isize> {
        let table = DebugAbbrev::new(&self.abbreviations, NativeEndian);
        let abbreviations = header.abbreviations(&table).ok()?;
        let mut entries = header.entries_raw(&abbreviations, None).ok()?;
        let mut deepest = 0;
        while !entries.is_empty() && deepest <= MAX_DEPTH {
            let Ok(entry) = entries.read_abbreviation() else { break };
            deepest = deepest.max(entries.next_depth());
            let skipped = entry.map(|entry| entries.skip_attributes(entry.attributes()));
            if skipped.is_some_and(|skipped| skipped.is_err()) {
                break;
            }
        }
        Some(deepest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Abbreviation 1: `DW_TAG_inlined_subroutine` with children and without attributes; 2: the same
    /// without children.
    const ABBREVIATIONS: [u8; 11] = [1, 0x1d, 1, 0, 0, 2, 0x1d, 0, 0, 0, 0];

    /// A unit of DWARF 4 with these entries.
    fn unit(entries: &[u8]) -> Vec<u8> {
        let length = entries.len() as u32 + 7;
        let head = [&length.to_ne_bytes()[..], &4u16.to_ne_bytes(), &0u32.to_ne_bytes(), &[8]];
        [&head.concat(), entries].concat()
    }

    fn nested(levels: usize) -> Vec<u8> {
        unit(&[vec![1; levels], vec![0; levels]].concat())
    }

    #[test]
    fn a_unit_may_not_be_deeper_than_a_stack() {
        let depths = Depths::new(ABBREVIATIONS.to_vec());
        assert!(depths.are_sound(&nested(1_000)));
        assert!(!depths.are_sound(&nested(1_001)));
        assert!(!depths.are_sound(&nested(60_000)));
        assert!(depths.are_sound(&unit(&vec![2; 60_000])), "side by side");
    }

    #[test]
    fn what_is_deep_before_it_breaks_is_too_deep() {
        let depths = Depths::new(ABBREVIATIONS.to_vec());
        let broken = unit(&[vec![1; 1_500], vec![77; 1_000]].concat());
        assert!(!depths.are_sound(&broken));
        assert!(depths.are_sound(&unit(&vec![77; 3_000])));
        assert!(depths.are_sound(&[0xff; 5_000]));
    }
}
