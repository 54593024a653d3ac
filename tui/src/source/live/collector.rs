//! What the live source knows between two ticks.

use super::Options;
use super::gone::Gone;
use super::naming::Naming;
use super::pending::Pending;
use super::settle::settle;
use crate::filter::{Candidate, Filter, PushDown};
use crate::kernel::{Kernel, Reading, Waker};
use crate::model::{Process, Processes, Watched};
use crate::source::{Batch, ProcessEvent, ProcessSeen, procfs};
use crate::symbols::{Meeter, Worker};
use crate::unwind::{Event, Keeper};
use rustc_hash::FxHashSet;
use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};
use syscope_shared::health::ProbeId;
use syscope_shared::unwind::Asked;

/// Ticks after which the maps of a process that has ended are freed: its last counts are read by
/// then.
const TICKS_TO_FREE: u64 = 2;
/// Ticks between two looks at which CPUs are online.
const TICKS_TO_CPUS: u64 = 8;
/// Ended processes whose names the collector keeps.
const DEAD_KEPT: usize = 1_000;

/// How long a batch waits for the names of its stacks.
const NAMES_WITHIN: Duration = Duration::from_millis(10);
/// Events of one kind that wait at most for a batch to take them.
const EVENTS_MAX: usize = 200_000;

/// What the kernel is to let through of these processes.
pub fn plan(filter: &Filter, running: &[ProcessSeen]) -> PushDown {
    let mut known = Processes::default();
    for seen in running {
        known.fold(ProcessEvent::Seen(seen.clone()));
    }
    filter.plan(known.iter_living().map(Candidate::from))
}

/// Drops what is more than may wait; how many.
fn drop_oldest<T>(events: &mut Vec<T>) -> u64 {
    let excess = events.len().saturating_sub(EVENTS_MAX);
    events.drain(..excess);
    excess as u64
}

/// Reads the kernel and makes batches of it.
pub struct Collector {
    /// What is watched.
    pub watched: Watched,
    /// Ticks that came too late, or whose batch nobody took.
    pub skipped_ticks: u64,
    read_errors: u64,
    overrun: u64,
    kernel: Kernel,
    /// `None` where stacks are not walked by unwind tables.
    unwinding: Option<Keeper>,
    naming: Naming,
    filter: Filter,
    include_self: bool,
    known: Processes,
    reading: Reading,
    handled_events: usize,
    ended: VecDeque<(u64, u32)>,
    gone: Gone,
    pending: Pending,
    /// Events of processes that have counts may have been dropped since the last batch.
    compacted: bool,
    tick: u64,
    last_ns: u64,
    calls: u64,
}

impl Collector {
    /// Starts with what runs now; `kernel` was attached with the same options. `before` ran just
    /// before that: some may have ended since, and left their counts.
    pub fn new(
        mut kernel: Kernel,
        symbols: Worker,
        watched: Watched,
        options: &Options,
        before: Vec<ProcessSeen>,
    ) -> Self {
        let watched_ns = watched.start_ns;
        let mut collector = Self {
            last_ns: watched_ns,
            watched,
            skipped_ticks: 0,
            read_errors: 0,
            overrun: 0,
            unwinding: unwinding(&mut kernel, symbols.meeter()),
            kernel,
            naming: Naming::new(symbols),
            filter: options.filter.clone(),
            include_self: options.include_self,
            known: Processes::default(),
            reading: Reading::default(),
            handled_events: 0,
            ended: VecDeque::new(),
            gone: Gone::new(watched_ns),
            pending: Pending::default(),
            compacted: false,
            tick: 0,
            calls: 0,
        };
        collector.meet(before);
        collector.handle_events();
        collector.seed_waits(collector.watched.start_ns);
        collector
    }

    /// Takes in what runs now, and what ran just before and has ended since.
    fn meet(&mut self, before: Vec<ProcessSeen>) {
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

    /// What tells that a ring wants to be read before the next tick. Without them (the log says why)
    /// rings are read once a tick.
    pub fn wakers(&self) -> Vec<Waker> {
        self.kernel.wakers().unwrap_or_else(|error| {
            tracing::warn!(%error, "rings are read once a tick only");
            Vec::new()
        })
    }

    /// Watches what this filter accepts from now on.
    pub fn set_filter(&mut self, filter: Filter) {
        self.filter = filter;
        self.push_down();
        self.seed_waits(procfs::monotonic_ns());
    }

    /// Reads what cannot wait for the tick.
    pub fn read_rings(&mut self) {
        if let Err(error) = self.kernel.read_rings(&mut self.reading) {
            self.read_error(&error, "the list of watched processes");
        }
        // The side above has stopped to take batches: what it does not take must not fill memory.
        self.overrun +=
            drop_oldest(&mut self.reading.opens) + drop_oldest(&mut self.reading.failed);
        self.handle_events();
        if self.pending.bound(&mut self.reading.processes) {
            self.handled_events = self.reading.processes.len();
            self.compacted = true;
            let mut known = FxHashSet::default();
            self.ended.retain(|(_, pid)| known.insert(*pid));
        }
    }

    /// Reads everything and makes a batch of it.
    pub fn tick(&mut self) -> Batch {
        self.tick += 1;
        if self.tick.is_multiple_of(TICKS_TO_CPUS)
            && let Err(error) = self.kernel.follow_cpus()
        {
            self.read_error(&io::Error::other(error), "a CPU that came online");
        }
        self.read_rings();
        if let Err(error) = self.kernel.read_maps(&mut self.reading) {
            self.read_error(&error, "a map");
        }
        self.unwind_later();
        // A process that was born after the first look at the rings has counts already: its birth
        // was sent before it ran.
        self.read_rings();
        self.look_up_unheard_of();
        self.end_gone();
        self.free_ended();
        let now_ns = procfs::monotonic_ns();
        self.handled_events = 0;
        let mut reading = std::mem::take(&mut self.reading);
        settle(&mut reading);
        self.calls += reading.syscalls.iter().map(|delta| delta.calls).sum::<u64>();
        self.naming.add_ready(reading.resolved);
        self.naming.ask(reading.stacks);
        self.wait_for_names();
        let batch = Batch {
            time_ns: now_ns,
            window_ns: now_ns.saturating_sub(self.last_ns),
            processes: reading.processes,
            syscalls: reading.syscalls,
            failed: reading.failed,
            opens: reading.opens,
            offcpu: reading.offcpu,
            waiting: reading.waiting,
            profile: reading.profile,
            stacks: self.naming.take(),
            health: self.health(now_ns),
        };
        self.last_ns = now_ns;
        batch
    }

    /// Hands over the samples whose stacks are to be walked later, and takes those that were.
    fn unwind_later(&mut self) {
        let Some(unwinding) = &mut self.unwinding else { return };
        for copy in self.reading.copies.drain(..) {
            unwinding.tell(Event::Copied(Box::new(copy)));
        }
        self.kernel.add_walked(unwinding.walked(), &mut self.reading);
    }

    /// Most stacks have their names within a moment: then they come with the batch that first shows
    /// them, and before their program has a chance to be replaced.
    fn wait_for_names(&mut self) {
        let patience = Instant::now() + NAMES_WITHIN;
        while self.naming.pending() > 0 && Instant::now() < patience {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.read_rings();
    }

    fn read_error(&mut self, error: &io::Error, what: &str) {
        tracing::error!(%error, what, "cannot read");
        self.read_errors += 1;
    }

    /// Stacks that are still being looked up, and debug files that are being fetched.
    pub fn symbols_pending(&self) -> usize {
        self.naming.pending() + self.naming.fetching()
    }

    /// Samples whose stacks are still to be walked. Takes in those that were, and has them looked up.
    pub fn walks_pending(&mut self) -> usize {
        self.unwind_later();
        self.naming.ask(std::mem::take(&mut self.reading.stacks));
        self.unwinding.as_ref().map_or(0, Keeper::pending)
    }

    /// A batch of nothing but samples and symbols that have become known since the last one.
    pub fn what_came_late(&mut self) -> Batch {
        Batch {
            time_ns: self.last_ns,
            profile: std::mem::take(&mut self.reading.profile),
            stacks: self.naming.take(),
            health: self.health(self.last_ns),
            ..Batch::default()
        }
    }

    /// Takes in the events that were read since the last call.
    fn handle_events(&mut self) {
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

    fn push_down(&mut self) {
        let plan = self.filter.plan(self.known.iter_living().map(Candidate::from));
        if let Err(error) = self.kernel.push_down(&plan) {
            self.read_error(&error, "or change the kernel's filter");
        }
    }

    /// Threads that sleep already when their process comes to be watched.
    fn seed_waits(&mut self, now_ns: u64) {
        let me = std::process::id();
        let own = if self.include_self { 0 } else { me };
        let watched = |process: &&Process| {
            // A child of syscope is a command that waits to be watched: no wait of its own.
            process.key.pid != own
                && process.parent != me
                && self.filter.admits(&Candidate::from(*process))
        };
        let pids: Vec<_> =
            self.known.iter_living().filter(watched).map(|process| process.key.pid).collect();
        match self.kernel.seed_waits(now_ns, &pids) {
            Ok(stacks) => self.naming.add_ready(stacks),
            Err(error) => self.read_error(&error, "threads that sleep already"),
        }
    }

    /// Processes that have counts but were never heard of: their start was missed. Or the side above
    /// was not told of them, for they ended before it took the next batch.
    fn look_up_unheard_of(&mut self) {
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
    fn end_gone(&mut self) {
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

    fn free_ended(&mut self) {
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

    fn health(&mut self, now_ns: u64) -> crate::source::Health {
        let mut health = self.kernel.health();
        for (probe, unresolved) in health.probes.iter_mut().zip(self.naming.unresolved()) {
            probe.unresolved_frames = *unresolved;
        }
        // Counting in the kernel what is counted already would cost every call. Calls that fail are
        // counted there, where each of them is delivered.
        health.probes[ProbeId::Syscalls as usize].events += self.calls;
        // Lost like what finds the ring full: it stays full of what nobody takes.
        health.probes[ProbeId::Lifecycle as usize].ring_full += self.pending.dropped;
        health.skipped_ticks = self.skipped_ticks;
        health.read_errors += self.read_errors;
        health.unsymbolized_stacks = self.naming.dropped();
        health.overrun = self.overrun;
        health.filter = self.filter.text().to_owned();
        health.overhead = self.kernel.overhead(now_ns);
        health.unwind = self.unwinding.as_ref().map(Keeper::health).unwrap_or_default();
        health
    }
}

/// Starts to keep the tables that stacks are unwound with, where they are. Without them (the log says
/// why) stacks say that their tables are not ready.
fn unwinding(kernel: &mut Kernel, meeter: Meeter) -> Option<Keeper> {
    let tables = kernel.take_tables()?;
    let started = Keeper::start(Box::new(tables), meeter);
    started.inspect_err(|error| tracing::error!(%error, "no unwind tables are made")).ok()
}
