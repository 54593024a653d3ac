//! A known number of opens in a known order, as fast as can be or at a known rate.

use crate::{protocol, raw};
use serde_json::json;
use std::ffi::CString;
use std::ops::Range;
use std::thread;
use std::time::{Duration, Instant};

/// Opens `BASE0`, `BASE1`, and so on, `count` of them; none of them exists. `per_second` of them a
/// second; 0: as fast as can be. With several threads each opens a part of them, and the order is not known.
pub fn run(base: &str, count: u64, per_second: u64, threads: u64) {
    protocol::ready();
    let start = Instant::now();
    thread::scope(|scope| {
        let part = |part| count * part / threads..count * (part + 1) / threads;
        for thread in 1..threads {
            scope.spawn(move || open_each(base, part(thread), per_second, start));
        }
        open_each(base, part(0), per_second, start);
    });
    let elapsed_ns = start.elapsed().as_nanos() as u64;
    protocol::done(&json!({ "opens": count, "elapsed_ns": elapsed_ns }));
    protocol::stay();
}

fn open_each(base: &str, numbers: Range<u64>, per_second: u64, start: Instant) {
    for number in numbers {
        if per_second > 0 && number % 64 == 0 {
            let due = start + Duration::from_nanos(number * 1_000_000_000 / per_second);
            while Instant::now() < due {
                std::hint::spin_loop();
            }
        }
        let path = CString::new(format!("{base}{number}")).expect("no NUL");
        assert_eq!(raw::openat(libc::AT_FDCWD, &path, libc::O_RDONLY, 0), Err(libc::ENOENT));
    }
}
