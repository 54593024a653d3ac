//! CPU profile: samples per process, thread name and stacks.

use super::{ProcKey, Processes, Rate, Ticks};
use crate::source::{ProfileDelta, StackId};
use rustc_hash::FxHashMap;

/// Where a sample hit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SamplePlace {
    /// Name of the thread.
    pub comm: String,
    /// Kernel stack; [`StackId::NONE`] when user code ran.
    pub kernel_stack: StackId,
    /// User stack; [`StackId::NONE`] for a kernel thread.
    pub user_stack: StackId,
}

/// Samples of one process.
#[derive(Clone, Debug, Default)]
pub struct ProcessSamples {
    /// Samples by place.
    pub places: FxHashMap<SamplePlace, u64>,
    /// All of them.
    pub total: u64,
    /// Samples a second.
    pub rate: Rate,
}

/// Samples of all processes.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    by_process: FxHashMap<ProcKey, ProcessSamples>,
    /// Samples of all processes, those that are forgotten included.
    pub total: u64,
    /// Samples a second.
    pub rate: Rate,
    version: u64,
}

impl Profile {
    pub(super) fn fold(
        &mut self,
        deltas: Vec<ProfileDelta>,
        processes: &mut Processes,
        ticks: &Ticks,
    ) {
        if !deltas.is_empty() {
            self.version += 1;
        }
        for delta in deltas {
            let process = self.by_process.entry(processes.key_of(delta.pid, 0)).or_default();
            process.total += delta.samples;
            process.rate.add(delta.samples, ticks);
            self.total += delta.samples;
            self.rate.add(delta.samples, ticks);
            let place = SamplePlace {
                comm: delta.comm,
                kernel_stack: delta.kernel_stack,
                user_stack: delta.user_stack,
            };
            *process.places.entry(place).or_default() += delta.samples;
        }
    }

    /// Samples of one process; `None` when it has none.
    pub fn of(&self, key: ProcKey) -> Option<&ProcessSamples> {
        self.by_process.get(&key)
    }

    /// All processes that were sampled, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (ProcKey, &ProcessSamples)> {
        self.by_process.iter().map(|(key, samples)| (*key, samples))
    }

    /// Grows whenever samples came in.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Drops a process; returns the user stacks that only it used.
    pub(super) fn forget(&mut self, key: ProcKey) -> Vec<StackId> {
        let places = self.by_process.remove(&key).unwrap_or_default().places;
        places.into_keys().map(|place| place.user_stack).filter(|s| *s >= StackId::FIRST).collect()
    }
}
