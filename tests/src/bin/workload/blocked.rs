//! Threads that wait for something that does not come.

use crate::protocol;
use nix::time::{ClockId, clock_gettime};
use serde_json::json;
use std::io::{PipeReader, Read, pipe};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// One thread that was blocked before anybody watched, and one that blocks at the word to start.
pub fn run() {
    let (early, _early_writer) = pipe().expect("a pipe");
    let (late, _late_writer) = pipe().expect("a pipe");
    let (start, started) = mpsc::channel();
    thread::spawn(move || wait_for(early));
    thread::spawn(move || {
        started.recv().expect("the main thread lives");
        wait_for(late);
    });
    // The early one is surely blocked by the time the test hears of this process.
    thread::sleep(Duration::from_millis(100));
    protocol::ready();
    start.send(()).expect("the thread lives");
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("every kernel has it");
    protocol::done(&json!({ "since_ns": Duration::from(now).as_nanos() as u64 }));
    protocol::stay();
}

fn wait_for(mut pipe: PipeReader) {
    let _ = pipe.read(&mut [0]);
}
