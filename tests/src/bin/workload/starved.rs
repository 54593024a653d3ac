//! A process that wants to run and is kept from it.

use crate::spin::{cpu_time, turn};
use crate::{protocol, spin};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::time::ClockId;
use nix::unistd::Pid;
use serde_json::json;
use std::env::current_exe;
use std::fs::read_to_string;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Wants to spin for `ms` milliseconds on a CPU on which another process spins too.
pub fn run(ms: u64) {
    pin_to_last_cpu();
    let mut rival = Command::new(current_exe().expect("a process has a program"))
        .arg("rival")
        .stdout(Stdio::null())
        .spawn()
        .expect("the rival starts");
    protocol::ready();
    let (delay, cpu, start) = (delay_ns(), thread_cpu_ns(), Instant::now());
    while start.elapsed() < Duration::from_millis(ms) {
        turn();
    }
    let wall_ns = start.elapsed().as_nanos() as u64;
    let (delay, cpu) = (delay_ns() - delay, thread_cpu_ns() - cpu);
    let _ = rival.kill();
    let _ = rival.wait();
    protocol::done(&json!({ "delay_ns": delay, "cpu_ns": cpu, "wall_ns": wall_ns }));
    protocol::stay();
}

/// The one that keeps it from running. Ends by itself should nobody end it.
pub fn rival() {
    pin_to_last_cpu();
    spin::burn(Duration::from_secs(20));
}

/// Keeps this thread, and what it starts, on one CPU.
pub fn pin_to_last_cpu() {
    pin_to_cpu_before_last(0);
}

/// The same, on the CPU so many before the last of those that it may run on; as often round as it takes.
pub fn pin_to_cpu_before_last(before: usize) {
    let me = Pid::from_raw(0);
    let allowed = sched_getaffinity(me).expect("own affinity is readable");
    let last_first = (0..CpuSet::count()).rev();
    let cpus: Vec<_> = last_first.filter(|&cpu| allowed.is_set(cpu).unwrap_or(false)).collect();
    let mut one = CpuSet::new();
    one.set(cpus[before % cpus.len()]).expect("it was in the set");
    sched_setaffinity(me, &one).expect("a subset is allowed");
}

/// How long the kernel says that this thread waited for a CPU.
fn delay_ns() -> u64 {
    let text = read_to_string("/proc/thread-self/schedstat").expect("CONFIG_SCHED_INFO");
    let field = text.split_ascii_whitespace().nth(1).expect("three fields");
    field.parse().expect("a number")
}

fn thread_cpu_ns() -> u64 {
    cpu_time(ClockId::CLOCK_THREAD_CPUTIME_ID).as_nanos() as u64
}
