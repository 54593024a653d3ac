//! Two batches in a row as one.

use super::{Batch, OffcpuDelta, ProcessEvent, ProfileDelta, SyscallDelta};
use rustc_hash::{FxHashMap, FxHashSet};
use std::hash::Hash;

/// Two batches that stay two: as one they would tell of another process, for its PID was reused.
#[derive(Clone, Debug, PartialEq)]
pub struct Apart {
    /// The one before.
    pub earlier: Batch,
    /// The one after it.
    pub later: Batch,
    /// The PID that is in the way.
    pub pid: u32,
}

impl Batch {
    /// One batch that stands for this one and the next one after it: a model that folds it holds what
    /// it would hold after folding both. Counts of the same process and thing are added up; of what
    /// replaces (waits, health) the later is taken.
    ///
    /// What is told of single ticks is lost: rates are those of a longer tick. And a model that forgets
    /// (its bounds are reached in between) may forget otherwise.
    ///
    /// # Errors
    ///
    /// In a batch, starts of processes come before all counts and ends after them. So a process must
    /// not start in the later batch when the earlier one tells of its PID (it was another process, or
    /// one whose name came late), or of the end of its parent. Both are given back then.
    pub fn merge(self, later: Self) -> Result<Self, Box<Apart>> {
        if let Some(pid) = self.in_the_way_of(&later) {
            return Err(Box::new(Apart { earlier: self, later, pid }));
        }
        let (mut merged, ended) = (self, later.ended());
        merged.time_ns = later.time_ns;
        merged.window_ns = merged.window_ns.saturating_add(later.window_ns);
        merged.processes.extend(later.processes);
        add_up(&mut merged.syscalls, later.syscalls, |d| (d.pid, d.nr), add_calls);
        merged.failed.extend(later.failed);
        merged.opens.extend(later.opens);
        let place = |d: &OffcpuDelta| (d.pid, d.state, d.kernel_stack, d.user_stack);
        add_up(&mut merged.offcpu, later.offcpu, place, add_waits);
        merged.waiting = later.waiting.or_else(|| {
            // What has ended since that was read does not wait any more.
            let mut waiting = merged.waiting.take()?;
            waiting.retain(|wait| !ended.contains(&wait.pid));
            Some(waiting)
        });
        let place = |d: &ProfileDelta| (d.pid, d.comm.clone(), d.kernel_stack, d.user_stack);
        add_up(&mut merged.profile, later.profile, place, add_samples);
        merged.stacks.extend(later.stacks);
        merged.health = later.health;
        Ok(merged)
    }

    /// As few batches as can stand for these, which are in order.
    pub fn merge_all(batches: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut merged: Vec<Self> = Vec::new();
        for batch in batches {
            match merged.pop() {
                None => merged.push(batch),
                Some(before) => match before.merge(batch) {
                    Ok(both) => merged.push(both),
                    Err(apart) => merged.extend([apart.earlier, apart.later]),
                },
            }
        }
        merged
    }

    /// A process that starts in `later` and cannot start before what this batch tells.
    fn in_the_way_of(&self, later: &Self) -> Option<u32> {
        let starts: Vec<_> = later.processes.iter().filter_map(start).collect();
        if starts.is_empty() {
            return None;
        }
        let (told, ended) = (self.pids(), self.ended());
        let in_the_way = |(pid, parent): &&(u32, u32)| told.contains(pid) || ended.contains(parent);
        starts.iter().find(in_the_way).map(|(pid, _)| *pid)
    }

    /// All processes that something is told of.
    fn pids(&self) -> FxHashSet<u32> {
        let events = self.processes.iter().map(|event| match event {
            ProcessEvent::Seen(seen) => seen.pid,
            ProcessEvent::Fork { pid, .. }
            | ProcessEvent::Exec { pid, .. }
            | ProcessEvent::Exit { pid, .. } => *pid,
        });
        events
            .chain(self.syscalls.iter().map(|delta| delta.pid))
            .chain(self.failed.iter().map(|call| call.pid))
            .chain(self.opens.iter().map(|open| open.pid))
            .chain(self.offcpu.iter().map(|delta| delta.pid))
            .chain(self.waiting.iter().flatten().map(|wait| wait.pid))
            .chain(self.profile.iter().map(|delta| delta.pid))
            .collect()
    }

    fn ended(&self) -> FxHashSet<u32> {
        let end = |event: &ProcessEvent| match event {
            ProcessEvent::Exit { pid, .. } => Some(*pid),
            _ => None,
        };
        self.processes.iter().filter_map(end).collect()
    }
}

/// The PID of a process that starts, or is met, and that of its parent.
fn start(event: &ProcessEvent) -> Option<(u32, u32)> {
    match event {
        ProcessEvent::Seen(seen) => Some((seen.pid, seen.parent)),
        ProcessEvent::Fork { pid, parent, .. } => Some((*pid, *parent)),
        ProcessEvent::Exec { .. } | ProcessEvent::Exit { .. } => None,
    }
}

/// Adds the later deltas to the earlier ones with the same key, or behind them where there are none or
/// `add` finds no room.
fn add_up<D, K: Eq + Hash>(
    earlier: &mut Vec<D>,
    later: Vec<D>,
    key: impl Fn(&D) -> K,
    add: impl Fn(&mut D, &D) -> Option<()>,
) {
    if later.is_empty() || earlier.is_empty() {
        return earlier.extend(later);
    }
    let known: FxHashMap<K, usize> =
        earlier.iter().enumerate().map(|(at, delta)| (key(delta), at)).collect();
    for delta in later {
        let added = known.get(&key(&delta)).and_then(|at| add(&mut earlier[*at], &delta));
        if added.is_none() {
            earlier.push(delta);
        }
    }
}

/// `None`, and nothing changed, where a number would be too large.
fn add_calls(to: &mut SyscallDelta, delta: &SyscallDelta) -> Option<()> {
    let mut hist = to.hist;
    for (count, more) in hist.iter_mut().zip(delta.hist) {
        *count = count.checked_add(more)?;
    }
    let calls = to.calls.checked_add(delta.calls)?;
    let errors = to.errors.checked_add(delta.errors)?;
    let total_ns = to.total_ns.checked_add(delta.total_ns)?;
    let mut errnos = to.errnos.clone();
    for (errno, count) in &delta.errnos {
        match errnos.iter_mut().find(|(known, _)| known == errno) {
            Some((_, sum)) => *sum = sum.checked_add(*count)?,
            None => errnos.push((*errno, *count)),
        }
    }
    *to = SyscallDelta { pid: to.pid, nr: to.nr, calls, errors, total_ns, hist, errnos };
    Some(())
}

fn add_waits(to: &mut OffcpuDelta, delta: &OffcpuDelta) -> Option<()> {
    let blocked_ns = to.blocked_ns.checked_add(delta.blocked_ns)?;
    let runqueue_ns = to.runqueue_ns.checked_add(delta.runqueue_ns)?;
    to.waits = to.waits.checked_add(delta.waits)?;
    (to.blocked_ns, to.runqueue_ns) = (blocked_ns, runqueue_ns);
    Some(())
}

fn add_samples(to: &mut ProfileDelta, delta: &ProfileDelta) -> Option<()> {
    to.samples = to.samples.checked_add(delta.samples)?;
    Some(())
}

#[cfg(test)]
mod tests;
