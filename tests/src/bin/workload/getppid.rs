//! Many threads that make one cheap call, counted.

use crate::{protocol, raw};
use serde_json::json;
use std::thread;

/// `threads` threads, each `calls` times `getppid`.
pub fn run(threads: u64, calls: u64) {
    protocol::ready();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| burst(calls));
        }
    });
    protocol::done(&json!({ "calls": threads * calls }));
    protocol::stay();
}

/// `getppid`, `calls` times, and no dialogue: for children that live only as long as that takes.
pub fn burst(calls: u64) {
    for _ in 0..calls {
        raw::getppid();
    }
}
