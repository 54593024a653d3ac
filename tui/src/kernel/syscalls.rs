//! Reads the syscalls probe.

use super::drain::{Counts, Drain};
use super::map;
use super::rows::Rows;
use super::unchanged::Unchanged;
use crate::source::SyscallDelta;
use aya::Ebpf;
use bytemuck::Zeroable;
use rustc_hash::{FxHashMap, FxHashSet};
use std::io;
use syscope_shared::syscalls::{ErrnoKey, Key, Stats};

impl Counts for Stats {
    fn add(&mut self, other: &Self) {
        self.calls = self.calls.wrapping_add(other.calls);
        self.errors = self.errors.wrapping_add(other.errors);
        self.total_ns = self.total_ns.wrapping_add(other.total_ns);
        for (sum, count) in self.hist.iter_mut().zip(other.hist) {
            *sum = sum.wrapping_add(count);
        }
    }

    fn since(&self, earlier: &Self) -> Self {
        let mut hist = self.hist;
        for (count, before) in hist.iter_mut().zip(earlier.hist) {
            *count = count.wrapping_sub(before);
        }
        Self {
            calls: self.calls.wrapping_sub(earlier.calls),
            errors: self.errors.wrapping_sub(earlier.errors),
            total_ns: self.total_ns.wrapping_sub(earlier.total_ns),
            hist,
        }
    }
}

/// Reads the counts of calls, and the `ERRNOS` map.
pub struct Reader {
    rows: Rows,
    /// What found no row.
    more: Drain<Key, Stats>,
    errnos: Drain<ErrnoKey, u64>,
    /// Of thousands of processes the maps are full of what never changes.
    more_unchanged: Unchanged,
    errnos_unchanged: Unchanged,
}

impl Reader {
    pub fn open(programs: &mut Ebpf, cpus: usize) -> io::Result<Self> {
        let more = Drain::new(map::typed(programs, "SYSCALLS")?);
        let errnos = Drain::new(map::typed(programs, "ERRNOS")?);
        let (more_unchanged, errnos_unchanged) = Default::default();
        let rows = Rows::open(programs, cpus)?;
        Ok(Self { rows, more, errnos, more_unchanged, errnos_unchanged })
    }

    /// Appends what was called since the last reading. `written`: how often the programs have written to the map
    /// beside the rows, and to that of errors, where that is known.
    pub fn read(
        &mut self,
        written: Option<u64>,
        errnos_written: Option<u64>,
        deltas: &mut Vec<SyscallDelta>,
    ) -> io::Result<()> {
        let first = deltas.len();
        let mut sums = FxHashMap::default();
        self.rows.read(|key, stats| add_up(&mut sums, key, &stats));
        if !self.more_unchanged.since(written) {
            self.more.read(|key, stats| add_up(&mut sums, key, &stats))?;
        }
        deltas.extend(sums.iter().map(|(key, stats)| delta(*key, stats)));
        if self.errnos_unchanged.since(errnos_written) {
            return Ok(());
        }
        let mut index = None;
        self.errnos.read(|key, count| {
            // Errors are rare enough that most readings need no index.
            let index = index.get_or_insert_with(|| by_key(&deltas[first..]));
            let call = Key { pid: key.pid, nr: key.nr };
            let at = *index.entry(call).or_insert_with(|| {
                // The call returned between the two readings.
                deltas.push(delta(call, &Stats::zeroed()));
                deltas.len() - 1 - first
            });
            deltas[first + at].errnos.push((key.errno, count));
        })
    }

    /// How full the fullest of its maps was when they were read, from 0.0 to 1.0.
    pub fn fill(&self) -> f32 {
        self.rows.fill().max(self.more.fill()).max(self.errnos.fill())
    }

    /// Frees what the maps hold of these processes.
    pub fn free(&mut self, pids: &FxHashSet<u32>) {
        self.rows.free(pids);
        self.more.delete(|key| pids.contains(&key.pid));
        self.errnos.delete(|key| pids.contains(&key.pid));
    }
}

fn add_up(sums: &mut FxHashMap<Key, Stats>, key: Key, stats: &Stats) {
    sums.entry(key).or_insert_with(Stats::zeroed).add(stats);
}

fn by_key(deltas: &[SyscallDelta]) -> FxHashMap<Key, usize> {
    let keys = deltas.iter().map(|delta| Key { pid: delta.pid, nr: delta.nr });
    keys.enumerate().map(|(index, key)| (key, index)).collect()
}

pub(super) fn delta(key: Key, stats: &Stats) -> SyscallDelta {
    SyscallDelta {
        pid: key.pid,
        nr: key.nr,
        calls: stats.calls,
        errors: stats.errors,
        total_ns: stats.total_ns,
        hist: stats.hist,
        errnos: Vec::new(),
    }
}
