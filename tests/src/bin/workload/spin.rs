//! CPU time of an exact amount.

use crate::{protocol, raw};
use nix::time::{ClockId, clock_gettime};
use serde_json::json;
use std::hint::black_box;
use std::time::Duration;

/// Burns `seconds` of CPU time.
pub fn run(seconds: u64) {
    raw::raise_priority();
    protocol::ready();
    let before = cpu_time(ClockId::CLOCK_PROCESS_CPUTIME_ID);
    burn(Duration::from_secs(seconds));
    let spent = cpu_time(ClockId::CLOCK_PROCESS_CPUTIME_ID) - before;
    protocol::done(&json!({ "cpu_ns": spent.as_nanos() as u64 }));
    protocol::stay();
}

/// Burns this much of the calling thread's CPU time.
pub fn burn(time: Duration) {
    let end = cpu_time(ClockId::CLOCK_THREAD_CPUTIME_ID) + time;
    while cpu_time(ClockId::CLOCK_THREAD_CPUTIME_ID) < end {
        turn();
    }
}

/// A few microseconds of work.
pub fn turn() {
    for i in 0..20_000u64 {
        black_box(i);
    }
}

/// What a CPU clock says.
pub fn cpu_time(clock: ClockId) -> Duration {
    clock_gettime(clock).expect("every kernel has CPU clocks").into()
}
