//! Sleeps of known number and length.

use crate::{protocol, raw};
use serde_json::json;
use std::thread;
use std::time::{Duration, Instant};

/// `count` sleeps of `ms` milliseconds, one after the other.
pub fn run(count: u64, ms: u64) {
    protocol::ready();
    let elapsed_ns = timed(count, ms, raw::clock_nanosleep);
    protocol::done(&json!({ "sleeps": count, "elapsed_ns": elapsed_ns }));
    protocol::stay();
}

/// `count` sleeps through each of the two calls that sleep.
pub fn both_calls(count: u64, ms: u64) {
    protocol::ready();
    let nanosleep = timed(count, ms, raw::nanosleep);
    let clock_nanosleep = timed(count, ms, raw::clock_nanosleep);
    protocol::done(&json!({
        "nanosleep": { "calls": count, "elapsed_ns": nanosleep },
        "clock_nanosleep": { "calls": count, "elapsed_ns": clock_nanosleep },
    }));
    protocol::stay();
}

/// `count` threads that sleep `ms` milliseconds in `nanosleep`, born by turns with as many that end meanwhile: of
/// many, some have their kernel stacks side by side.
pub fn among_ends(count: usize, ms: u64) {
    protocol::ready();
    let (long, short) = (Duration::from_millis(ms), Duration::from_millis(ms / 3));
    thread::scope(|scope| {
        for _ in 0..count {
            scope.spawn(move || raw::nanosleep(long));
            scope.spawn(move || raw::clock_nanosleep(short));
        }
    });
    protocol::done(&json!({ "nanosleep": count, "clock_nanosleep": count }));
    protocol::stay();
}

fn timed(count: u64, ms: u64, sleep: fn(Duration)) -> u64 {
    let start = Instant::now();
    for _ in 0..count {
        sleep(Duration::from_millis(ms));
    }
    start.elapsed().as_nanos() as u64
}
