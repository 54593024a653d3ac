//! What the programs unwind with: the maps of [`syscope_shared::unwind`].

use super::map::{self, TypedMap};
use super::mapped::MappedArray;
use aya::Ebpf;
use aya::maps::{MapData, RingBuf};
use nix::unistd::{SysconfVar, sysconf};
use std::io;
use std::ops::RangeInclusive;
use std::os::fd::{AsFd, BorrowedFd};
use syscope_shared::python::Layout;
use syscope_shared::unwind::{
    Asked, CHUNK_SEGMENTS, CHUNK_WORDS, Process, RULES_MAX, Rule, Segment,
};

/// Bytes of the `UNWIND` map at least and at most: 4 bytes are a row. The C library has 30 thousand of
/// them, a C compiler half a million, Firefox three million; those of a whole desktop fill 32 MiB. A file may
/// take half of it.
const UNWIND_BYTES: RangeInclusive<u64> = 16 << 20..=32 << 20;
/// What part of the machine's memory it may be.
const UNWIND_SHARE: u64 = 64;
/// Values of the `SEGMENTS` map: 64 thousand segments; a process has ten to a hundred.
pub const SEGMENT_CHUNKS: u32 = 512;

/// Values of the `UNWIND` map, on this machine.
pub fn chunks() -> u32 {
    let of = |name| sysconf(name).ok().flatten().and_then(|value| u64::try_from(value).ok());
    let memory = of(SysconfVar::_PHYS_PAGES).zip(of(SysconfVar::PAGE_SIZE));
    chunks_with(memory.map_or(0, |(pages, size)| pages.saturating_mul(size)))
}

/// Values of the `UNWIND` map on a machine with so many bytes of memory.
fn chunks_with(memory: u64) -> u32 {
    let bytes = (memory / UNWIND_SHARE).clamp(*UNWIND_BYTES.start(), *UNWIND_BYTES.end());
    (bytes / (CHUNK_WORDS * size_of::<u32>()) as u64) as u32
}

/// Reads the ring `ASKED`.
pub struct Asks {
    ring: RingBuf<MapData>,
}

impl Asks {
    pub fn open(programs: &mut Ebpf) -> io::Result<Self> {
        Ok(Self { ring: map::ring(programs, "ASKED")? })
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
    words: MappedArray<u32>,
    rules: MappedArray<Rule>,
    segments: MappedArray<Segment>,
    processes: TypedMap<u32, Process>,
    pythons: TypedMap<u32, Layout>,
}

impl Tables {
    /// The `UNWIND` map has so many values.
    pub(super) fn open(programs: &mut Ebpf, chunks: u32) -> io::Result<Self> {
        let words = chunks as usize * CHUNK_WORDS;
        let segments = SEGMENT_CHUNKS as usize * CHUNK_SEGMENTS;
        Ok(Self {
            words: MappedArray::open(programs, "UNWIND", words)?,
            rules: MappedArray::open(programs, "RULES", RULES_MAX as usize)?,
            segments: MappedArray::open(programs, "SEGMENTS", segments)?,
            processes: map::typed(programs, "PROCESSES")?,
            pythons: map::typed(programs, "PYTHONS")?,
        })
    }
}

impl crate::unwind::Maps for Tables {
    fn all_words(&self) -> &[u32] {
        self.words.all()
    }

    fn all_rules(&self) -> &[Rule] {
        self.rules.all()
    }

    fn segments(&self) -> usize {
        self.segments.len()
    }

    fn write_words(&mut self, index: u32, words: &[u32]) {
        self.words.write(index as usize, words);
    }

    fn write_rules(&mut self, index: u32, rules: &[Rule]) {
        self.rules.write(index as usize, rules);
    }

    fn write_segments(&mut self, index: u32, segments: &[Segment]) {
        self.segments.write(index as usize, segments);
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
            assert_eq!(u64::from(chunks_with(memory * MIB)) * 4096, bytes * MIB, "{memory} MiB");
        }
    }
}
