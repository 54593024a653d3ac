//! Pairs of threads that wait for each other.

use crate::{protocol, starved};
use nix::sys::resource::{UsageWho, getrusage};
use serde_json::json;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::thread;
use std::time::Instant;

/// `rounds` times a byte to and fro between two threads on one CPU; of such pairs so many, each on a CPU of its
/// own as long as there are enough.
pub fn run(rounds: u64, pairs: usize) {
    protocol::ready();
    let (before, start) = (switches(), Instant::now());
    thread::scope(|scope| {
        (1..pairs).for_each(|pair| _ = scope.spawn(move || play(rounds, pair)));
        play(rounds, 0);
    });
    let elapsed_ns = start.elapsed().as_nanos() as u64;
    let waits = switches() - before;
    protocol::done(&json!({ "rounds": rounds, "waits": waits, "elapsed_ns": elapsed_ns }));
    protocol::stay();
}

fn play(rounds: u64, pair: usize) {
    starved::pin_to_cpu_before_last(pair);
    let (mut ping_in, mut ping_out) = pipe().expect("a pipe");
    let (mut pong_in, mut pong_out) = pipe().expect("a pipe");
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
