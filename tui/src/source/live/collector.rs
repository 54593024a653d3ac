//! What the live source knows between two ticks.

use super::Options;
use crate::filter::{Candidate, Filter, PushDown};
use crate::kernel::{Kernel, NewStack, Reading, Waker};
use crate::model::{Process, Processes, Watched};
use crate::source::{Batch, Frame, ProcessEvent, ProcessSeen, ResolvedStack, StackId, procfs};
use crate::symbols::{self, Request, Space};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use syscope_shared::health::{PROBES, ProbeId};

/// Ticks after which the maps of a process that has ended are freed: its last counts are read by
/// then.
const TICKS_TO_FREE: u64 = 2;
/// Ended processes whose names the collector keeps.
const DEAD_KEPT: usize = 1_000;

/// File opens that wait at most for a batch to take them.
const OPENS_MAX: usize = 200_000;

/// What the kernel is to let through of these processes.
pub fn plan(filter: &Filter, running: &[ProcessSeen]) -> PushDown {
    let mut known = Processes::default();
    for seen in running {
        known.fold(ProcessEvent::Seen(seen.clone()));
    }
    filter.plan(known.iter_living().map(Candidate::from))
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
    /// Id of the program that each process runs, of those that were seen to exec.
    programs: FxHashMap<u32, u32>,
    /// Stacks that came with their symbols, for the next batch.
    ready_stacks: Vec<Arc<ResolvedStack>>,
    unresolved: [u64; PROBES as usize],
}

impl Collector {
    /// Starts with what runs now; `kernel` was attached with the same options. `before` ran just
    /// before that: some may have ended since, and left their counts.
    pub fn new(
        kernel: Kernel,
        symbols: symbols::Worker,
        watched: Watched,
        options: &Options,
        before: Vec<ProcessSeen>,
    ) -> Self {
        let mut collector = Self {
            last_ns: watched.start_ns,
            watched,
            skipped_ticks: 0,
            read_errors: 0,
            overrun: 0,
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
            programs: FxHashMap::default(),
            ready_stacks: Vec::new(),
            unresolved: [0; PROBES as usize],
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
        let excess = self.reading.opens.len().saturating_sub(OPENS_MAX);
        self.reading.opens.drain(..excess);
        self.overrun += excess as u64;
        self.handle_events();
    }

    /// Reads everything and makes a batch of it.
    pub fn tick(&mut self) -> Batch {
        self.tick += 1;
        self.read_rings();
        if let Err(error) = self.kernel.read_maps(&mut self.reading) {
            self.read_error(&error, "a map");
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

    fn read_error(&mut self, error: &io::Error, what: &str) {
        tracing::error!(%error, what, "cannot read");
        self.read_errors += 1;
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
        self.programs.extend(self.reading.execs.drain(..));
        let mut names_changed = false;
        for event in &self.reading.processes[self.handled_events..] {
            match event {
                ProcessEvent::Exec { pid, .. } => {
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
        let own = if self.include_self { 0 } else { std::process::id() };
        let watched = |process: &&Process| {
            process.key.pid != own && self.filter.admits(&Candidate::from(*process))
        };
        let pids: Vec<_> =
            self.known.iter_living().filter(watched).map(|process| process.key.pid).collect();
        match self.kernel.seed_waits(now_ns, &pids) {
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
                self.programs.remove(&pid);
            }
        }
    }

    fn ask_for_symbols(&mut self, stacks: Vec<NewStack>) {
        self.asked.extend(stacks.iter().map(|stack| (stack.request.id, stack.probe)));
        let requests = stacks.into_iter().filter_map(|stack| self.in_its_program(stack)).collect();
        self.symbols.request(requests);
        for pid in self.leaving.drain(..) {
            self.symbols.forget(pid);
        }
    }

    /// The request for a stack, in the process whose memory tells what its addresses mean. A process
    /// that has replaced its program since does not; a parent that has just forked it does, for the
    /// child has a copy of its memory. Without one, the stack is answered with a note.
    fn in_its_program(&mut self, stack: NewStack) -> Option<Request> {
        let mut request = stack.request;
        let Space::User { pid } = request.space else { return Some(request) };
        match self.programs.get(&pid) {
            Some(current) if *current != stack.exec_id => {}
            _ => return Some(request),
        }
        let parent = self.known.living(pid).map_or(0, |process| process.parent);
        let same = self.programs.get(&parent).is_none_or(|program| *program == stack.exec_id);
        if same && self.known.living(parent).is_some() {
            request.space = Space::User { pid: parent };
            return Some(request);
        }
        let mut note = Frame::note("[program replaced before its symbols were read]");
        note.resolved = false;
        let frames = vec![Arc::new(note)];
        self.ready_stacks.push(Arc::new(ResolvedStack { id: request.id, frames }));
        None
    }

    fn take_symbols(&mut self) -> Vec<Arc<ResolvedStack>> {
        let mut stacks = self.symbols.finished();
        stacks.append(&mut self.ready_stacks);
        for stack in &mut stacks {
            if let Some(probe) = self.asked.remove(&stack.id) {
                let unresolved = stack.frames.iter().filter(|frame| !frame.resolved).count();
                self.unresolved[probe as usize] += unresolved as u64;
                if probe == ProbeId::Offcpu {
                    drop_own_frames(stack);
                }
            }
        }
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
        health.read_errors = self.read_errors;
        health.unsymbolized_stacks = self.symbols.dropped();
        health.overrun = self.overrun;
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
