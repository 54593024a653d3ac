//! Two threads that wait for each other.

use crate::{protocol, starved};
use nix::sys::resource::{UsageWho, getrusage};
use serde_json::json;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::thread;

/// `rounds` times a byte to and fro between two threads on one CPU.
pub fn run(rounds: u64) {
    starved::pin_to_last_cpu();
    let (mut ping_in, mut ping_out) = pipe().expect("a pipe");
    let (mut pong_in, mut pong_out) = pipe().expect("a pipe");
    protocol::ready();
    let before = switches();
    thread::scope(|scope| {
        scope.spawn(move || {
            for _ in 0..rounds {
                take(&mut ping_in);
                give(&mut pong_out);
            }
        });
        for _ in 0..rounds {
            give(&mut ping_out);
            take(&mut pong_in);
        }
    });
    let after = switches();
    protocol::done(&json!({ "rounds": rounds, "waits": after - before }));
    protocol::stay();
}

#[inline(never)]
fn take(from: &mut PipeReader) {
    from.read_exact(&mut [0]).expect("the other side lives");
}

fn give(to: &mut PipeWriter) {
    to.write_all(&[1]).expect("the other side lives");
}

/// How often the kernel says that threads of this process went to sleep.
fn switches() -> i64 {
    getrusage(UsageWho::RUSAGE_SELF).expect("own usage is readable").voluntary_context_switches()
}
