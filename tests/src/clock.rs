//! CPU time of processes.

#![allow(unsafe_code, reason = "the C library is asked here")]

use crate::process::children;
use nix::time::clock_getcpuclockid;
use nix::unistd::Pid;
use std::fs;
use std::process::Child;
use std::time::Duration;

/// CPU time that a living process has spent, in all of its threads, those that ended too, and in its
/// children that ended: its own to the ns, theirs in ticks of 10 ms.
pub fn spent_by(pid: u32) -> Duration {
    spent_itself(pid).unwrap_or_default() + spent_by_ended_children(pid)
}

/// `proc_pid_stat(5)` has this in ticks, user and system time each cut off to one: of a process that
/// spends 5 ms a second, a measurement of 10 s would go by steps of a fifth.
fn spent_itself(pid: u32) -> nix::Result<Duration> {
    Ok(clock_getcpuclockid(Pid::from_raw(pid as i32))?.now()?.into())
}

fn spent_by_ended_children(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    // Behind the name: cutime and cstime are fields 16 and 17 of all.
    let ticks = fields.split_ascii_whitespace().skip(13).take(2);
    let ticks: u64 = ticks.filter_map(|field| field.parse::<u64>().ok()).sum();
    // SAFETY: the call has no preconditions.
    let hz = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    Duration::from_secs_f64(ticks as f64 / hz as f64)
}

/// A process, and its children that live.
pub fn family(pid: u32) -> Vec<u32> {
    [pid].into_iter().chain(children(pid)).collect()
}

/// CPU time that the members of a family have spent.
pub fn spent_by_all(family: &[u32]) -> Duration {
    family.iter().map(|pid| spent_by(*pid)).sum()
}

/// Waits for the end of a process: its CPU time, and that of its children that it waited for.
pub fn waited(child: &Child) -> Duration {
    waited_for(child.id()).expect("a child can be waited for")
}

/// Has the children of processes that end become children of this one, which can wait for them then.
pub fn adopt_orphans() {
    nix::sys::prctl::set_child_subreaper(true).expect("every process may");
}

/// Waits for the end of a process: its CPU time, unless somebody else has waited for it.
pub fn waited_for(pid: u32) -> Option<Duration> {
    let mut status = 0;
    // SAFETY: a C struct of integers, for which all zeros is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to live values.
    let done = unsafe { libc::wait4(pid as i32, &raw mut status, 0, &raw mut usage) };
    let time = |time: libc::timeval| {
        Duration::from_secs(time.tv_sec as u64) + Duration::from_micros(time.tv_usec as u64)
    };
    (done > 0).then(|| time(usage.ru_utime) + time(usage.ru_stime))
}

/// CPU time that the machine spent working and idling, in ticks.
pub fn machine() -> (u64, u64) {
    let stat = fs::read_to_string("/proc/stat").expect("proc is mounted");
    let fields = stat.lines().next().unwrap_or_default().split_ascii_whitespace().skip(1);
    let ticks: Vec<u64> = fields.map(|field| field.parse().unwrap_or(0)).collect();
    let idle = ticks[3] + ticks[4];
    (ticks[..8].iter().sum::<u64>() - idle, idle)
}
