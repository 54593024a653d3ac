//! What the live source knows between two ticks.

mod processes;

use super::Options;
use super::budget::{Budget, CALL_NS, Cost, OPEN_NS, Spares, WAIT_NS};
use super::gone::Gone;
use super::naming::Naming;
use super::pending::Pending;
use super::settle::settle;
use crate::filter::{Candidate, Filter, PushDown};
use crate::kernel::{Kernel, Measured, Reading, Waker};
use crate::model::{ProcKey, Processes, Watched};
use crate::source::{Batch, ProcessEvent, ProcessSeen, procfs};
use crate::symbols::{Meeter, Worker};
use crate::unwind::{Event, Keeper};
use rustc_hash::FxHashSet;
use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};
use syscope_shared::health::ProbeId;

/// Ticks between two looks at which CPUs are online.
const TICKS_TO_CPUS: u64 = 8;

/// How long a batch waits for the names of its stacks.
const NAMES_WITHIN: Duration = Duration::from_millis(10);
/// How long syscope's own CPU time is that of its start, in ns.
const BEGINNING_NS: u64 = 6_000_000_000;
/// How long threads that sleep already are asked for in a tick, and of how many processes at once.
const SEED_WITHIN: Duration = Duration::from_millis(100);
const SEEDED_AT_ONCE: usize = 64;
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
    /// Processes that ran when they came to be watched, then, and were not asked yet what they wait for.
    unseeded: (u64, Vec<ProcKey>),
    pending: Pending,
    /// Events of processes that have counts may have been dropped since the last batch.
    compacted: bool,
    budget: Budget,
    /// What the programs cost in the last tick by estimate, as a share of the machine's CPU time, and in the one in
    /// which they were measured last.
    estimates: (f64, f64),
    /// Opens that were sent until a time, in ns.
    opens_sent: (u64, u64),
    /// Somebody looks at what watching costs.
    looked_at: bool,
    tick: u64,
    last_ns: u64,
    /// When the maps were read last.
    read_ns: u64,
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
            read_ns: watched_ns,
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
            unseeded: (watched_ns, Vec::new()),
            pending: Pending::default(),
            compacted: false,
            budget: Budget::new(options.budget),
            estimates: (0.0, 0.0),
            opens_sent: (watched_ns, 0),
            looked_at: false,
            tick: 0,
            calls: 0,
        };
        collector.meet(before);
        collector.handle_events();
        collector.seed_waits(collector.watched.start_ns);
        collector
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
        // What reads symbols may have been started anew.
        let own = super::own(self.include_self, self.naming.symbols());
        if let Err(error) = self.kernel.set_own(own) {
            self.read_error(&error, "or change the kernel's filter");
        }
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
        if self.tick > 1 {
            self.seed_some(SEED_WITHIN);
        }
        if self.tick.is_multiple_of(TICKS_TO_CPUS)
            && let Err(error) = self.kernel.follow_cpus()
        {
            self.read_error(&io::Error::other(error), "a CPU that came online");
        }
        self.read_rings();
        // Counts are of the time until now, however long it takes to get to the batch: their rates go by it.
        let read_ns = procfs::monotonic_ns();
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
        let window_ns = read_ns.saturating_sub(std::mem::replace(&mut self.read_ns, read_ns));
        self.calls += calls_of(&reading);
        let machine_ns = window_ns.max(1) as f64 * self.watched.cpus as f64;
        self.estimates.0 = cost_ns(&reading) / machine_ns;
        self.naming.add_ready(reading.resolved);
        self.naming.ask(reading.stacks);
        self.wait_for_names();
        let batch = Batch {
            time_ns: now_ns,
            window_ns,
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
        unwinding.flush();
        self.kernel.add_walked(unwinding.walked(), &mut self.reading);
    }

    /// Most stacks have their names within a moment: then they come with the batch that first shows
    /// them, and before their program has a chance to be replaced. The first batch does not wait: the symbols of
    /// the kernel are still being read, and somebody looks at an empty screen.
    fn wait_for_names(&mut self) {
        if self.tick == 1 {
            return;
        }
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

    /// Somebody looks at what watching costs, or does not any more.
    pub fn measure_closely(&mut self, looked_at: bool) {
        self.looked_at = looked_at;
        self.kernel.measure_closely(looked_at || self.budget.is_tense());
    }

    /// Measures what watching costs, and leaves more or less out as the budget asks for.
    fn keep_to_budget(&mut self, now_ns: u64, health: &mut crate::source::Health) {
        let Measured { overhead, probes, window } =
            self.kernel.overhead(now_ns, self.naming.symbols().reader());
        health.overhead = overhead;
        for (probe, cpu) in health.probes.iter_mut().zip(probes) {
            probe.cpu = cpu;
        }
        if let Some(bpf) = window {
            let cpus = procfs::online_cpus().len() as f64;
            let offcpu = health.probes[ProbeId::Offcpu as usize].cpu.unwrap_or(0.0);
            // The first tables and names cost once, whatever is left out.
            let begins = now_ns.saturating_sub(self.watched.start_ns) < BEGINNING_NS;
            let own = if begins { 0.0 } else { overhead.self_cpu / cpus };
            let offcpu = f64::from(offcpu) / cpus;
            let opens = self.opens_a_second(now_ns, health) * OPEN_NS / 1e9 / cpus;
            if self.budget.judge(Cost { own, bpf, offcpu, opens }) {
                let Spares { stacks_from_us, opens_one_in } = self.budget.spares();
                tracing::info!(own, bpf, offcpu, opens, stacks_from_us, opens_one_in, "the budget");
                if let Err(error) = self.kernel.spare(stacks_from_us, opens_one_in) {
                    self.read_error(&error, "or change what is left out");
                }
            }
            self.estimates.1 = self.estimates.0;
        }
        let (now, measured) = self.estimates;
        let closely = self.budget.is_tense() || self.budget.suspects(now, measured);
        self.kernel.measure_closely(self.looked_at || closely);
        let Spares { stacks_from_us, opens_one_in } = self.budget.spares();
        health.probes[ProbeId::Offcpu as usize].sparing = u64::from(stacks_from_us) * 1_000;
        let opens = if opens_one_in > 1 { opens_one_in } else { 0 };
        health.probes[ProbeId::Opens as usize].sparing = opens.into();
    }

    /// Opens that were sent a second since this was asked last.
    fn opens_a_second(&mut self, now_ns: u64, health: &crate::source::Health) -> f64 {
        let sent = health.probes[ProbeId::Opens as usize].events;
        let (then_ns, before) = std::mem::replace(&mut self.opens_sent, (now_ns, sent));
        sent.saturating_sub(before) as f64 * 1e9 / now_ns.saturating_sub(then_ns).max(1) as f64
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
        self.keep_to_budget(now_ns, &mut health);
        health.unwind = self.unwinding.as_ref().map(Keeper::health).unwrap_or_default();
        health
    }
}

fn calls_of(reading: &Reading) -> u64 {
    reading.syscalls.iter().map(|delta| delta.calls).sum()
}

/// CPU time that it took to take this in the kernel, about, in ns.
fn cost_ns(reading: &Reading) -> f64 {
    let waits: u64 = reading.offcpu.iter().map(|delta| delta.waits).sum();
    let opens = reading.opens.len() as f64;
    waits as f64 * WAIT_NS + calls_of(reading) as f64 * CALL_NS + opens * OPEN_NS
}

/// Starts to keep the tables that stacks are unwound with, where they are. Without them (the log says
/// why) stacks say that their tables are not ready.
fn unwinding(kernel: &mut Kernel, meeter: Meeter) -> Option<Keeper> {
    let tables = kernel.take_tables()?;
    let started = Keeper::start(Box::new(tables), meeter);
    started.inspect_err(|error| tracing::error!(%error, "no unwind tables are made")).ok()
}
