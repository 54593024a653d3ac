//! A process with many short-lived children.

use crate::protocol;
use serde_json::json;
use std::env::current_exe;
use std::process::{Command, Stdio};

/// `children` children, each of which calls `getppid` `calls` times and ends.
pub fn run(children: u64, calls: u64) {
    let program = current_exe().expect("a process has a program");
    protocol::ready();
    let mut pids = Vec::new();
    for _ in 0..children {
        let mut child = Command::new(&program)
            .args(["burst", &calls.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("the child starts");
        pids.push(child.id());
        child.wait().expect("the child ends");
    }
    protocol::done(&json!({ "children": pids, "calls": calls }));
    protocol::stay();
}
