//! File opens of every kind, each with the path that it really meant.

mod families;
mod truth;

use crate::{protocol, raw};
use families::Families;
use std::fs;
use std::path::Path;
use std::sync::Barrier;
use std::thread;
use truth::Truth;

/// Every so manieth open is made by a second thread with a working directory of its own.
const THREAD_SHARE: usize = 20;

/// Exactly `count` opens in and around the existing directory `base`.
pub fn run(base: &Path, count: usize) {
    let base = fs::canonicalize(base).expect("the directory exists");
    let families = Families::prepare(&base);
    let elsewhere = base.join("elsewhere");
    fs::create_dir(&elsewhere).and_then(|()| fs::write(elsewhere.join("own"), "")).expect("room");
    protocol::ready();
    let mut truth = Truth::default();
    let by_thread = count / THREAD_SHARE;
    let directories_differ = Barrier::new(2);
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            raw::own_directory();
            nix::unistd::chdir(&elsewhere).expect("it was made");
            directories_differ.wait();
            opens_elsewhere(&elsewhere, by_thread)
        });
        directories_differ.wait();
        for round in 0..count - by_thread {
            families.open(round, &mut truth);
        }
        truth.merge(thread.join().expect("it fails only loudly"));
    });
    protocol::done(&truth.json());
    protocol::stay();
}

fn opens_elsewhere(directory: &Path, count: usize) -> Truth {
    let mut truth = Truth::default();
    for _ in 0..count {
        let outcome = raw::openat(libc::AT_FDCWD, c"own", libc::O_RDONLY, 0);
        truth.record(&directory.join("own"), "O_RDONLY", outcome);
    }
    truth
}
