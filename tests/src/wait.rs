//! Waiting for what happens soon, but not at once.

use std::thread;
use std::time::{Duration, Instant};

/// Asks again and again until there is an answer, for `limit` at most.
pub fn poll<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() >= end {
            return None;
        }
        thread::sleep(Duration::from_millis(20));
    }
}
