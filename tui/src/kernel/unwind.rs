//! What the programs unwind with: the maps of [`syscope_shared::unwind`].

use super::map::{self, TypedMap};
use super::pieces::Pieces;
use super::ring::Ring;
use aya::Ebpf;
use nix::unistd::{SysconfVar, sysconf};
use std::io;
use std::ops::RangeInclusive;
use std::os::fd::{AsFd, BorrowedFd};
use syscope_shared::python::Layout;
use syscope_shared::unwind::{
    Asked, CHUNK_SEGMENTS, PIECE_WORDS, PIECES_MAX, Process, RULES_MAX, Rule, Segment,
};

/// Bytes of tables at most, on a machine with little memory and on one with much: 4 bytes are a row. The C
/// library has 30 thousand of them, a C compiler half a million, Firefox three million; those of a whole desktop
/// fill 32 MiB. A file may take half of it.
const UNWIND_BYTES: RangeInclusive<u64> = 16 << 20..=32 << 20;
/// What part of the machine's memory it may be.
const UNWIND_SHARE: u64 = 64;
/// Values of the `SEGMENTS` map: 64 thousand segments; a process has ten to a hundred.
pub const SEGMENT_CHUNKS: u32 = 512;

/// Pieces of the `UNWIND` map at most, on this machine.
pub fn pieces() -> u32 {
    let of = |name| sysconf(name).ok().flatten().and_then(|value| u64::try_from(value).ok());
    let memory = of(SysconfVar::_PHYS_PAGES).zip(of(SysconfVar::PAGE_SIZE));
    pieces_with(memory.map_or(0, |(pages, size)| pages.saturating_mul(size)))
}

/// Pieces of the `UNWIND` map at most, on a machine with so many bytes of memory.
fn pieces_with(memory: u64) -> u32 {
    const { assert!(*UNWIND_BYTES.end() <= (PIECES_MAX * PIECE_WORDS * size_of::<u32>()) as u64) };
    let bytes = (memory / UNWIND_SHARE).clamp(*UNWIND_BYTES.start(), *UNWIND_BYTES.end());
    (bytes / (PIECE_WORDS * size_of::<u32>()) as u64) as u32
}

/// Reads the ring `ASKED`.
pub struct Asks {
    ring: Ring,
}

impl Asks {
    pub fn open(programs: &mut Ebpf) -> io::Result<Self> {
        Ok(Self { ring: Ring::open(programs, "ASKED")? })
    }

    /// Appends what was asked for since the last reading.
    pub fn read(&mut self, asked: &mut Vec<Asked>) {
        while let Some(item) = self.ring.next() {
            asked.extend(bytemuck::try_pod_read_unaligned::<Asked>(&item).ok());
        }
    }
}

impl AsFd for Asks {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ring.as_fd()
    }
}

/// Writes what the programs unwind with.
pub struct Tables {
    words: Pieces<u32>,
    rules: Pieces<Rule>,
    segments: Pieces<Segment>,
    processes: TypedMap<u32, Process>,
    pythons: TypedMap<u32, Layout>,
}

impl Tables {
    /// The `UNWIND` map has room for so many pieces.
    pub(super) fn open(programs: &mut Ebpf, pieces: u32) -> io::Result<Self> {
        let segments = SEGMENT_CHUNKS as usize * CHUNK_SEGMENTS;
        Ok(Self {
            words: Pieces::growing(programs, "UNWIND", pieces as usize, PIECE_WORDS)?,
            rules: Pieces::whole(programs, "RULES", RULES_MAX as usize)?,
            segments: Pieces::whole(programs, "SEGMENTS", segments)?,
            processes: map::typed(programs, "PROCESSES")?,
            pythons: map::typed(programs, "PYTHONS")?,
        })
    }
}

impl crate::unwind::Words for Tables {
    fn word(&self, index: usize) -> Option<u32> {
        self.words.get(index)
    }
}

impl crate::unwind::Maps for Tables {
    fn words(&self) -> usize {
        self.words.len()
    }

    fn segments(&self) -> usize {
        self.segments.len()
    }

    fn write_words(&mut self, index: u32, words: &[u32]) -> io::Result<()> {
        self.words.write(index as usize, words)
    }

    fn write_rules(&mut self, index: u32, rules: &[Rule]) -> io::Result<()> {
        self.rules.write(index as usize, rules)
    }

    fn write_segments(&mut self, index: u32, segments: &[Segment]) -> io::Result<()> {
        self.segments.write(index as usize, segments)
    }

    fn rest(&mut self) {
        self.words.rest();
        self.rules.rest();
        self.segments.rest();
    }

    fn write_python(&mut self, index: u32, layout: &Layout) -> io::Result<()> {
        self.pythons.set(&index, layout)
    }

    fn publish(&mut self, pid: u32, process: &Process) -> io::Result<()> {
        self.processes.set(&pid, process)
    }

    fn withdraw(&mut self, pid: u32) -> io::Result<()> {
        self.processes.delete(&pid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_take_a_part_of_the_memory_within_bounds() {
        const MIB: u64 = 1 << 20;
        for (memory, bytes) in [(0, 16), (512, 16), (1536, 24), (2048, 32), (1 << 20, 32)] {
            assert_eq!(u64::from(pieces_with(memory * MIB)), bytes, "{memory} MiB");
        }
    }
}
