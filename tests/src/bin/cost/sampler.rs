//! How long single runs of a BPF program take. The kernel tells the sum of all runs and how many they
//! were; read often enough, most readings find one more run than the reading before: then its time is
//! known. Where a reading finds several more, none of them is taken.

#![allow(unsafe_code, reason = "the C library is asked here")]

use std::thread;
use std::time::{Duration, Instant};
use syscope_tests::bpf::{Counts, Program};

/// Time between two readings. The clocks of the CPUs are started one after the other: their samples come
/// at some distance from each other that stays the same.
const EVERY: Duration = Duration::from_micros(150);
/// Any priority at which a thread goes before all that have none.
const PRIORITY: i32 = 1;

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

/// Reads a program for so long. It keeps a tenth of a CPU busy: nothing else is to be measured meanwhile.
pub fn times(program: &Program, duration: Duration) -> Times {
    go_first();
    let mut times = Times::default();
    let (began, mut before) = (Instant::now(), program.counts());
    while began.elapsed() < duration {
        thread::sleep(EVERY);
        let now = program.counts();
        times.take(before, now);
        before = now;
    }
    times
}

/// Has this thread wait for no other, and wake up when it wants to.
fn go_first() {
    let param = libc::sched_param { sched_priority: PRIORITY };
    // SAFETY: both calls are about the thread that calls, and read what is handed over before they return.
    unsafe {
        libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const param);
        libc::prctl(libc::PR_SET_TIMERSLACK, 1);
    }
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
