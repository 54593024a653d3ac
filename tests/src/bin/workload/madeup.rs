//! System calls that no kernel has.

use crate::{protocol, raw};
use serde_json::json;

/// Calls each number from `first` on once, `count` numbers.
pub fn run(first: i64, count: i64) {
    protocol::ready();
    for number in first..first + count {
        assert_eq!(raw::nonexistent(number), Err(libc::ENOSYS), "{number}");
    }
    protocol::done(&json!({ "calls": count }));
    protocol::stay();
}
