//! Off-CPU time per process, state and stack.

use super::{ProcKey, Processes};
use crate::source::{OffcpuDelta, StackId, WaitState, WaitingNow};
use rustc_hash::FxHashMap;

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
        self.blocked_ns += other.blocked_ns;
        self.runqueue_ns += other.runqueue_ns;
        self.waits += other.waits;
        self.waiting += other.waiting;
    }
}

/// Off-CPU time of all processes.
#[derive(Clone, Debug, Default)]
pub struct Offcpu {
    ended: FxHashMap<ProcKey, FxHashMap<Place, OffcpuStats>>,
    waiting: FxHashMap<ProcKey, Vec<WaitingNow>>,
    /// Time that waits had lasted when the counters were cleared: it comes in again with the wait,
    /// whether that has ended or not, and must not be shown.
    before_clear: FxHashMap<(ProcKey, Place), OffcpuStats>,
}

impl Offcpu {
    pub(super) fn fold(
        &mut self,
        deltas: Vec<OffcpuDelta>,
        waiting: Option<Vec<WaitingNow>>,
        processes: &mut Processes,
    ) {
        for delta in deltas {
            let place = Place {
                state: delta.state,
                kernel_stack: delta.kernel_stack,
                user_stack: delta.user_stack,
            };
            let key = processes.key_of(delta.pid, 0);
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
    }

    /// Starts all counters at zero.
    pub(super) fn clear(&mut self, now_ns: u64) {
        self.ended.clear();
        self.before_clear.clear();
        for (key, waits) in &self.waiting {
            for wait in waits {
                let (place, so_far) = so_far(wait, now_ns);
                self.before_clear.entry((*key, place)).or_default().add(&so_far);
            }
        }
    }

    /// Off-CPU time of one process by place, what still waits included with its time up to `now_ns`.
    pub fn places(&self, key: ProcKey, now_ns: u64) -> FxHashMap<Place, OffcpuStats> {
        let mut places = self.ended.get(&key).cloned().unwrap_or_default();
        for wait in self.waiting.get(&key).into_iter().flatten() {
            let (place, so_far) = so_far(wait, now_ns);
            places.entry(place).or_default().add(&so_far);
        }
        if !self.before_clear.is_empty() {
            for (place, stats) in &mut places {
                if let Some(before) = self.before_clear.get(&(key, *place)) {
                    stats.blocked_ns = stats.blocked_ns.saturating_sub(before.blocked_ns);
                    stats.runqueue_ns = stats.runqueue_ns.saturating_sub(before.runqueue_ns);
                }
            }
        }
        places
    }

    /// Off-CPU time of one process, all places added up.
    pub fn total_of(&self, key: ProcKey, now_ns: u64) -> OffcpuStats {
        let mut total = OffcpuStats::default();
        for stats in self.places(key, now_ns).values() {
            total.add(stats);
        }
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

    /// Drops a process; returns the user stacks that only it used.
    pub(super) fn forget(&mut self, key: ProcKey) -> Vec<StackId> {
        self.waiting.remove(&key);
        self.before_clear.retain(|(process, _), _| *process != key);
        let places = self.ended.remove(&key).unwrap_or_default();
        places.into_keys().map(|place| place.user_stack).filter(|s| *s >= StackId::FIRST).collect()
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
