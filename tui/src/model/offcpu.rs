//! Off-CPU time per process, state and stack.

mod of_process;

pub use of_process::WaitSums;

use super::places::{self, PlaceBounds};
use super::{ProcKey, Processes};
use crate::source::{OffcpuDelta, StackId, WaitState, WaitingNow};
use crate::sums::AddUp;
use of_process::{Places, ProcessWaits, so_far};
use rustc_hash::{FxHashMap, FxHashSet};

/// Where a wait began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// State at the start of the wait.
    pub state: WaitState,
    /// Kernel stack.
    pub kernel_stack: StackId,
    /// User stack.
    pub user_stack: StackId,
}

impl Place {
    /// Where the waits of this place are added up when there are too many places.
    fn other(self) -> Self {
        Self { state: self.state, kernel_stack: StackId::OTHER, user_stack: StackId::NONE }
    }
}

/// Off-CPU time at one place, or of several added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OffcpuStats {
    /// Time blocked, in ns.
    pub blocked_ns: u64,
    /// Time runnable without a CPU, in ns.
    pub runqueue_ns: u64,
    /// Waits that ended.
    pub waits: u64,
    /// Threads that wait right now; their time so far is in the sums.
    pub waiting: u64,
}

impl OffcpuStats {
    /// Adds another one's counts.
    pub fn add(&mut self, other: &Self) {
        self.blocked_ns.add_up(other.blocked_ns);
        self.runqueue_ns.add_up(other.runqueue_ns);
        self.waits.add_up(other.waits);
        self.waiting.add_up(other.waiting);
    }
}

/// Off-CPU time of the processes that are forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ForgottenWaits {
    /// How many processes.
    pub processes: usize,
    /// All their waits.
    pub stats: OffcpuStats,
    /// Time blocked in the uninterruptible state, mostly on disk, in ns.
    pub disk_ns: u64,
}

/// Off-CPU time of all processes.
#[derive(Clone, Debug, Default)]
pub struct Offcpu {
    by_process: FxHashMap<ProcKey, ProcessWaits>,
    /// Places of waits that ended, of all processes.
    places: usize,
    /// Time that waits had lasted when the counters were cleared: it comes in again with the wait,
    /// whether that has ended or not, and must not be shown.
    before_clear: FxHashMap<ProcKey, Places>,
    /// What forgotten processes had.
    pub forgotten: ForgottenWaits,
    crowd: places::Crowd,
}

impl Offcpu {
    pub(super) fn fold(
        &mut self,
        deltas: Vec<OffcpuDelta>,
        waiting: Option<Vec<WaitingNow>>,
        processes: &mut Processes,
        bounds: PlaceBounds,
    ) {
        let mut touched = FxHashSet::default();
        for delta in deltas {
            let place = Place {
                state: delta.state,
                kernel_stack: delta.kernel_stack,
                user_stack: delta.user_stack,
            };
            let key = processes.key_of(delta.pid, 0);
            touched.insert(key);
            let blocked_ns = if is_idle(delta.state) { 0 } else { delta.blocked_ns };
            let stats = OffcpuStats {
                blocked_ns,
                runqueue_ns: delta.runqueue_ns,
                waits: delta.waits,
                waiting: 0,
            };
            let process = self.by_process.entry(key).or_default();
            self.places += usize::from(process.add(place, &stats));
        }
        if let Some(waiting) = waiting {
            self.replace_waiting(waiting, processes);
        }
        self.bound(&touched, bounds);
    }

    fn replace_waiting(&mut self, waiting: Vec<WaitingNow>, processes: &mut Processes) {
        // What they waited in stays allocated: most wait again.
        self.by_process.values_mut().for_each(|process| process.waiting.clear());
        for wait in waiting.into_iter().filter(|wait| !is_idle(wait.state)) {
            self.by_process.entry(processes.key_of(wait.pid, 0)).or_default().waiting.push(wait);
        }
        self.by_process.retain(|_, process| !process.is_empty());
    }

    /// No thread of this process waits any more: it has ended. How long they waited comes with the waits
    /// that ended.
    pub(super) fn end_waits(&mut self, key: ProcKey) {
        let Some(process) = self.by_process.get_mut(&key) else { return };
        process.waiting.clear();
        if process.is_empty() {
            self.by_process.remove(&key);
        }
    }

    /// Adds places that weigh little up, where there are too many.
    fn bound(&mut self, touched: &FxHashSet<ProcKey>, bounds: PlaceBounds) {
        for key in touched {
            if self.by_process[key].ended.len() > bounds.of_process {
                self.fold_lightest(&[*key], bounds.of_process / 2);
            }
        }
        if self.crowd.is_too_large(self.places, bounds.of_all) {
            let keys: Vec<_> = self.by_process.keys().copied().collect();
            self.fold_lightest(&keys, bounds.of_all / 2);
            self.crowd.was_folded_to(self.places);
        }
    }

    /// Folds places of these processes until about `keep` are left.
    fn fold_lightest(&mut self, keys: &[ProcKey], keep: usize) {
        let all: usize = keys.iter().map(|key| self.by_process[key].ended.len()).sum();
        let mut light = Vec::new();
        for key in keys {
            // What was before a clearing is known by its place, and must stay there.
            let before = self.before_clear.get(key);
            let foldable = self.by_process[key].ended.iter().filter(|(place, _)| {
                **place != place.other() && before.is_none_or(|b| !b.contains_key(*place))
            });
            light.extend(foldable.map(|(place, stats)| {
                (stats.blocked_ns.saturating_add(stats.runqueue_ns), stats.waits, *key, *place)
            }));
        }
        for (_, _, key, place) in places::lightest(light, all.saturating_sub(keep)) {
            let Some(process) = self.by_process.get_mut(&key) else { continue };
            self.places -= process.ended.len();
            process.fold(place);
            self.places += process.ended.len();
        }
    }

    /// Starts all counters at zero.
    pub(super) fn clear(&mut self, now_ns: u64) {
        self.places = 0;
        self.before_clear.clear();
        self.forgotten = ForgottenWaits::default();
        self.crowd = places::Crowd::default();
        for (key, process) in &mut self.by_process {
            process.clear();
            for wait in &process.waiting {
                let (place, so_far) = so_far(wait, now_ns);
                let before = self.before_clear.entry(*key).or_default();
                before.entry(place).or_default().add(&so_far);
            }
        }
        self.by_process.retain(|_, process| !process.is_empty());
    }

    /// Off-CPU time of one process by place, what still waits included with its time up to `now_ns`.
    pub fn places(&self, key: ProcKey, now_ns: u64) -> FxHashMap<Place, OffcpuStats> {
        let mut places = Vec::new();
        self.places_into(key, now_ns, &mut places);
        places.into_iter().collect()
    }

    /// As [`Offcpu::places`], in place of what is in `places`, each place once and in no order: who
    /// asks for many processes needs no map of each.
    pub fn places_into(&self, key: ProcKey, now_ns: u64, places: &mut Vec<(Place, OffcpuStats)>) {
        places.clear();
        if let Some(process) = self.by_process.get(&key) {
            process.places_into(self.before_clear.get(&key), now_ns, places);
        }
    }

    /// Off-CPU time of one process, all places added up.
    pub fn total_of(&self, key: ProcKey, now_ns: u64) -> OffcpuStats {
        self.sums_of(key, now_ns).stats
    }

    /// What the places of one process add up to.
    pub fn sums_of(&self, key: ProcKey, now_ns: u64) -> WaitSums {
        let process = self.by_process.get(&key);
        process.map_or(WaitSums::default(), |process| self.sum(key, process, now_ns))
    }

    /// What the places of each process add up to, in no order.
    pub fn sums(&self, now_ns: u64) -> impl Iterator<Item = (ProcKey, WaitSums)> {
        let sums = move |(key, process): (&ProcKey, &_)| (*key, self.sum(*key, process, now_ns));
        self.by_process.iter().map(sums)
    }

    fn sum(&self, key: ProcKey, process: &ProcessWaits, now_ns: u64) -> WaitSums {
        match self.before_clear.is_empty() {
            true => process.sums(None, now_ns),
            false => process.sums(self.before_clear.get(&key), now_ns),
        }
    }

    /// The places of one process; one where a thread waits may come more than once.
    pub fn places_of(&self, key: ProcKey) -> impl Iterator<Item = Place> {
        self.by_process.get(&key).into_iter().flat_map(ProcessWaits::places)
    }

    /// Threads of one process that are off the CPU right now.
    pub fn waiting(&self, key: ProcKey) -> &[WaitingNow] {
        self.by_process.get(&key).map_or(&[], |process| process.waiting.as_slice())
    }

    /// All processes with off-CPU time, in no order.
    pub fn processes(&self) -> impl Iterator<Item = ProcKey> {
        self.by_process.keys().copied()
    }

    /// Whether a process has off-CPU time.
    pub fn has(&self, key: ProcKey) -> bool {
        self.by_process.contains_key(&key)
    }

    /// Adds the stacks that places refer to.
    pub(super) fn stacks(&self, into: &mut FxHashSet<StackId>) {
        for place in self.by_process.values().flat_map(|process| process.ended.keys()) {
            into.extend([place.kernel_stack, place.user_stack]);
        }
    }

    /// The stacks of all threads that wait right now.
    pub(super) fn stacks_in_use(&self) -> impl Iterator<Item = StackId> {
        let waits = self.by_process.values().flat_map(|process| &process.waiting);
        waits.flat_map(|wait| [wait.kernel_stack, wait.user_stack])
    }

    /// Drops a process that ended at `ended_ns`; returns the user stacks that only it used.
    pub(super) fn forget(&mut self, key: ProcKey, ended_ns: u64) -> Vec<StackId> {
        // A wait of a process that has ended is one whose end was not seen.
        let places = self.places(key, ended_ns);
        self.before_clear.remove(&key);
        if let Some(process) = self.by_process.remove(&key) {
            self.places -= process.ended.len();
        }
        if !places.is_empty() {
            self.forgotten.add(&places);
        }
        places.into_keys().map(|place| place.user_stack).filter(|s| *s >= StackId::FIRST).collect()
    }
}

impl ForgottenWaits {
    fn add(&mut self, places: &Places) {
        self.processes += 1;
        for (place, stats) in places {
            self.stats.add(&OffcpuStats { waiting: 0, ..*stats });
            if place.state == WaitState::Uninterruptible {
                self.disk_ns.add_up(stats.blocked_ns);
            }
        }
    }
}

/// An idle kernel thread is not blocked: the kernel itself leaves it out of the load. Only the time
/// that it then waits for a CPU counts.
fn is_idle(state: WaitState) -> bool {
    state == WaitState::Idle
}
