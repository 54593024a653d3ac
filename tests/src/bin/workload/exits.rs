//! Calls that never return.

use crate::protocol;
use serde_json::json;
use std::io::{Read, pipe};
use std::process::exit;
use std::thread;
use std::time::Duration;

/// Lets `threads` threads end, then itself while a thread is still blocked in a read.
pub fn run(threads: u64) {
    let (mut never, _writer) = pipe().expect("a pipe");
    protocol::ready();
    for _ in 0..threads {
        thread::spawn(|| ()).join().expect("it does nothing that fails");
    }
    thread::spawn(move || never.read(&mut [0]));
    thread::sleep(Duration::from_millis(50));
    protocol::done(&json!({ "exit": threads, "exit_group": 1, "read": 1 }));
    exit(0);
}
