//! What the live source knows between two ticks.

use super::Options;
use crate::filter::{Candidate, Filter, PushDown};
use crate::kernel::{Kernel, NewStack, Reading, Waker};
use crate::model::{Processes, Watched};
use crate::source::{Batch, Frame, ProcessEvent, ResolvedStack, StackId, procfs};
use crate::symbols;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::VecDeque;
use std::sync::Arc;
use syscope_shared::health::{PROBES, ProbeId};

/// Ticks after which the maps of a process that has ended are freed: its last counts are read by
/// then.
const TICKS_TO_FREE: u64 = 2;
/// Ended processes whose names the collector keeps.
const DEAD_KEPT: usize = 1_000;

/// What the kernel is to let through of what runs now.
pub fn plan_now(filter: &Filter) -> PushDown {
    if filter.is_empty() {
        return PushDown::All;
    }
    let mut known = Processes::default();
    for seen in procfs::scan() {
        known.fold(ProcessEvent::Seen(seen));
    }
    filter.plan(known.iter_living().map(Candidate::from))
}

/// Reads the kernel and makes batches of it.
pub struct Collector {
    /// What is watched.
    pub watched: Watched,
    /// Ticks that came too late, or whose batch nobody took.
    pub skipped_ticks: u64,
    kernel: Kernel,
    symbols: symbols::Worker,
    filter: Filter,
    include_self: bool,
    known: Processes,
    reading: Reading,
    handled_events: usize,
    ended: VecDeque<(u64, u32)>,
    /// Processes that ended since the last batch: their last stacks are still to be asked for.
    leaving: Vec<u32>,
    tick: u64,
    last_ns: u64,
    calls: u64,
    asked: FxHashMap<StackId, ProbeId>,
    /// Stacks that came with their symbols, for the next batch.
    ready_stacks: Vec<Arc<ResolvedStack>>,
    unresolved: [u64; PROBES as usize],
}

impl Collector {
    /// Starts with what runs now; `kernel` was attached with the same options.
    pub fn new(
        kernel: Kernel,
        symbols: symbols::Worker,
        watched: Watched,
        options: &Options,
    ) -> Self {
        let mut collector = Self {
            last_ns: watched.start_ns,
            watched,
            skipped_ticks: 0,
            kernel,
            symbols,
            filter: options.filter.clone(),
            include_self: options.include_self,
            known: Processes::default(),
            reading: Reading::default(),
            handled_events: 0,
            ended: VecDeque::new(),
            leaving: Vec::new(),
            tick: 0,
            calls: 0,
            asked: FxHashMap::default(),
            ready_stacks: Vec::new(),
            unresolved: [0; PROBES as usize],
        };
        collector.reading.processes = procfs::scan().into_iter().map(ProcessEvent::Seen).collect();
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
        if let Err(error) = self.kernel.read_rings(&mut self.reading) {
            tracing::error!(%error, "the list of watched processes could not be read");
        }
        self.handle_events();
    }

    /// Reads everything and makes a batch of it.
    pub fn tick(&mut self) -> Batch {
        self.tick += 1;
        self.read_rings();
        if let Err(error) = self.kernel.read_maps(&mut self.reading) {
            tracing::error!(%error, "a map could not be read");
        }
        // A process that was born after the first look at the rings has counts already: its birth
        // was sent before it ran.
        self.read_rings();
        self.look_up_unheard_of();
        self.free_ended();
        let now_ns = procfs::monotonic_ns();
        self.handled_events = 0;
        let reading = std::mem::take(&mut self.reading);
        self.calls += reading.syscalls.iter().map(|delta| delta.calls).sum::<u64>();
        self.ask_for_symbols(reading.stacks);
        let batch = Batch {
            time_ns: now_ns,
            window_ns: now_ns.saturating_sub(self.last_ns),
            processes: reading.processes,
            syscalls: reading.syscalls,
            opens: reading.opens,
            offcpu: reading.offcpu,
            waiting: reading.waiting,
            profile: reading.profile,
            stacks: self.take_symbols(),
            health: self.health(now_ns),
        };
        self.last_ns = now_ns;
        batch
    }

    /// Stacks that are still being looked up.
    pub fn symbols_pending(&self) -> usize {
        self.symbols.pending()
    }

    /// A batch of nothing but symbols that have become known since the last one.
    pub fn symbols_only(&mut self) -> Batch {
        Batch {
            time_ns: self.last_ns,
            stacks: self.take_symbols(),
            health: self.health(self.last_ns),
            ..Batch::default()
        }
    }

    /// Takes in the events that were read since the last call.
    fn handle_events(&mut self) {
        let mut names_changed = false;
        for event in &self.reading.processes[self.handled_events..] {
            match event {
                ProcessEvent::Exec { pid, .. } => {
                    self.kernel.address_space_gone(*pid);
                    self.symbols.forget(*pid);
                }
                ProcessEvent::Exit { pid, .. } => {
                    self.ended.push_back((self.tick, *pid));
                    self.leaving.push(*pid);
                }
                ProcessEvent::Fork { .. } | ProcessEvent::Seen(_) => {}
            }
            self.known.fold(event.clone());
            names_changed = true;
        }
        self.handled_events = self.reading.processes.len();
        self.known.forget_beyond(DEAD_KEPT);
        if names_changed && !self.filter.is_empty() {
            self.push_down();
        }
    }

    fn push_down(&mut self) {
        let plan = self.filter.plan(self.known.iter_living().map(Candidate::from));
        if let Err(error) = self.kernel.push_down(&plan) {
            tracing::error!(%error, "the kernel's filter could not be changed");
        }
    }

    /// Threads that sleep already when their process comes to be watched.
    fn seed_waits(&mut self, now_ns: u64) {
        let Self { kernel, known, filter, include_self, .. } = self;
        let own = if *include_self { 0 } else { std::process::id() };
        let watched = |pid| {
            let admitted = || known.living(pid).is_some_and(|p| filter.admits(&Candidate::from(p)));
            pid != own && (filter.is_empty() || admitted())
        };
        match kernel.seed_waits(now_ns, watched) {
            Ok(mut stacks) => self.ready_stacks.append(&mut stacks),
            Err(error) => tracing::error!(%error, "threads that sleep already are not shown"),
        }
    }

    /// Processes that have counts but were never heard of: their start was missed.
    fn look_up_unheard_of(&mut self) {
        let reading = &self.reading;
        let pids = (reading.syscalls.iter().map(|d| d.pid))
            .chain(reading.opens.iter().map(|e| e.pid))
            .chain(reading.offcpu.iter().map(|d| d.pid))
            .chain(reading.profile.iter().map(|d| d.pid));
        let unheard: FxHashSet<u32> = pids.filter(|pid| !self.known.has(*pid)).collect();
        for pid in unheard {
            if let Some(seen) = procfs::process(pid) {
                self.reading.processes.push(ProcessEvent::Seen(seen));
            }
        }
        self.handle_events();
    }

    fn free_ended(&mut self) {
        while let Some((tick, pid)) = self.ended.front().copied()
            && tick + TICKS_TO_FREE <= self.tick
        {
            self.ended.pop_front();
            // The PID may have come back since.
            if self.known.living(pid).is_none() {
                self.kernel.free(pid);
            }
        }
    }

    fn ask_for_symbols(&mut self, stacks: Vec<NewStack>) {
        self.asked.extend(stacks.iter().map(|stack| (stack.request.id, stack.probe)));
        self.symbols.request(stacks.into_iter().map(|stack| stack.request).collect());
        for pid in self.leaving.drain(..) {
            self.symbols.forget(pid);
        }
    }

    fn take_symbols(&mut self) -> Vec<Arc<ResolvedStack>> {
        let mut stacks = self.symbols.finished();
        for stack in &mut stacks {
            if let Some(probe) = self.asked.remove(&stack.id) {
                let unresolved = stack.frames.iter().filter(|frame| !frame.resolved).count();
                self.unresolved[probe as usize] += unresolved as u64;
                if probe == ProbeId::Offcpu {
                    drop_own_frames(stack);
                }
            }
        }
        stacks.append(&mut self.ready_stacks);
        stacks
    }

    fn health(&mut self, now_ns: u64) -> crate::source::Health {
        let mut health = self.kernel.health();
        for (probe, unresolved) in health.probes.iter_mut().zip(self.unresolved) {
            probe.unresolved_frames = unresolved;
        }
        // Counting in the kernel what is counted already would cost every call.
        health.probes[ProbeId::Syscalls as usize].events = self.calls;
        health.skipped_ticks = self.skipped_ticks;
        health.overhead = self.kernel.overhead(now_ns);
        health
    }
}

/// Takes the frames off the leaf by which the kernel came to the off-CPU program: how many there are
/// differs from kernel to kernel, and none of them is of the thread that waits.
fn drop_own_frames(stack: &mut Arc<ResolvedStack>) {
    let own = |frame: &Frame| {
        ["bpf_prog_", "bpf_trace_run", "__bpf_trace_", "__traceiter_", "bpf_get_stackid"]
            .iter()
            .any(|prefix| frame.name.starts_with(prefix))
    };
    let count = stack.frames.iter().take_while(|frame| own(frame)).count();
    if count > 0 {
        Arc::make_mut(stack).frames.drain(..count);
    }
}
