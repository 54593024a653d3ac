//! What a source says about itself: what was lost, and what watching costs.

use serde::Serialize;

/// The health counters as they stand. All counts are totals since the start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    /// One entry a probe, in the order of [`crate::probes::PROBES`].
    pub probes: Vec<ProbeHealth>,
    /// Ticks that were skipped because reading took longer than the interval.
    pub skipped_ticks: u64,
    /// What watching costs.
    pub overhead: Overhead,
    /// PIDs the kernel lets through; `None` when it lets every process through.
    pub pushed_down: Option<usize>,
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
    /// Events lost: ring full, map full, and runs of its programs that the kernel skipped.
    pub lost: u64,
    /// Stacks lost to collisions in the stack table (counted apart from `lost`: the wait or sample
    /// itself is kept, under a frame that says the stack was lost).
    pub collisions: u64,
    /// Stacks lost for another reason.
    pub stack_errors: u64,
    /// Frames without a function name among those symbolized.
    pub unresolved_frames: u64,
    /// Paths that could not be read (opens).
    pub unreadable: u64,
}

impl Health {
    /// Everything that happened and is not on screen: lost events and lost stacks, all probes.
    pub fn lost(&self) -> u64 {
        self.probes.iter().map(|p| p.lost + p.collisions + p.stack_errors).sum()
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
