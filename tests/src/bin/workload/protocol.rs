//! The dialogue with the test that runs a workload.

use serde_json::Value;
use std::io::{Read, Write, stdin, stdout};
use std::process::{exit, id};

/// Says that everything is prepared and waits for the word to start.
pub fn ready() {
    say(&format!("ready {}", id()));
    let mut line = String::new();
    if stdin().read_line(&mut line).unwrap_or(0) == 0 {
        exit(0);
    }
}

/// Tells the truth about what was done.
pub fn done(truth: &Value) {
    say(&format!("done {truth}"));
}

/// Stays alive until the test has seen enough.
pub fn stay() {
    let _ = stdin().read_to_end(&mut Vec::new());
}

fn say(line: &str) {
    let mut out = stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).expect("the test reads this");
}
