//! Sleeps of known number and length.

use crate::{protocol, raw};
use serde_json::json;
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

fn timed(count: u64, ms: u64, sleep: fn(Duration)) -> u64 {
    let start = Instant::now();
    for _ in 0..count {
        sleep(Duration::from_millis(ms));
    }
    start.elapsed().as_nanos() as u64
}
