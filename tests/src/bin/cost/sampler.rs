//! How long single runs of a BPF program take. The kernel tells the sum of all runs and how many they
//! were; read often enough, most readings find one more run than the reading before: then its time is
//! known. Where a reading finds several more, none of them is taken.

use super::bpf::{Counts, Program};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// Time between two readings: a tenth of the time between two samples of a CPU.
const EVERY: Duration = Duration::from_millis(1);

/// Times of single runs.
#[derive(Clone, Debug, Default)]
pub struct Times {
    /// In ns, of those that could be told from others.
    pub single_ns: Vec<u64>,
    /// All of them.
    pub all: Counts,
}

impl Times {
    fn take(&mut self, before: Counts, now: Counts) {
        let (runs, time) = (now.runs - before.runs, now.time_ns - before.time_ns);
        // The kernel counts a run and adds its time in two steps: a reading between them has no time.
        if runs == 1 && time > 0 {
            self.single_ns.push(time);
        }
        self.all.runs += runs;
        self.all.time_ns += time;
    }
}

/// Reads a program until `stop`.
pub fn times(program: &Program, stop: &AtomicBool) -> Times {
    let mut times = Times::default();
    let mut before = program.counts();
    while !stop.load(Ordering::Relaxed) {
        thread::sleep(EVERY);
        let now = program.counts();
        times.take(before, now);
        before = now;
    }
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_runs_that_can_be_told_from_others_are_taken() {
        let mut times = Times::default();
        let readings = [(0, 0), (1, 10), (1, 10), (3, 40), (4, 47), (5, 47)];
        let readings = readings.map(|(runs, time_ns)| Counts { runs, time_ns });
        readings.windows(2).for_each(|pair| times.take(pair[0], pair[1]));
        assert_eq!(times.single_ns, [10, 7]);
        assert_eq!(times.all, Counts { runs: 5, time_ns: 47 });
    }
}
