//! What the programs unwind with: the maps of [`syscope_shared::unwind`].

use super::map::{self, TypedMap};
use super::mapped::MappedArray;
use aya::Ebpf;
use aya::maps::{MapData, RingBuf};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use syscope_shared::python::Layout;
use syscope_shared::unwind::{
    Asked, CHUNK_SEGMENTS, CHUNK_WORDS, Process, RULES_MAX, Rule, Segment,
};

/// Values of the `UNWIND` map: 16 MiB, four million rows. The C library has 40 thousand, a C compiler
/// a million.
pub const UNWIND_CHUNKS: u32 = 4 * 1024;
/// Values of the `SEGMENTS` map: 64 thousand segments; a process has ten to a hundred.
pub const SEGMENT_CHUNKS: u32 = 512;

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
    pub(super) fn open(programs: &mut Ebpf) -> io::Result<Self> {
        let words = UNWIND_CHUNKS as usize * CHUNK_WORDS;
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
        self.pythons.set(&index, layout, 0)
    }

    fn publish(&mut self, pid: u32, process: &Process) -> io::Result<()> {
        self.processes.set(&pid, process, 0)
    }

    fn withdraw(&mut self, pid: u32) -> io::Result<()> {
        self.processes.delete(&pid)
    }
}
