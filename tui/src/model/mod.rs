//! What is known about the machine: pure state, fed by [`Model::fold`].
//!
//! No clock, no I/O, no widgets: time is what the batches say it is. One file a probe.

pub mod ends;
pub mod offcpu;
pub mod opens;
pub mod places;
pub mod processes;
pub mod profile;
pub mod rate;
pub mod stacks;
pub mod syscalls;

pub use ends::{StackEnds, UserStack};
pub use offcpu::{ForgottenWaits, Offcpu, OffcpuStats, Place, WaitSums};
pub use opens::{OpenRow, Opens};
pub use places::PlaceBounds;
pub use processes::{ProcKey, Process, Processes};
pub use profile::{ProcessSamples, Profile, SamplePlace};
pub use rate::{Rate, Ticks};
pub use stacks::Stacks;
pub use syscalls::{CallStats, ForgottenCalls, Syscalls};

use crate::source::{Batch, Health, ProcessEvent};
use rustc_hash::FxHashSet;

/// What a source watches: said once, before the first batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Watched {
    /// Host name.
    pub host: String,
    /// Architecture, as `uname -m`: it says what the numbers of system calls mean.
    pub arch: String,
    /// Kernel release, as `uname -r`.
    pub kernel: String,
    /// CPUs online.
    pub cpus: usize,
    /// Time zone offset-free anchor: `CLOCK_REALTIME` minus `CLOCK_MONOTONIC` at the start, in ns.
    /// Adding it to a batch's time gives wall-clock time.
    pub realtime_offset_ns: i64,
    /// `CLOCK_BOOTTIME` minus `CLOCK_MONOTONIC` at the start, in ns (time spent suspended).
    pub boottime_offset_ns: u64,
    /// When watching began, in ns of `CLOCK_MONOTONIC`.
    pub start_ns: u64,
    /// Samples a second and CPU of the profile.
    pub frequency_hz: u64,
}

impl Watched {
    /// Time between two samples of a CPU, in ns; `None` where no such frequency can be.
    pub fn period_ns(&self) -> Option<u64> {
        1_000_000_000_u64.checked_div(self.frequency_hz).filter(|period| *period > 0)
    }
}

/// How much history is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// File opens kept for display; less when their paths are long (see [`opens::TEXT_OF_AN_OPEN`]).
    pub opens: usize,
    /// Processes kept after their end.
    pub dead: usize,
    /// Places of waits kept apart, and likewise places of samples.
    pub places: PlaceBounds,
}

impl Bounds {
    /// For the live screen, which may stay open for days.
    pub const LIVE: Self = Self {
        opens: 20_000,
        dead: 2_000,
        places: PlaceBounds { of_process: 4_096, of_all: 64 * 1024 },
    };
    /// For a report, which ends and must hold all it saw.
    pub const REPORT: Self = Self {
        opens: 2_000_000,
        dead: 1_000_000,
        places: PlaceBounds { of_process: 1_000_000, of_all: 4_000_000 },
    };
}

/// All state above the source.
#[derive(Clone, Debug)]
pub struct Model {
    /// What is watched.
    pub watched: Watched,
    /// Time of the last batch, in ns.
    pub now_ns: u64,
    /// When the counters began: the start of watching, or the last clearing.
    pub since_ns: u64,
    /// Tick counter and the lengths of the last ticks, for rates.
    pub ticks: Ticks,
    /// Processes, living and recently ended.
    pub processes: Processes,
    /// System calls.
    pub syscalls: Syscalls,
    /// File opens.
    pub opens: Opens,
    /// Off-CPU time.
    pub offcpu: Offcpu,
    /// CPU profile.
    pub profile: Profile,
    /// Frames of stacks.
    pub stacks: Stacks,
    /// Health, as of the last batch.
    pub health: Health,
    before: Before,
    bounds: Bounds,
}

/// What the health counted before the counters began.
#[derive(Clone, Copy, Debug, Default)]
struct Before {
    lost_events: u64,
    lost_stacks: u64,
    late_ticks: u64,
}

impl Model {
    /// An empty model.
    pub fn new(watched: Watched, bounds: Bounds) -> Self {
        Self {
            now_ns: watched.start_ns,
            since_ns: watched.start_ns,
            watched,
            ticks: Ticks::default(),
            processes: Processes::default(),
            syscalls: Syscalls::default(),
            opens: Opens::default(),
            offcpu: Offcpu::default(),
            profile: Profile::default(),
            stacks: Stacks::default(),
            health: Health::default(),
            before: Before::default(),
            bounds,
        }
    }

    /// Takes a batch in.
    pub fn fold(&mut self, batch: Batch) {
        self.now_ns = batch.time_ns;
        self.ticks.advance(batch.window_ns);
        self.stacks.advance(batch.time_ns);
        self.note_used_stacks(&batch);
        let places = self.bounds.places;
        let (exits, starts): (Vec<_>, Vec<_>) =
            batch.processes.into_iter().partition(|e| matches!(e, ProcessEvent::Exit { .. }));
        let is_read = batch.waiting.is_some();
        for event in starts {
            self.fold_process(event, is_read);
        }
        self.stacks.fold(batch.stacks);
        self.syscalls.fold(&batch.syscalls, &mut self.processes, &self.ticks);
        self.opens.fold(batch.opens, &mut self.processes, &self.ticks, self.bounds.opens);
        self.offcpu.fold(batch.offcpu, batch.waiting, &mut self.processes, places);
        self.profile.fold(batch.profile, &mut self.processes, &self.ticks, places);
        for event in exits {
            self.fold_process(event, is_read);
        }
        self.health = batch.health;
        self.forget_old();
        self.sweep_stacks();
    }

    /// Takes in what happened to a process. What has ended does not wait any more; where it is read who waits,
    /// that says so itself.
    fn fold_process(&mut self, event: ProcessEvent, is_read: bool) {
        if !is_read
            && let Some(pid) = self.processes.ended_by(&event)
            && let Some(process) = self.processes.latest(pid)
        {
            self.offcpu.end_waits(process.key);
        }
        self.processes.fold(event);
    }

    /// Takes in what was so before the first batch, where reading starts in the middle: processes, waits,
    /// health. An empty batch says nothing.
    pub fn recall(&mut self, before: Batch) {
        if before == Batch::default() {
            return;
        }
        self.now_ns = before.time_ns;
        before.processes.into_iter().for_each(|event| self.processes.fold(event));
        self.stacks.advance(before.time_ns);
        self.stacks.fold(before.stacks);
        let places = self.bounds.places;
        self.offcpu.fold(Vec::new(), before.waiting, &mut self.processes, places);
        self.health = before.health;
    }

    /// Starts all counters at zero, as of the last batch. Processes and stacks stay known.
    pub fn clear(&mut self) {
        self.since_ns = self.now_ns;
        self.syscalls = Syscalls::default();
        self.opens = Opens::default();
        self.offcpu.clear(self.now_ns);
        self.profile.clear();
        self.before = Before {
            lost_events: self.health.lost_events(),
            lost_stacks: self.health.lost_stacks(),
            late_ticks: self.health.skipped_ticks,
        };
    }

    /// Events that were lost since the counters began, all probes.
    pub fn lost_events(&self) -> u64 {
        self.health.lost_events().saturating_sub(self.before.lost_events)
    }

    /// Stacks that were lost since the counters began, all probes.
    pub fn lost_stacks(&self) -> u64 {
        self.health.lost_stacks().saturating_sub(self.before.lost_stacks)
    }

    /// Readings that were left out since the counters began, for one took longer than the interval.
    pub fn late_ticks(&self) -> u64 {
        self.health.skipped_ticks.saturating_sub(self.before.late_ticks)
    }

    /// Time the counters span, in ns.
    pub fn span_ns(&self) -> u64 {
        self.now_ns.saturating_sub(self.since_ns)
    }

    /// Drops the longest-dead processes beyond the bound, and all that hangs on them.
    fn forget_old(&mut self) {
        for key in self.processes.forget_beyond(self.bounds.dead) {
            self.syscalls.forget(key);
            let mut named_stacks = self.offcpu.forget(key, self.now_ns);
            named_stacks.extend(self.profile.forget(key));
            self.stacks.forget(&named_stacks);
        }
    }

    /// Notes which stacks the source has just used: those it will not tell again soon. What waits is
    /// used all the time, and asked for when it matters.
    fn note_used_stacks(&mut self, batch: &Batch) {
        let waits = batch.offcpu.iter().map(|delta| [delta.kernel_stack, delta.user_stack]);
        let samples = batch.profile.iter().map(|delta| [delta.kernel_stack, delta.user_stack]);
        for id in waits.chain(samples).flatten() {
            self.stacks.used(id);
        }
    }

    /// Drops stacks that nothing refers to, now and then.
    fn sweep_stacks(&mut self) {
        if !self.stacks.is_sweep_due() {
            return;
        }
        for id in self.offcpu.stacks_in_use() {
            self.stacks.used(id);
        }
        let mut referred = FxHashSet::default();
        self.offcpu.stacks(&mut referred);
        self.profile.stacks(&mut referred);
        self.stacks.sweep(&referred);
    }
}

#[cfg(test)]
pub(crate) mod properties;
#[cfg(test)]
mod tests;
