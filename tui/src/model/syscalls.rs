//! System calls per process and call.

use super::{ProcKey, Processes, Rate, Ticks};
use crate::source::SyscallDelta;
use crate::sums::{self, AddUp};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use syscope_shared::hist::{self, BUCKETS};

/// Counts of one system call of one process, or of several added up.
#[derive(Clone, Debug, Default)]
pub struct CallStats {
    /// Calls entered.
    pub calls: u64,
    /// Calls that returned an error.
    pub errors: u64,
    /// Time in calls that returned, in ns.
    pub total_ns: u64,
    /// Latencies of calls that returned (see [`syscope_shared::hist`]).
    pub hist: [u64; BUCKETS],
    /// Errors by number.
    pub errnos: BTreeMap<u32, u64>,
    /// Calls a second.
    pub rate: Rate,
}

impl CallStats {
    /// Adds what another one counted so far; its rate stays its own.
    fn add_counts(&mut self, other: &Self) {
        self.calls.add_up(other.calls);
        self.errors.add_up(other.errors);
        self.total_ns.add_up(other.total_ns);
        for (sum, count) in self.hist.iter_mut().zip(other.hist) {
            sum.add_up(count);
        }
        for (errno, count) in &other.errnos {
            self.errnos.entry(*errno).or_default().add_up(*count);
        }
    }

    fn add(&mut self, delta: &SyscallDelta, ticks: &Ticks) {
        self.calls.add_up(delta.calls);
        self.errors.add_up(delta.errors);
        self.total_ns.add_up(delta.total_ns);
        // Most are zero: what need not be written need not be brought from memory.
        for (sum, count) in self.hist.iter_mut().zip(delta.hist).filter(|(_, count)| *count > 0) {
            sum.add_up(u64::from(count));
        }
        for (errno, count) in &delta.errnos {
            self.errnos.entry(*errno).or_default().add_up(*count);
        }
        self.rate.add(delta.calls, ticks);
    }

    /// Calls that returned.
    pub fn returned(&self) -> u64 {
        sums::sum(self.hist.iter().copied())
    }

    /// The latency in ns that a share `quantile` (0.0 to 1.0) of the returned calls did not exceed:
    /// interpolated inside the log2 bucket, so right to within a factor of two. `None` when no call
    /// returned.
    pub fn quantile_ns(&self, quantile: f64) -> Option<u64> {
        let [at] = self.quantiles_ns([quantile]);
        at
    }

    /// As [`CallStats::quantile_ns`], for several shares in ascending order.
    pub fn quantiles_ns<const N: usize>(&self, quantiles: [f64; N]) -> [Option<u64>; N] {
        let returned = self.returned() as f64;
        let (mut below, mut index) = (0.0, 0);
        quantiles.map(|quantile| {
            let wanted = (quantile * returned).max(1.0);
            while let Some(count) = self.hist.get(index).map(|count| *count as f64) {
                if count > 0.0 && below + count >= wanted {
                    let (low, high) = hist::range(index);
                    let high = if high == u64::MAX { low.saturating_mul(2) } else { high };
                    let within = (wanted - below) / count;
                    return Some(low + ((high - low) as f64 * within) as u64);
                }
                below += count;
                index += 1;
            }
            None
        })
    }
}

/// System calls of one process.
#[derive(Clone, Debug, Default)]
pub struct ProcessCalls {
    /// By number, with [`syscope_shared::syscalls::COMPAT`] for 32-bit calls.
    pub by_nr: FxHashMap<u32, CallStats>,
    /// All of them added up.
    pub total: CallStats,
    /// How often it made the call that it made most, and that call's number: the highest of several.
    most: Option<(u64, u32)>,
}

impl ProcessCalls {
    /// Number of the call that was made most.
    pub fn top(&self) -> Option<u32> {
        self.most.map(|(_, nr)| nr)
    }
}

/// System calls of the processes that are forgotten.
#[derive(Clone, Debug, Default)]
pub struct ForgottenCalls {
    /// How many processes.
    pub processes: usize,
    /// All their calls.
    pub stats: CallStats,
}

/// System calls of all processes.
#[derive(Clone, Debug, Default)]
pub struct Syscalls {
    /// Boxed: the table itself has room for several times what is in it.
    by_process: FxHashMap<ProcKey, Box<ProcessCalls>>,
    /// All processes added up, those that are forgotten included.
    pub total: CallStats,
    /// What forgotten processes called.
    pub forgotten: ForgottenCalls,
}

impl Syscalls {
    pub(super) fn fold(
        &mut self,
        deltas: &[SyscallDelta],
        processes: &mut Processes,
        ticks: &Ticks,
    ) {
        // Those of a process come one after another: it is looked up once.
        for of_process in deltas.chunk_by(|a, b| a.pid == b.pid) {
            let key = processes.key_of(of_process[0].pid, 0);
            let process = self.by_process.entry(key).or_default();
            for delta in of_process {
                let stats = process.by_nr.entry(delta.nr).or_default();
                stats.add(delta, ticks);
                // Calls only become more.
                process.most = process.most.max(Some((stats.calls, delta.nr)));
                process.total.add(delta, ticks);
                self.total.add(delta, ticks);
            }
        }
    }

    /// System calls of one process; `None` when it made none.
    pub fn of(&self, key: ProcKey) -> Option<&ProcessCalls> {
        self.by_process.get(&key).map(Box::as_ref)
    }

    /// All processes that made a system call, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (ProcKey, &ProcessCalls)> {
        self.by_process.iter().map(|(key, calls)| (*key, calls.as_ref()))
    }

    pub(super) fn forget(&mut self, key: ProcKey) {
        if let Some(process) = self.by_process.remove(&key) {
            self.forgotten.processes += 1;
            self.forgotten.stats.add_counts(&process.total);
        }
    }
}
