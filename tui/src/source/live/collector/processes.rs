//! Processes that come and go, and who has to know.

use super::{Collector, SEED_WITHIN, SEEDED_AT_ONCE};
use crate::filter::Candidate;
use crate::model::{ProcKey, Process};
use crate::source::{ProcessEvent, ProcessSeen, procfs};
use crate::unwind::Event;
use rustc_hash::FxHashSet;
use std::time::{Duration, Instant};
use syscope_shared::unwind::Asked;

/// Ticks after which the maps of a process that has ended are freed: its last counts are read by
/// then.
const TICKS_TO_FREE: u64 = 2;
/// Ended processes whose names the collector keeps.
const DEAD_KEPT: usize = 1_000;

impl Collector {
    /// Takes in what runs now, and what ran just before and has ended since.
    pub(super) fn meet(&mut self, before: Vec<ProcessSeen>) {
        let now = procfs::scan();
        let running: FxHashSet<u32> = now.iter().map(|seen| seen.pid).collect();
        let time_ns = procfs::monotonic_ns();
        for seen in before.into_iter().filter(|seen| !running.contains(&seen.pid)) {
            let pid = seen.pid;
            self.reading.processes.push(ProcessEvent::Seen(seen));
            self.reading.processes.push(ProcessEvent::Exit { time_ns, pid });
        }
        self.reading.processes.extend(now.into_iter().map(ProcessEvent::Seen));
    }

    /// Takes in the events that were read since the last call.
    pub(super) fn handle_events(&mut self) {
        let mut execs = std::mem::take(&mut self.reading.execs).into_iter().peekable();
        let now_ns = procfs::monotonic_ns();
        let mut names_changed = false;
        for (index, event) in self.reading.processes.iter().enumerate().skip(self.handled_events) {
            if let ProcessEvent::Exec { pid, time_ns, .. } = event
                && let Some((_, exec_id)) = execs.next_if(|(at, _)| *at == index)
            {
                let ago = Duration::from_nanos(now_ns.saturating_sub(*time_ns));
                self.naming.replaced(*pid, exec_id, ago);
            }
            if let (Some(unwinding), Some(event)) = (&mut self.unwinding, Event::of(event)) {
                unwinding.tell(event);
            }
            if let ProcessEvent::Fork { pid, parent, .. } = event {
                self.naming.born(*pid, *parent);
            }
            if let ProcessEvent::Exit { pid, .. } = event {
                self.ended.push_back((self.tick, *pid));
                self.naming.ended(*pid);
            }
            self.known.fold(event.clone());
            names_changed = true;
        }
        self.handled_events = self.reading.processes.len();
        if let Some(unwinding) = &mut self.unwinding {
            for Asked { pid, exec_id, .. } in self.reading.asked.drain(..) {
                unwinding.tell(Event::Asked { pid, exec_id });
            }
        }
        self.known.forget_beyond(DEAD_KEPT);
        if names_changed && !self.filter.is_empty() {
            self.push_down();
        }
    }

    pub(super) fn push_down(&mut self) {
        let plan = self.filter.plan(self.known.iter_living().map(Candidate::from));
        if let Err(error) = self.kernel.push_down(&plan) {
            self.read_error(&error, "or change the kernel's filter");
        }
    }

    /// Threads that sleep already when their process comes to be watched.
    pub(super) fn seed_waits(&mut self, now_ns: u64) {
        let me = std::process::id();
        let own = if self.include_self { 0 } else { me };
        let watched = |process: &&Process| {
            // A child of syscope is a command that waits to be watched: no wait of its own.
            process.key.pid != own
                && process.parent != me
                && self.filter.admits(&Candidate::from(*process))
        };
        let living = self.known.iter_living().filter(watched).map(|process| process.key);
        self.unseeded = (now_ns, living.collect());
        self.seed_some(SEED_WITHIN);
    }

    /// Looks at the threads of those processes that were not looked at yet, for so long: to ask for each of
    /// thousands takes a second, and somebody waits for the first batch.
    pub fn seed_some(&mut self, patience: Duration) {
        let began = Instant::now();
        while !self.unseeded.1.is_empty() && began.elapsed() < patience {
            let (now_ns, left) = &mut self.unseeded;
            let some = left.split_off(left.len().saturating_sub(SEEDED_AT_ONCE));
            // One that was born since under a PID of them was seen from its start on.
            let is_same =
                |key: &&ProcKey| self.known.living(key.pid).is_some_and(|it| it.key == **key);
            let pids: Vec<_> = some.iter().filter(is_same).map(|key| key.pid).collect();
            match self.kernel.seed_waits(*now_ns, &pids) {
                Ok(stacks) => self.naming.add_ready(stacks),
                Err(error) => self.read_error(&error, "threads that sleep already"),
            }
        }
    }

    /// Processes that have counts but were never heard of: their start was missed. Or the side above
    /// was not told of them, for they ended before it took the next batch.
    pub(super) fn look_up_unheard_of(&mut self) {
        let reading = &self.reading;
        let pids = (reading.syscalls.iter().map(|d| d.pid))
            .chain(reading.opens.iter().map(|e| e.pid))
            .chain(reading.failed.iter().map(|e| e.pid))
            .chain(reading.offcpu.iter().map(|d| d.pid))
            .chain(reading.profile.iter().map(|d| d.pid));
        let compacted = std::mem::take(&mut self.compacted);
        let untold = |pid: &u32| match self.known.living(*pid) {
            Some(_) => false,
            None => compacted || !self.known.has(*pid),
        };
        let unheard: FxHashSet<u32> = pids.filter(untold).collect();
        let time_ns = procfs::monotonic_ns();
        for pid in unheard {
            let seen = self.known.latest(pid).map(ProcessSeen::from);
            self.reading
                .processes
                .extend(seen.or_else(|| procfs::process(pid)).map(ProcessEvent::Seen));
            if self.gone.is_gone(pid) {
                self.reading.processes.push(ProcessEvent::Exit { time_ns, pid });
            }
        }
        self.pending.taken();
        self.handle_events();
    }

    /// Processes that are gone and were not told to have ended.
    pub(super) fn end_gone(&mut self) {
        let time_ns = procfs::monotonic_ns();
        if !self.gone.is_look_due(time_ns) {
            return;
        }
        let living = self.known.iter_living().map(|process| process.key.pid);
        let gone: Vec<_> = living.filter(|pid| self.gone.is_gone(*pid)).collect();
        // The ends of most were only not read yet.
        self.read_rings();
        for pid in gone.into_iter().filter(|pid| self.known.living(*pid).is_some()) {
            self.reading.processes.push(ProcessEvent::Exit { time_ns, pid });
        }
        self.handle_events();
    }

    pub(super) fn free_ended(&mut self) {
        let mut gone = FxHashSet::default();
        while let Some((tick, pid)) = self.ended.front().copied()
            && tick + TICKS_TO_FREE <= self.tick
        {
            self.ended.pop_front();
            // The PID may have come back since.
            if self.known.living(pid).is_none() {
                self.naming.forget(pid);
                gone.insert(pid);
            }
        }
        if !gone.is_empty() {
            self.kernel.free(&gone);
        }
    }
}
