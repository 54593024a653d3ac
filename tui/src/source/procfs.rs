//! What `/proc` and the clocks say: the processes that ran before watching began, and the machine.
//!
//! Processes and threads that vanish while they are read are left out: that is normal.

mod stack;

#[cfg(any(test, fuzzing))]
pub(crate) use stack::frames as stack_frames;
pub use stack::kernel_stack;

use super::ProcessSeen;
use crate::model::Watched;
use crate::text;
use nix::sys::utsname::uname;
use nix::time::{ClockId, clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;
use procfs::process::{Process, Stat, StatFlags, all_processes};
use procfs::{Current, LoadAverage};
use std::io::{self, Read};

/// Bytes of a command line that are kept.
const CMDLINE_MAX: usize = 4096;
/// More CPUs than Linux can have.
const CPUS_MAX: u32 = 1 << 16;

/// A thread and its state, as `/proc` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadAsleep {
    /// PID.
    pub pid: u32,
    /// TID.
    pub tid: u32,
    /// State letter as in `ps`: `R` runs or is ready to run, the others do not run.
    pub state: char,
    /// It is the kernel's own: it has no user stack.
    pub is_kernel: bool,
}

/// What is watched, for a watch that began at `start_ns` (`CLOCK_MONOTONIC`, in ns).
pub fn watched(start_ns: u64, frequency_hz: u64) -> io::Result<Watched> {
    Ok(Watched {
        host: text::from_bytes(nix::unistd::gethostname()?.as_encoded_bytes()),
        arch: std::env::consts::ARCH.to_owned(),
        kernel: text::from_bytes(uname()?.release().as_encoded_bytes()),
        cpus: online_cpus().len(),
        realtime_offset_ns: ahead_of_monotonic_ns(ClockId::CLOCK_REALTIME)?,
        boottime_offset_ns: suspended_ns()?,
        start_ns,
        frequency_hz,
    })
}

/// `CLOCK_MONOTONIC`, in ns: the clock of all times in batches.
pub fn monotonic_ns() -> u64 {
    // Only an unknown clock makes the call fail.
    clock_ns(ClockId::CLOCK_MONOTONIC).unwrap_or(0)
}

/// CPU time that syscope itself took so far, all threads, in ns.
pub fn self_cpu_ns() -> u64 {
    clock_ns(ClockId::CLOCK_PROCESS_CPUTIME_ID).unwrap_or(0)
}

/// CPU time that another process took so far, all threads, in ns; `None` when there is none.
pub fn cpu_ns(pid: u32) -> Option<u64> {
    let pid = Pid::from_raw(i32::try_from(pid).ok()?);
    clock_ns(clock_getcpuclockid(pid).ok()?).ok()
}

/// Every process.
pub fn scan() -> Vec<ProcessSeen> {
    let suspended = suspended_ns().unwrap_or(0);
    let Ok(processes) = all_processes() else { return Vec::new() };
    processes.flatten().filter_map(|process| seen(&process, suspended)).collect()
}

/// One process; `None` when there is none with this PID. The TID of another thread is no PID.
pub fn process(pid: u32) -> Option<ProcessSeen> {
    let process = Process::new(i32::try_from(pid).ok()?).ok()?;
    seen(&process, suspended_ns().unwrap_or(0))
}

/// Whether there is a process with this PID. The TID of another thread is no PID.
pub fn exists(pid: u32) -> bool {
    i32::try_from(pid)
        .ok()
        .and_then(|pid| Process::new(pid).ok()?.stat().ok())
        .is_some_and(|stat| leads_its_process(&stat))
}

/// The threads of a process, with their states.
pub fn threads_of(pid: u32) -> Vec<ThreadAsleep> {
    let process = i32::try_from(pid).ok().and_then(|pid| Process::new(pid).ok());
    let tasks = process.and_then(|process| process.tasks().ok()).into_iter().flatten().flatten();
    tasks
        .filter_map(|task| {
            let stat = task.stat().ok()?;
            let is_kernel = stat.flags & StatFlags::PF_KTHREAD.bits() != 0;
            let tid = u32::try_from(task.tid).ok()?;
            Some(ThreadAsleep { pid, tid, state: stat.state, is_kernel })
        })
        .collect()
}

/// The state letter of a thread; `None` when it has ended.
pub fn thread_state(pid: u32, tid: u32) -> Option<char> {
    let process = Process::new(i32::try_from(pid).ok()?).ok()?;
    let task = process.task_from_tid(i32::try_from(tid).ok()?).ok()?;
    Some(task.stat().ok()?.state)
}

/// Threads of the machine, those of the kernel too.
pub fn thread_count() -> usize {
    LoadAverage::current().map_or(0, |load| load.max as usize)
}

/// Numbers of the CPUs that are online.
pub fn online_cpus() -> Vec<u32> {
    std::fs::read_to_string("/sys/devices/system/cpu/online")
        .ok()
        .and_then(|list| cpu_list(&list))
        .unwrap_or_else(|| {
            let count = std::thread::available_parallelism().map_or(1, usize::from);
            (0..count as u32).collect()
        })
}

/// The command line of which `bytes` are the NUL-separated arguments, joined by spaces; `cut` says
/// that there was more of it.
pub fn cmdline_text(bytes: &[u8], cut: bool) -> String {
    let mut end = bytes.len();
    if cut {
        end = whole_characters(bytes);
    } else {
        while end > 0 && bytes[end - 1] == 0 {
            end -= 1;
        }
    }
    let joined: Vec<u8> =
        bytes[..end].iter().map(|&byte| if byte == 0 { b' ' } else { byte }).collect();
    let mut line = text::from_bytes(&joined);
    if cut {
        line.push('…');
    }
    line
}

fn seen(process: &Process, suspended_ns: u64) -> Option<ProcessSeen> {
    let stat = process.stat().ok()?;
    if !leads_its_process(&stat) {
        return None;
    }
    Some(ProcessSeen {
        pid: u32::try_from(stat.pid).ok()?,
        parent: u32::try_from(stat.ppid).ok()?,
        start_ns: start_ns(stat.starttime, procfs::ticks_per_second(), suspended_ns),
        cmdline: cmdline(process).unwrap_or_default(),
        comm: comm(process, stat),
        ancestors: Vec::new(),
    })
}

/// `/proc/TID` can be opened for every thread; only the first of a process has an exit signal.
fn leads_its_process(stat: &Stat) -> bool {
    stat.exit_signal != Some(-1)
}

/// `/proc` counts in ticks of the clock that goes on while the machine is suspended. For a process
/// older than a suspend the result is too early by the time suspended since its start.
fn start_ns(ticks: u64, ticks_per_second: u64, suspended_ns: u64) -> u64 {
    let since_boot = u128::from(ticks) * 1_000_000_000 / u128::from(ticks_per_second.max(1));
    u64::try_from(since_boot).unwrap_or(u64::MAX).saturating_sub(suspended_ns)
}

fn comm(process: &Process, stat: Stat) -> String {
    if !stat.comm.contains(char::REPLACEMENT_CHARACTER) {
        return stat.comm;
    }
    // Bytes that are no UTF-8 are lost in `stat`; read them where they are not.
    let mut bytes = Vec::new();
    match process.open_relative("comm").map(|mut file| file.read_to_end(&mut bytes)) {
        Ok(Ok(_)) => text::from_bytes(bytes.strip_suffix(b"\n").unwrap_or(&bytes)),
        _ => stat.comm,
    }
}

/// Not `Process::cmdline`: that one refuses what is no UTF-8, and reads megabytes if need be.
fn cmdline(process: &Process) -> Option<String> {
    let mut bytes = Vec::new();
    let file = process.open_relative("cmdline").ok()?;
    file.take(CMDLINE_MAX as u64 + 1).read_to_end(&mut bytes).ok()?;
    let cut = bytes.len() > CMDLINE_MAX;
    bytes.truncate(CMDLINE_MAX);
    Some(cmdline_text(&bytes, cut))
}

/// Length of `bytes` without the first bytes of a UTF-8 character that was cut off.
fn whole_characters(bytes: &[u8]) -> usize {
    let last = bytes.utf8_chunks().last();
    let broken = last.map_or(&[][..], |chunk| chunk.invalid());
    match std::str::from_utf8(broken) {
        Err(error) if error.error_len().is_none() => bytes.len() - broken.len(),
        _ => bytes.len(),
    }
}

/// The kernel's notation of a set of CPUs: `0-3,5`. `None` for what is none, or could not be.
pub(crate) fn cpu_list(text: &str) -> Option<Vec<u32>> {
    let mut cpus = Vec::new();
    for range in text.trim().split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let last = last.parse::<u32>().ok().filter(|last| *last < CPUS_MAX)?;
        cpus.extend(first.parse::<u32>().ok()?..=last);
        if cpus.len() > CPUS_MAX as usize {
            return None;
        }
    }
    Some(cpus)
}

fn clock_ns(clock: ClockId) -> io::Result<u64> {
    let time = clock_gettime(clock)?;
    Ok(time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64)
}

/// How far `clock` is ahead of `CLOCK_MONOTONIC`.
fn ahead_of_monotonic_ns(clock: ClockId) -> io::Result<i64> {
    let mut ahead = i64::MAX;
    // Each reading is too large by the time between its two calls; the smallest is the best.
    for _ in 0..4 {
        let monotonic = clock_ns(ClockId::CLOCK_MONOTONIC)?;
        ahead = ahead.min(clock_ns(clock)? as i64 - monotonic as i64);
    }
    Ok(ahead)
}

/// Time the machine was suspended since it was booted. In whole milliseconds, so that the same
/// process has the same start time whenever it is asked for.
fn suspended_ns() -> io::Result<u64> {
    const MS: u64 = 1_000_000;
    let ahead = u64::try_from(ahead_of_monotonic_ns(ClockId::CLOCK_BOOTTIME)?).unwrap_or(0);
    Ok((ahead + MS / 2) / MS * MS)
}

#[cfg(test)]
mod tests;
