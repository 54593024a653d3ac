//! What a source says about itself: what was lost, and what watching costs.

use crate::probes::PROBES;
use crate::text;
use serde::Serialize;
use syscope_shared::health::ProbeId;

/// The probe whose events are left out one by one.
const OPENS: &str = PROBES[ProbeId::Opens as usize].name;

/// The health counters as they stand. All counts are totals since the start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    /// One entry a probe, in the order of [`crate::probes::PROBES`].
    pub probes: Vec<ProbeHealth>,
    /// Readings of the kernel's maps that failed; what they would have read comes with a later one.
    pub read_errors: u64,
    /// Stacks that were not symbolized, for there were too many at once.
    pub unsymbolized_stacks: u64,
    /// Events that were read and had to be thrown away, for nobody took them.
    pub overrun: u64,
    /// Ticks that were skipped because reading took longer than the interval.
    pub skipped_ticks: u64,
    /// What watching costs.
    pub overhead: Overhead,
    /// PIDs the kernel lets through; `None` when it lets every process through.
    pub pushed_down: Option<usize>,
    /// The filter that the source applied (what it does not accept may be missing); empty: none.
    pub filter: String,
    /// What stacks are unwound with.
    pub unwind: Unwind,
}

/// The tables that stacks are unwound with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Unwind {
    /// Tables in memory: one a file.
    pub tables: u64,
    /// Bytes that they take.
    pub bytes: u64,
    /// Times that there was no room for a table, or for all code of a process: stacks are walked by
    /// frame pointers there.
    pub no_room: u64,
    /// Files with code that could not be opened: they have no table.
    pub unopened: u64,
    /// Files with a Python of which nothing is known: only its native frames are shown.
    pub unknown_pythons: u64,
}

/// Whether a probe runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state", content = "reason")]
pub enum ProbeStatus {
    /// It runs.
    #[default]
    On,
    /// It cannot run here; the text says why, and what mends it.
    Off(String),
}

/// Health of one probe.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProbeHealth {
    /// Stem of the probe: `syscalls`, `opens`, `offcpu`, `profile`, `lifecycle`.
    pub name: &'static str,
    /// Whether it runs.
    pub status: ProbeStatus,
    /// Events that passed the filter and that the probe handled.
    pub events: u64,
    /// Events lost because the ring buffer was full.
    pub ring_full: u64,
    /// Events lost because a map was full.
    pub map_full: u64,
    /// Runs of its programs that the kernel skipped, for the same program was running on that CPU
    /// already (`recursion_misses` of `bpf_prog_info`). Kernels that preempt a program in a system
    /// call tracepoint do so under contention. Each run is one event, at its entry or its exit.
    pub skipped_runs: u64,
    /// Events that the filter left out in the kernel.
    pub filtered: u64,
    /// Events left out to keep to the budget: opens that were not sent, and waits whose stacks were not taken.
    pub spared: u64,
    /// How much is left out now. Off-CPU: no stacks are taken of waits of a thread whose last one was shorter than
    /// this, in ns. Opens: one of so many is sent. 0: nothing is left out.
    pub sparing: u64,
    /// Time in its programs as a share of one CPU, over the last window in which they were measured; `None`
    /// before the first. A program that several probes share counts for the first of them.
    pub cpu: Option<f32>,
    /// How full the fullest of its maps and rings was when it was read last, from 0.0 to 1.0.
    pub fill: f32,
    /// Stacks lost (counted apart from events: the wait or sample itself is kept, under a frame that says
    /// the stack was lost).
    pub stack_errors: u64,
    /// Frames without a function name among those symbolized.
    pub unresolved_frames: u64,
    /// Paths that could not be read (opens).
    pub unreadable: u64,
    /// Waits whose end the kernel did not report, but whose wakeup it did (off-CPU): the time
    /// blocked is right, the time that the thread then waited for a CPU is missing.
    pub unseen_ends: u64,
    /// Waits of which the kernel reported neither wakeup nor end (off-CPU): they end when their thread
    /// is next seen on a CPU, which the profile sees within one of its periods.
    pub unseen_waits: u64,
}

impl ProbeHealth {
    /// Events lost, for whatever reason. Stacks apart: see [`ProbeHealth::stack_errors`].
    pub fn lost(&self) -> u64 {
        self.ring_full.saturating_add(self.map_full).saturating_add(self.skipped_runs)
    }

    /// Events that came all the way.
    pub fn delivered(&self) -> u64 {
        self.events.saturating_sub(self.lost())
    }

    /// Events that happened, as far as the probe saw: with those that the filter, or the budget, left out.
    pub fn seen(&self) -> u64 {
        // A wait without stacks is an event all the same.
        let left_out = if self.name == OPENS { self.spared } else { 0 };
        self.events.saturating_add(self.filtered).saturating_add(left_out)
    }

    /// What is left out now to keep to the budget, in words.
    pub fn sparing(&self) -> Option<String> {
        match (self.sparing, self.name) {
            (0, _) => None,
            (one_in, OPENS) => Some(format!("1 open in {}", text::count(one_in))),
            (from_ns, _) => Some(format!("no stacks after waits < {}", text::duration(from_ns))),
        }
    }

    /// What was lost and what is not known, with the reason: count and text, the most telling first.
    pub fn shortfalls(&self) -> [(u64, &'static str); 9] {
        let spared = match self.name {
            OPENS => "opens left out, to keep to the budget (--budget)",
            _ => "waits without stacks, to keep to the budget (--budget)",
        };
        [
            (self.ring_full, "events lost: the ring buffer was full"),
            (self.map_full, "events lost: a map was full"),
            (self.skipped_runs, "events lost: the kernel skipped the program, which was busy"),
            (
                self.unseen_waits,
                "waits that end when their thread is next seen: the kernel did not report it",
            ),
            (self.unseen_ends, "waits without run-queue time: the kernel reported the wakeup only"),
            (self.spared, spared),
            (
                self.stack_errors,
                "stacks lost: the kernel could not take them, or their ring was full",
            ),
            (self.unreadable, "paths that could not be read from the process's memory"),
            (self.unresolved_frames, "frames without a function name, shown as module+offset"),
        ]
    }
}

impl Health {
    /// Everything that happened and is not on screen: lost events and lost stacks, all probes.
    pub fn lost(&self) -> u64 {
        self.lost_events().saturating_add(self.lost_stacks())
    }

    /// Events that happened and are not on screen, all probes.
    pub fn lost_events(&self) -> u64 {
        self.probes.iter().map(ProbeHealth::lost).fold(self.overrun, u64::saturating_add)
    }

    /// Stacks of events that are on screen, but without them, all probes.
    pub fn lost_stacks(&self) -> u64 {
        self.probes.iter().map(|p| p.stack_errors).fold(0, u64::saturating_add)
    }

    /// What went wrong in reading, whatever the probe: count and text.
    pub fn shortfalls(&self) -> [(u64, &'static str); 7] {
        [
            (self.overrun, "file opens thrown away: nobody took them in time"),
            (self.read_errors, "readings of the kernel's maps that failed"),
            (self.unsymbolized_stacks, "stacks without names: too many at once"),
            (self.unwind.no_room, "times without room for an unwind table: stacks may be cut"),
            (self.unwind.unopened, "files that could not be opened: stacks may be cut"),
            (self.unwind.unknown_pythons, "versions of Python that are not known: no names"),
            (self.skipped_ticks, "readings left out because one took longer than the interval"),
        ]
    }

    /// The probe with this stem.
    pub fn probe(&self, name: &str) -> Option<&ProbeHealth> {
        self.probes.iter().find(|p| p.name == name)
    }
}

/// What watching costs, each as a share from 0.0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Overhead {
    /// syscope's own CPU time, as a share of one CPU, over the last second or so.
    pub self_cpu: f64,
    /// Time in syscope's BPF programs as a share of the whole machine, over the last short window
    /// in which it was measured; `None` before the first.
    pub bpf_share: Option<f64>,
}
