//! Threads whose kernel stacks lie beside those of other processes.

use crate::{protocol, raw};
use nix::unistd::gettid;
use serde_json::json;
use std::process::{Child, Command, Stdio};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

/// `count` threads that call and call, between which as many others have ended; then as many processes run a program
/// each, of which some have the stacks of those. While they live, each thread makes one call that fails.
pub fn run(count: usize) {
    protocol::ready();
    let (born, ran) = (Barrier::new(2 * count + 1), AtomicBool::new(false));
    let stays = || {
        born.wait();
        while !ran.load(Relaxed) {
            raw::nanosleep(Duration::from_micros(50));
        }
        assert_eq!(raw::close(-1), Err(libc::EBADF));
        gettid().as_raw()
    };
    let mut programs: Vec<Child> = Vec::new();
    let tids: Vec<i32> = thread::scope(|scope| {
        let (mut staying, mut ending) = (Vec::new(), Vec::new());
        for _ in 0..count {
            staying.push(scope.spawn(stays));
            ending.push(scope.spawn(|| _ = born.wait()));
        }
        born.wait();
        ending.into_iter().for_each(|thread| thread.join().expect("it only waits"));
        programs.extend((0..count).map(|_| waits_for_input()));
        ran.store(true, Relaxed);
        staying.into_iter().map(|thread| thread.join().expect("the call fails")).collect()
    });
    for mut program in programs {
        drop(program.stdin.take());
        program.wait().expect("it is a child");
    }
    protocol::done(&json!({ "tids": tids }));
    protocol::stay();
}

fn waits_for_input() -> Child {
    Command::new("cat").stdin(Stdio::piped()).spawn().expect("it starts")
}
