//! What watching costs, measured.

use super::sys;
use crate::source::{Overhead, procfs};
use aya::sys::{Stats, enable_stats};
use std::os::fd::{AsFd, OwnedFd};

/// How often the BPF programs are measured, in ns. Measuring costs two clock readings a run.
const PERIOD_NS: u64 = 4_000_000_000;
/// How long a measurement lasts at least, in ns.
const WINDOW_NS: u64 = 400_000_000;
/// syscope's own share is taken over windows of at least this length, in ns.
const SELF_WINDOW_NS: u64 = 900_000_000;

/// Measures syscope's own CPU time always, and the BPF programs for a short window now and then, or without a
/// pause while somebody looks.
pub struct Meter {
    /// By probe, in the order of [`crate::probes::PROBES`].
    programs: Vec<Vec<OwnedFd>>,
    last: Overhead,
    probes: Vec<Option<f32>>,
    own: (u64, u64),
    window: Option<Window>,
    next_window_ns: u64,
    /// Windows follow each other without a pause.
    pub closely: bool,
}

struct Window {
    since_ns: u64,
    run_times_ns: Vec<u64>,
    /// Statistics are on in the kernel as long as this is open.
    statistics: OwnedFd,
}

/// What a window found.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// All that is known so far.
    pub overhead: Overhead,
    /// CPU time of the programs of each probe, as a share of one CPU; `None` before the first window.
    pub probes: Vec<Option<f32>>,
    /// The share of the machine's CPU time that all programs took, when a window ended just now.
    pub window: Option<f64>,
}

impl Meter {
    /// Measures these programs, each once: a program that probes share is the first one's.
    pub fn new(programs: Vec<Vec<OwnedFd>>, now_ns: u64) -> Self {
        let probes = vec![None; programs.len()];
        Self {
            programs,
            last: Overhead::default(),
            probes,
            own: (now_ns, procfs::self_cpu_ns()),
            window: None,
            next_window_ns: 0,
            closely: false,
        }
    }

    /// What is known as of `now_ns`; opens or closes a measuring window when it is time. `helper` is a
    /// process that works for syscope.
    pub fn read(&mut self, now_ns: u64, helper: Option<u32>) -> Measured {
        let (since, spent) = self.own;
        if now_ns.saturating_sub(since) >= SELF_WINDOW_NS {
            let cpu = procfs::self_cpu_ns() + helper.and_then(procfs::cpu_ns).unwrap_or(0);
            self.last.self_cpu = cpu.saturating_sub(spent) as f64 / (now_ns - since) as f64;
            self.own = (now_ns, cpu);
        }
        let window = match self.window.take() {
            Some(window) if now_ns - window.since_ns >= WINDOW_NS => {
                Some(self.close(window, now_ns))
            }
            Some(window) => {
                self.window = Some(window);
                None
            }
            None => {
                if self.closely || now_ns >= self.next_window_ns {
                    self.open(now_ns);
                }
                None
            }
        };
        Measured { overhead: self.last, probes: self.probes.clone(), window }
    }

    fn open(&mut self, now_ns: u64) {
        match enable_stats(Stats::RunTime) {
            Ok(statistics) => {
                let run_times_ns = self.run_times_ns();
                self.window = Some(Window { since_ns: now_ns, run_times_ns, statistics });
            }
            Err(error) => {
                tracing::debug!(%error, "the BPF programs cannot be measured");
                (self.closely, self.next_window_ns) = (false, u64::MAX);
            }
        }
    }

    /// The share of the machine's CPU time that all programs took in the window.
    fn close(&mut self, window: Window, now_ns: u64) -> f64 {
        let lasted = (now_ns - window.since_ns) as f64;
        let now = self.run_times_ns();
        let ran = now.iter().zip(&window.run_times_ns).map(|(now, then)| now.saturating_sub(*then));
        let shares: Vec<_> = ran.map(|ran| ran as f64 / lasted).collect();
        let measured = self.programs.iter().zip(&shares);
        self.probes =
            measured.map(|(own, share)| (!own.is_empty()).then_some(*share as f32)).collect();
        let share = shares.iter().sum::<f64>() / procfs::online_cpus().len() as f64;
        // Load comes in bursts longer than a window: the one before counts too.
        self.last.bpf_share = Some(self.last.bpf_share.map_or(share, |s| (s + share) / 2.0));
        self.next_window_ns = now_ns + PERIOD_NS;
        if self.closely {
            let Window { statistics, .. } = window;
            self.window = Some(Window { since_ns: now_ns, run_times_ns: now, statistics });
        }
        share
    }

    /// Time that the programs of each probe have run, as far as it was measured.
    fn run_times_ns(&self) -> Vec<u64> {
        let run_time = |program: &OwnedFd| {
            sys::program_counts(program.as_fd()).map_or(0, |counts| counts.run_time_ns)
        };
        self.programs.iter().map(|programs| programs.iter().map(run_time).sum()).collect()
    }
}
