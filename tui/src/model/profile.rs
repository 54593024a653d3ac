//! CPU profile: samples per process, thread name and stacks.

use super::places::{self, PlaceBounds};
use super::{ProcKey, Processes, Rate, Ticks};
use crate::source::{ProfileDelta, StackId};
use crate::sums::AddUp;
use rustc_hash::{FxHashMap, FxHashSet};

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

/// Stands for the names of threads of which there are too many to keep apart.
const OTHER_THREADS: &str = "[other threads]";

impl SamplePlace {
    /// Where the samples of this place are added up when there are too many places: with those of
    /// the same thread name, and once that is full of names too, with those of all.
    fn other(&self) -> Option<Self> {
        let comm = match self.user_stack == StackId::OTHER {
            true if self.comm == OTHER_THREADS => return None,
            true => OTHER_THREADS.to_owned(),
            false => self.comm.clone(),
        };
        Some(Self { comm, kernel_stack: StackId::NONE, user_stack: StackId::OTHER })
    }
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
    version: u64,
}

impl ProcessSamples {
    /// Another one than it ever was before, also before a clearing, whenever its places have changed.
    pub fn version(&self) -> u64 {
        self.version
    }
}

/// Samples of all processes.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    by_process: FxHashMap<ProcKey, ProcessSamples>,
    /// Samples of all processes, those that are forgotten included.
    pub total: u64,
    /// Samples a second.
    pub rate: Rate,
    /// Samples of the processes that are forgotten.
    pub forgotten: u64,
    version: u64,
    crowd: places::Crowd,
}

impl Profile {
    pub(super) fn fold(
        &mut self,
        deltas: Vec<ProfileDelta>,
        processes: &mut Processes,
        ticks: &Ticks,
        bounds: PlaceBounds,
    ) {
        if !deltas.is_empty() {
            self.version += 1;
        }
        let mut touched = FxHashSet::default();
        for delta in deltas {
            let key = processes.key_of(delta.pid, 0);
            touched.insert(key);
            let process = self.by_process.entry(key).or_default();
            process.version = self.version;
            process.total.add_up(delta.samples);
            process.rate.add(delta.samples, ticks);
            self.total.add_up(delta.samples);
            self.rate.add(delta.samples, ticks);
            let place = SamplePlace {
                comm: delta.comm,
                kernel_stack: delta.kernel_stack,
                user_stack: delta.user_stack,
            };
            process.places.entry(place).or_default().add_up(delta.samples);
        }
        self.bound(&touched, bounds);
    }

    /// Adds places that weigh little up, where there are too many.
    fn bound(&mut self, touched: &FxHashSet<ProcKey>, bounds: PlaceBounds) {
        for key in touched {
            while self.by_process[key].places.len() > bounds.of_process
                && self.fold_lightest(&[*key], bounds.of_process / 2)
            {}
        }
        let all = self.by_process.values().map(|process| process.places.len()).sum();
        if self.crowd.is_too_large(all, bounds.of_all) {
            let keys: Vec<_> = self.by_process.keys().copied().collect();
            self.fold_lightest(&keys, bounds.of_all / 2);
            let left = self.by_process.values().map(|process| process.places.len()).sum();
            self.crowd.was_folded_to(left);
        }
    }

    /// Folds places of these processes until about `keep` are left; whether there was one to fold.
    fn fold_lightest(&mut self, keys: &[ProcKey], keep: usize) -> bool {
        let places = |key: &ProcKey| self.by_process[key].places.iter();
        let all: usize = keys.iter().map(|key| places(key).len()).sum();
        let mut light = Vec::new();
        for key in keys {
            let foldable = places(key).filter(|(place, _)| place.other().is_some());
            light.extend(foldable.map(|(place, samples)| (*samples, *key, place.clone())));
        }
        let light = places::lightest(light, all.saturating_sub(keep));
        let any = !light.is_empty();
        self.version += 1;
        // All out before any goes in: one that others are added to may be among them.
        for (_, key, place) in &light {
            if let Some(process) = self.by_process.get_mut(key) {
                process.places.remove(place);
                process.version = self.version;
            }
        }
        for (samples, key, place) in light {
            if let (Some(process), Some(other)) = (self.by_process.get_mut(&key), place.other()) {
                process.places.entry(other).or_default().add_up(samples);
            }
        }
        any
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

    /// Starts all counters at zero.
    pub(super) fn clear(&mut self) {
        // The version goes on: it says whether there is something new.
        *self = Self { version: self.version + 1, ..Self::default() };
    }

    /// Adds the stacks that places refer to.
    pub(super) fn stacks(&self, into: &mut FxHashSet<StackId>) {
        for place in self.by_process.values().flat_map(|process| process.places.keys()) {
            into.extend([place.kernel_stack, place.user_stack]);
        }
    }

    /// Drops a process; returns the user stacks that only it used.
    pub(super) fn forget(&mut self, key: ProcKey) -> Vec<StackId> {
        let process = self.by_process.remove(&key).unwrap_or_default();
        self.forgotten.add_up(process.total);
        let places = process.places;
        places.into_keys().map(|place| place.user_stack).filter(|s| *s >= StackId::FIRST).collect()
    }
}
