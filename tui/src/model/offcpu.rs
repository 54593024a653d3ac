//! Off-CPU time per process, state and stack.

use super::places::{self, PlaceBounds};
use super::{ProcKey, Processes};
use crate::source::{OffcpuDelta, StackId, WaitState, WaitingNow};
use crate::sums::AddUp;
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
    ended: FxHashMap<ProcKey, FxHashMap<Place, OffcpuStats>>,
    waiting: FxHashMap<ProcKey, Vec<WaitingNow>>,
    /// Time that waits had lasted when the counters were cleared: it comes in again with the wait,
    /// whether that has ended or not, and must not be shown.
    before_clear: FxHashMap<(ProcKey, Place), OffcpuStats>,
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
            self.ended.entry(key).or_default().entry(place).or_default().add(&OffcpuStats {
                blocked_ns,
                runqueue_ns: delta.runqueue_ns,
                waits: delta.waits,
                waiting: 0,
            });
        }
        if let Some(waiting) = waiting {
            self.waiting.clear();
            for wait in waiting.into_iter().filter(|wait| !is_idle(wait.state)) {
                self.waiting.entry(processes.key_of(wait.pid, 0)).or_default().push(wait);
            }
        }
        self.bound(&touched, bounds);
    }

    /// Adds places that weigh little up, where there are too many.
    fn bound(&mut self, touched: &FxHashSet<ProcKey>, bounds: PlaceBounds) {
        for key in touched {
            if self.ended[key].len() > bounds.of_process {
                self.fold_lightest(&[*key], bounds.of_process / 2);
            }
        }
        let all = self.ended.values().map(FxHashMap::len).sum();
        if self.crowd.is_too_large(all, bounds.of_all) {
            let keys: Vec<_> = self.ended.keys().copied().collect();
            self.fold_lightest(&keys, bounds.of_all / 2);
            self.crowd.was_folded_to(self.ended.values().map(FxHashMap::len).sum());
        }
    }

    /// Folds places of these processes until about `keep` are left.
    fn fold_lightest(&mut self, keys: &[ProcKey], keep: usize) {
        let all: usize = keys.iter().map(|key| self.ended[key].len()).sum();
        let mut light = Vec::new();
        for key in keys {
            // What was before a clearing is known by its place, and must stay there.
            let foldable = self.ended[key].iter().filter(|(place, _)| {
                **place != place.other() && !self.before_clear.contains_key(&(*key, **place))
            });
            light.extend(foldable.map(|(place, stats)| {
                (stats.blocked_ns.saturating_add(stats.runqueue_ns), stats.waits, *key, *place)
            }));
        }
        for (_, _, key, place) in places::lightest(light, all.saturating_sub(keep)) {
            let Some(of_process) = self.ended.get_mut(&key) else { continue };
            if let Some(stats) = of_process.remove(&place) {
                of_process.entry(place.other()).or_default().add(&stats);
            }
        }
    }

    /// Starts all counters at zero.
    pub(super) fn clear(&mut self, now_ns: u64) {
        self.ended.clear();
        self.before_clear.clear();
        self.forgotten = ForgottenWaits::default();
        self.crowd = places::Crowd::default();
        for (key, waits) in &self.waiting {
            for wait in waits {
                let (place, so_far) = so_far(wait, now_ns);
                self.before_clear.entry((*key, place)).or_default().add(&so_far);
            }
        }
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
        places.extend(self.ended.get(&key).into_iter().flatten().map(|(place, s)| (*place, *s)));
        add_waits(places, self.waiting(key), now_ns);
        if !self.before_clear.is_empty() {
            for (place, stats) in places {
                if let Some(before) = self.before_clear.get(&(key, *place)) {
                    stats.blocked_ns = stats.blocked_ns.saturating_sub(before.blocked_ns);
                    stats.runqueue_ns = stats.runqueue_ns.saturating_sub(before.runqueue_ns);
                }
            }
        }
    }

    /// Off-CPU time of one process, all places added up.
    pub fn total_of(&self, key: ProcKey, now_ns: u64) -> OffcpuStats {
        let mut places = Vec::new();
        self.places_into(key, now_ns, &mut places);
        let mut total = OffcpuStats::default();
        places.iter().for_each(|(_, stats)| total.add(stats));
        total
    }

    /// Threads of one process that are off the CPU right now.
    pub fn waiting(&self, key: ProcKey) -> &[WaitingNow] {
        self.waiting.get(&key).map_or(&[], Vec::as_slice)
    }

    /// All processes with off-CPU time, in no order.
    pub fn processes(&self) -> impl Iterator<Item = ProcKey> {
        let new = self.waiting.keys().filter(|key| !self.ended.contains_key(key));
        self.ended.keys().chain(new).copied()
    }

    /// Whether a process has off-CPU time.
    pub fn has(&self, key: ProcKey) -> bool {
        self.ended.contains_key(&key) || self.waiting.contains_key(&key)
    }

    /// Adds the stacks that places refer to.
    pub(super) fn stacks(&self, into: &mut FxHashSet<StackId>) {
        for place in self.ended.values().flat_map(FxHashMap::keys) {
            into.extend([place.kernel_stack, place.user_stack]);
        }
    }

    /// The stacks of all threads that wait right now.
    pub(super) fn stacks_in_use(&self) -> impl Iterator<Item = StackId> {
        let waits = self.waiting.values().flatten();
        waits.flat_map(|wait| [wait.kernel_stack, wait.user_stack])
    }

    /// Drops a process that ended at `ended_ns`; returns the user stacks that only it used.
    pub(super) fn forget(&mut self, key: ProcKey, ended_ns: u64) -> Vec<StackId> {
        // A wait of a process that has ended is one whose end was not seen.
        let places = self.places(key, ended_ns);
        self.waiting.remove(&key);
        self.before_clear.retain(|(process, _), _| *process != key);
        self.ended.remove(&key);
        if !places.is_empty() {
            self.forgotten.add(&places);
        }
        places.into_keys().map(|place| place.user_stack).filter(|s| *s >= StackId::FIRST).collect()
    }
}

impl ForgottenWaits {
    fn add(&mut self, places: &FxHashMap<Place, OffcpuStats>) {
        self.processes += 1;
        for (place, stats) in places {
            self.stats.add(&OffcpuStats { waiting: 0, ..*stats });
            if place.state == WaitState::Uninterruptible {
                self.disk_ns.add_up(stats.blocked_ns);
            }
        }
    }
}

/// Among so many places one is found by looking through them.
const FEW_PLACES: usize = 16;

/// Adds waits that have not ended to places that are there once each.
fn add_waits(places: &mut Vec<(Place, OffcpuStats)>, waits: &[WaitingNow], now_ns: u64) {
    let many = places.len() + waits.len() > FEW_PLACES && waits.len() > 1;
    let mut index: FxHashMap<Place, usize> = match many {
        true => places.iter().enumerate().map(|(at, (place, _))| (*place, at)).collect(),
        false => FxHashMap::default(),
    };
    for wait in waits {
        let (place, so_far) = so_far(wait, now_ns);
        let at = match many {
            true => *index.entry(place).or_insert(places.len()),
            false => places.iter().position(|(other, _)| *other == place).unwrap_or(places.len()),
        };
        if at == places.len() {
            places.push((place, OffcpuStats::default()));
        }
        places[at].1.add(&so_far);
    }
}

/// An idle kernel thread is not blocked: the kernel itself leaves it out of the load. Only the time
/// that it then waits for a CPU counts.
fn is_idle(state: WaitState) -> bool {
    state == WaitState::Idle
}

/// What a wait that has not ended amounts to at `now_ns`.
fn so_far(wait: &WaitingNow, now_ns: u64) -> (Place, OffcpuStats) {
    let place =
        Place { state: wait.state, kernel_stack: wait.kernel_stack, user_stack: wait.user_stack };
    let woken = if wait.state == WaitState::Runnable { Some(wait.since_ns) } else { wait.woken_ns };
    let blocked_until = woken.unwrap_or(now_ns);
    let stats = OffcpuStats {
        blocked_ns: blocked_until.saturating_sub(wait.since_ns),
        runqueue_ns: woken.map_or(0, |woken| now_ns.saturating_sub(woken)),
        waits: 0,
        waiting: 1,
    };
    (place, stats)
}
