//! Reads the counts of system calls that lie in the `CALLS` array, in which each CPU has rows of its own.

use super::drain::Counts;
use super::mapped::MappedArray;
use super::marks::Marks;
use aya::Ebpf;
use bytemuck::Zeroable;
use rustc_hash::FxHashSet;
use std::io;
use std::mem::offset_of;
use syscope_shared::syscalls::{Bucket, ENDED, FREE, Key, Stats, WAYS};

/// Bytes of the rows of all CPUs together, at most.
const BYTES: usize = 12 * 1024 * 1024;

/// Words of a bucket, of a row in it, and where the first row is.
const WORDS: usize = size_of::<Bucket>() / 8;
const ROW_WORDS: usize = size_of::<Stats>() / 8;
const ROWS_AT: usize = offset_of!(Bucket, rows) / 8;
/// Words of a row.
const CALLS_AT: usize = offset_of!(Stats, calls) / 8;
const TIME_AT: usize = offset_of!(Stats, total_ns) / 8;

/// Buckets of each CPU, a power of two.
pub fn buckets(cpus: usize) -> u32 {
    1 << (BYTES / (size_of::<Bucket>() * cpus)).clamp(64, 1024).ilog2()
}

/// The rows, and what was read of them last.
pub struct Rows {
    words: MappedArray<u64>,
    marks: Marks,
    last: Box<[Stats]>,
    /// Rows that somebody has, and who. To look through all for them would touch megabytes.
    taken: Vec<(usize, Key)>,
    is_taken: Box<[bool]>,
    /// Rows of processes that have ended: free when they were read once more.
    ended: Vec<(usize, Key)>,
}

impl Rows {
    pub fn open(programs: &mut Ebpf, cpus: usize) -> io::Result<Self> {
        let buckets = buckets(cpus) as usize * cpus;
        Ok(Self {
            marks: Marks::open(programs, "CALLS_TAKEN", buckets as u32)?,
            words: MappedArray::open(programs, "CALLS", buckets * WORDS)?,
            // Of most rows nobody ever has anything: their part of this takes no memory.
            last: bytemuck::zeroed_slice_box(buckets * WAYS),
            taken: Vec::new(),
            is_taken: vec![false; buckets * WAYS].into(),
            ended: Vec::new(),
        })
    }

    /// Calls `each` with the key of every row whose counts have changed, and by how much.
    pub fn read(&mut self, mut each: impl FnMut(Key, Stats)) {
        // A program that had found one of these before it was said to be ended has long returned.
        for (row, key) in std::mem::take(&mut self.ended) {
            self.read_row(row, key, &mut each);
            self.last[row] = Stats::zeroed();
            (0..ROW_WORDS).for_each(|at| self.words.set(stats_at(row) + at, 0));
            self.words.set(key_at(row), FREE);
        }
        self.meet();
        for index in 0..self.taken.len() {
            let (row, key) = self.taken[index];
            if self.is_written(row) {
                self.read_row(row, key, &mut each);
            }
        }
    }

    /// Finds the rows that were taken since the last time.
    fn meet(&mut self) {
        for row in self.marks.read().into_iter().flat_map(rows_of) {
            let word = self.words.get(key_at(row));
            if word != FREE && word != ENDED && !self.is_taken[row] {
                self.is_taken[row] = true;
                self.taken.push((row, Key::of_word(word)));
            }
        }
    }

    /// How full they were when they were read, from 0.0 to 1.0.
    pub fn fill(&self) -> f32 {
        self.taken.len() as f32 / self.last.len() as f32
    }

    /// Whether a call has entered or returned since the row was read: most have not changed. (One that took no time by
    /// the clock shows with the next.)
    fn is_written(&self, row: usize) -> bool {
        let (at, last) = (stats_at(row), &self.last[row]);
        self.words.get(at + CALLS_AT) != last.calls || self.words.get(at + TIME_AT) != last.total_ns
    }

    fn read_row(&mut self, row: usize, key: Key, each: &mut impl FnMut(Key, Stats)) {
        let at = stats_at(row);
        let words: [u64; ROW_WORDS] = std::array::from_fn(|word| self.words.get(at + word));
        let stats: Stats = bytemuck::cast(words);
        if stats != self.last[row] {
            each(key, stats.since(&self.last[row]));
            self.last[row] = stats;
        }
    }

    /// Frees the rows of these processes, which have ended. Nobody finds them from now on; they are read
    /// once more, and emptied then.
    pub fn free(&mut self, pids: &FxHashSet<u32>) {
        self.meet();
        let Self { words, taken, is_taken, ended, .. } = self;
        taken.retain(|(row, key)| {
            let is_living = !pids.contains(&key.pid);
            if !is_living {
                words.set(key_at(*row), ENDED);
                is_taken[*row] = false;
                ended.push((*row, *key));
            }
            is_living
        });
    }
}

/// The rows of a bucket.
fn rows_of(bucket: usize) -> std::ops::Range<usize> {
    bucket * WAYS..(bucket + 1) * WAYS
}

fn key_at(row: usize) -> usize {
    row / WAYS * WORDS + row % WAYS
}

fn stats_at(row: usize) -> usize {
    row / WAYS * WORDS + ROWS_AT + row % WAYS * ROW_WORDS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_take_no_more_than_their_share_on_large_machines() {
        for cpus in [1, 2, 3, 8, 64, 128, 512] {
            let buckets = buckets(cpus) as usize;
            assert!(buckets.is_power_of_two());
            let bytes = buckets * cpus * size_of::<Bucket>();
            assert!(bytes <= BYTES || buckets <= 64, "{cpus} CPUs: {bytes}");
        }
    }
}
