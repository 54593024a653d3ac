//! Many threads that do nothing, and many processes that are gone at once.

use crate::protocol;
use serde_json::json;
use std::process::{Command, Stdio};
use std::thread;

/// `threads` threads that sleep until the end.
pub fn idle(threads: u64) {
    for _ in 0..threads {
        let thread = thread::Builder::new().stack_size(64 * 1024);
        thread.spawn(thread::park).expect("room for a thread");
    }
    protocol::ready();
    protocol::done(&json!({ "threads": threads }));
    protocol::stay();
}

/// `lanes` rows of processes, each of which sleeps for so many `seconds` and ends, until standard
/// input closes.
pub fn storm(lanes: u64, seconds: &str) {
    protocol::ready();
    for _ in 0..lanes {
        let seconds = seconds.to_owned();
        thread::spawn(move || {
            loop {
                let sleep = Command::new("sleep").arg(&seconds).stdin(Stdio::null()).status();
                assert!(sleep.expect("it is there").success());
            }
        });
    }
    protocol::done(&json!({ "lanes": lanes }));
    protocol::stay();
}
