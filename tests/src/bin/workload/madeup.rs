//! System calls that no kernel has.

use crate::{protocol, raw};
use serde_json::json;
use std::thread;

/// Calls each number from `first` on, `count` numbers, so many times over; so does each of the threads.
pub fn run(first: i64, count: i64, rounds: i64, threads: i64) {
    protocol::ready();
    let call_each = || {
        for number in (0..rounds).flat_map(|_| first..first + count) {
            assert_eq!(raw::nonexistent(number), Err(libc::ENOSYS), "{number}");
        }
    };
    thread::scope(|scope| {
        (1..threads).for_each(|_| _ = scope.spawn(call_each));
        call_each();
    });
    protocol::done(&json!({ "calls": count * rounds * threads }));
    protocol::stay();
}
