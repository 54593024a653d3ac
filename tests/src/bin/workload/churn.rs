//! Processes that come and go at a steady rate, each with a known little to do.

use crate::{protocol, raw};
use serde_json::json;
use std::ffi::CString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Processes that may run at once.
const LANES: u64 = 2;

/// Runs `program` (a copy of this one) `children` times, so many a minute, as [`touch`].
pub fn run(program: &Path, children: u64, per_minute: u64, calls: u64, file: &Path) {
    protocol::ready();
    let next = AtomicU64::new(0);
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= children {
                        break;
                    }
                    let due = Duration::from_secs(60).mul_f64(number as f64 / per_minute as f64);
                    thread::sleep(due.saturating_sub(start.elapsed()));
                    touch_in_a_child(program, calls, file);
                }
            });
        }
    });
    let elapsed_ms = start.elapsed().as_millis() as u64;
    protocol::done(&json!({ "children": children, "elapsed_ms": elapsed_ms }));
    protocol::stay();
}

fn touch_in_a_child(program: &Path, calls: u64, file: &Path) {
    let mut child = Command::new(program);
    child.args(["touch", &calls.to_string()]).arg(file);
    let status = child.stdin(Stdio::null()).stdout(Stdio::null()).status();
    assert!(status.expect("the child starts").success());
}

/// What each child does: `getppid`, `calls` times, and one open of a file that is there.
pub fn touch(calls: u64, file: PathBuf) {
    let file = CString::new(file.into_os_string().into_vec()).expect("it was an argument");
    for _ in 0..calls {
        raw::getppid();
    }
    let opened = raw::open(&file, libc::O_RDONLY);
    assert!(opened.is_ok(), "{opened:?}");
}
