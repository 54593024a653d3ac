//! A process that replaces its program again and again, from another thread every time.

use crate::protocol;
use serde_json::json;
use std::env::current_exe;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;

/// `times` execs, the first after the word to start.
pub fn run(times: u64) {
    protocol::ready();
    again(times, times);
}

/// Goes on: `left` of `times` execs are still to come.
pub fn again(left: u64, times: u64) {
    if left == 0 {
        protocol::done(&json!({ "execve": times }));
        return protocol::stay();
    }
    let thread = thread::spawn(move || {
        let program = current_exe().expect("a process has a program");
        let args = ["reexec-again".to_owned(), (left - 1).to_string(), times.to_string()];
        Command::new(program).args(args).exec()
    });
    // It comes back only when exec fails.
    panic!("{}", thread.join().expect("it does not panic"));
}
