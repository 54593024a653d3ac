//! Reads which buckets programs have taken places in: see [`syscope_shared::marks`].

use super::mapped::MappedArray;
use aya::Ebpf;
use std::io;
use syscope_shared::marks;

/// Marks of the buckets of one map.
pub struct Marks {
    words: MappedArray<u64>,
    /// Buckets that were marked at the last reading.
    before: Vec<usize>,
}

impl Marks {
    /// Those of so many buckets.
    pub fn open(programs: &mut Ebpf, name: &str, buckets: u32) -> io::Result<Self> {
        let bytes = marks::values(buckets) as usize * marks::MARKS;
        let words = MappedArray::open(programs, name, bytes / size_of::<u64>())?;
        Ok(Self { words, before: Vec::new() })
    }

    /// Buckets in which a place was taken since the last reading, and those of the reading before: a mark may be
    /// seen sooner than what was written before it, on processors that do so.
    pub fn read(&mut self) -> Vec<usize> {
        let mut buckets = std::mem::take(&mut self.before);
        let settled = buckets.len();
        for index in 0..self.words.len() {
            // To look is cheap, to take out is not.
            if self.words.get(index) != 0 {
                let marks = self.words.take(index).to_ne_bytes();
                let at = index * marks.len();
                buckets.extend((0..marks.len()).filter(|byte| marks[*byte] != 0).map(|b| at + b));
            }
        }
        self.before = buckets[settled..].to_vec();
        buckets
    }
}
