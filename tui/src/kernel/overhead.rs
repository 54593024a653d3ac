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

/// Measures syscope's own CPU time always, and the BPF programs for a short window now and then.
pub struct Meter {
    programs: Vec<OwnedFd>,
    last: Overhead,
    own: (u64, u64),
    window: Option<Window>,
    next_window_ns: u64,
}

struct Window {
    since_ns: u64,
    run_time_ns: u64,
    /// Statistics are on in the kernel as long as this is open.
    _statistics: OwnedFd,
}

impl Meter {
    /// Measures these programs.
    pub fn new(programs: Vec<OwnedFd>, now_ns: u64) -> Self {
        let own = (now_ns, procfs::self_cpu_ns());
        Self { programs, last: Overhead::default(), own, window: None, next_window_ns: 0 }
    }

    /// What is known as of `now_ns`; opens or closes a measuring window when it is time. `helper` is a
    /// process that works for syscope.
    pub fn read(&mut self, now_ns: u64, helper: Option<u32>) -> Overhead {
        let (since, spent) = self.own;
        if now_ns.saturating_sub(since) >= SELF_WINDOW_NS {
            let cpu = procfs::self_cpu_ns() + helper.and_then(procfs::cpu_ns).unwrap_or(0);
            self.last.self_cpu = cpu.saturating_sub(spent) as f64 / (now_ns - since) as f64;
            self.own = (now_ns, cpu);
        }
        match self.window.take() {
            Some(window) if now_ns - window.since_ns >= WINDOW_NS => {
                let ran = self.run_time_ns().saturating_sub(window.run_time_ns);
                let cpus = procfs::online_cpus().len() as f64;
                let share = ran as f64 / ((now_ns - window.since_ns) as f64 * cpus);
                // Load comes in bursts longer than a window: the one before counts too.
                self.last.bpf_share =
                    Some(self.last.bpf_share.map_or(share, |s| (s + share) / 2.0));
                self.next_window_ns = now_ns + PERIOD_NS;
            }
            Some(window) => self.window = Some(window),
            None if now_ns >= self.next_window_ns => self.open(now_ns),
            None => {}
        }
        self.last
    }

    fn open(&mut self, now_ns: u64) {
        match enable_stats(Stats::RunTime) {
            Ok(statistics) => {
                let run_time_ns = self.run_time_ns();
                self.window =
                    Some(Window { since_ns: now_ns, run_time_ns, _statistics: statistics });
            }
            Err(error) => {
                tracing::debug!(%error, "the BPF programs cannot be measured");
                self.next_window_ns = u64::MAX;
            }
        }
    }

    fn run_time_ns(&self) -> u64 {
        let counts = self.programs.iter().filter_map(|p| sys::program_counts(p.as_fd()).ok());
        counts.map(|counts| counts.run_time_ns).sum()
    }
}
