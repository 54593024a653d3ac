//! Waits of one process: those that ended by place, and those that go on.

use super::{OffcpuStats, Place};
use crate::source::{WaitState, WaitingNow};
use crate::sums::AddUp;
use rustc_hash::FxHashMap;

/// Off-CPU time by place.
pub(super) type Places = FxHashMap<Place, OffcpuStats>;

/// What places add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WaitSums {
    /// All of them.
    pub stats: OffcpuStats,
    /// Time blocked in the uninterruptible state, mostly on disk, in ns.
    pub disk_ns: u64,
    /// Time that threads were blocked, those of the kernel that are idle by design left out, in ns.
    pub blocked_ns: u64,
    /// Time that the same threads could have run and no CPU took them, in ns.
    pub waiting_ns: u64,
}

impl WaitSums {
    fn add(&mut self, state: WaitState, stats: &OffcpuStats) {
        self.stats.add(stats);
        let (blocked_ns, mut waiting_ns) = (stats.blocked_ns, stats.runqueue_ns);
        match state {
            WaitState::Idle => return,
            WaitState::Runnable => waiting_ns.add_up(blocked_ns),
            _ => self.blocked_ns.add_up(blocked_ns),
        }
        self.waiting_ns.add_up(waiting_ns);
        if state == WaitState::Uninterruptible {
            self.disk_ns.add_up(blocked_ns);
        }
    }
}

/// Waits of a process.
#[derive(Clone, Debug, Default)]
pub(super) struct ProcessWaits {
    /// Those that ended.
    pub ended: Places,
    /// What those add up to.
    sums: WaitSums,
    /// Those that go on.
    pub waiting: Vec<WaitingNow>,
}

impl ProcessWaits {
    pub fn is_empty(&self) -> bool {
        self.ended.is_empty() && self.waiting.is_empty()
    }

    /// Adds waits that ended; whether the place is new.
    pub fn add(&mut self, place: Place, stats: &OffcpuStats) -> bool {
        let before = self.ended.len();
        self.ended.entry(place).or_default().add(stats);
        self.sums.add(place.state, stats);
        self.ended.len() > before
    }

    /// Adds a place up with others. The sums stay what they are: the state does, too.
    pub fn fold(&mut self, place: Place) {
        if let Some(stats) = self.ended.remove(&place) {
            self.ended.entry(place.other()).or_default().add(&stats);
        }
    }

    /// Nothing has ended so far.
    pub fn clear(&mut self) {
        self.ended = Places::default();
        self.sums = WaitSums::default();
    }

    /// What all places add up to, less what was `before`.
    pub fn sums(&self, before: Option<&Places>, now_ns: u64) -> WaitSums {
        let mut sums = self.sums;
        if before.is_none() {
            for wait in &self.waiting {
                let (place, so_far) = so_far(wait, now_ns);
                sums.add(place.state, &so_far);
            }
            return sums;
        }
        let (mut places, mut sums) = (Vec::new(), WaitSums::default());
        self.places_into(before, now_ns, &mut places);
        places.iter().for_each(|(place, stats)| sums.add(place.state, stats));
        sums
    }

    /// All places; one where a thread waits may come more than once.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        self.ended.keys().copied().chain(self.waiting.iter().map(place_of))
    }

    /// Adds all places, each once, less what was `before`.
    pub fn places_into(
        &self,
        before: Option<&Places>,
        now_ns: u64,
        places: &mut Vec<(Place, OffcpuStats)>,
    ) {
        places.extend(self.ended.iter().map(|(place, stats)| (*place, *stats)));
        add_waits(places, &self.waiting, now_ns);
        for (place, stats) in places {
            if let Some(before) = before.and_then(|before| before.get(place)) {
                stats.blocked_ns = stats.blocked_ns.saturating_sub(before.blocked_ns);
                stats.runqueue_ns = stats.runqueue_ns.saturating_sub(before.runqueue_ns);
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

/// What a wait that has not ended amounts to at `now_ns`.
pub(super) fn so_far(wait: &WaitingNow, now_ns: u64) -> (Place, OffcpuStats) {
    let woken = if wait.state == WaitState::Runnable { Some(wait.since_ns) } else { wait.woken_ns };
    let blocked_until = woken.unwrap_or(now_ns);
    let stats = OffcpuStats {
        blocked_ns: blocked_until.saturating_sub(wait.since_ns),
        runqueue_ns: woken.map_or(0, |woken| now_ns.saturating_sub(woken)),
        waits: 0,
        waiting: 1,
    };
    (place_of(wait), stats)
}

fn place_of(wait: &WaitingNow) -> Place {
    Place { state: wait.state, kernel_stack: wait.kernel_stack, user_stack: wait.user_stack }
}
