//! What the processes of a program that runs take.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use syscope_tests::{bpf, clock};

/// For how long CPU time is taken, and then, apart from it, system calls.
const WINDOW: Duration = Duration::from_secs(10);
const CALLS_WINDOW: Duration = Duration::from_secs(5);
/// How long `perf` waits before it counts: what its own start brings syscope to do is not counted.
const CALLS_LATER: Duration = Duration::from_secs(2);
/// A tracepoint that every system call goes by.
const ENTRY: &str = "raw_syscalls:sys_enter";

/// What they take.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// CPU time, in % of one CPU.
    pub cpu: f64,
    /// Resident memory, in MB: what is shared counts in parts, and in full for each process.
    pub pss: f64,
    pub rss: f64,
    /// Memory of its BPF maps in the kernel, in MB.
    pub maps: f64,
    /// System calls a second, where `perf` can count them.
    pub calls: Option<f64>,
    /// How busy all CPUs of the machine were meanwhile, in %.
    pub busy: f64,
    /// KB a second that read(2) and its like gave them.
    pub read: f64,
}

impl Figures {
    /// Of a process, and of its children.
    pub fn of(pid: u32) -> Self {
        let family = clock::family(pid);
        let machine = clock::machine();
        let (began, spent, had) = (Instant::now(), clock::spent_by_all(&family), read(&family));
        thread::sleep(WINDOW);
        let (busy, idle) = clock::machine();
        let (busy, idle) = ((busy - machine.0) as f64, (idle - machine.1) as f64);
        let spent = (clock::spent_by_all(&family) - spent).as_secs_f64();
        let read = (read(&family) - had) as f64;
        let seconds = began.elapsed().as_secs_f64();
        let resident = |field| family.iter().map(|pid| resident(*pid, field)).sum::<u64>();
        Self {
            cpu: spent / seconds * 100.0,
            busy: busy / (busy + idle) * 100.0,
            pss: resident("Pss:") as f64 / 1e6,
            rss: resident("Rss:") as f64 / 1e6,
            maps: bpf::held_by(pid).1 as f64 / 1e6,
            read: read / seconds / 1e3,
            calls: calls(&family),
        }
    }
}

/// Bytes that processes have read so far.
fn read(family: &[u32]) -> u64 {
    family.iter().map(|pid| fields(&format!("/proc/{pid}/io"))["rchar:"]).sum()
}

/// Bytes of a process in memory, by one of the ways to count them.
fn resident(pid: u32, field: &str) -> u64 {
    fields(&format!("/proc/{pid}/smaps_rollup"))[field] * 1024
}

/// The numbers of a file that has one in each line, behind its name.
fn fields(path: &str) -> BTreeMap<String, u64> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let field = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
    };
    text.lines().filter_map(field).collect()
}

/// System calls a second of all their threads.
fn calls(family: &[u32]) -> Option<f64> {
    let pids = family.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
    let delay = CALLS_LATER.as_millis().to_string();
    let seconds = (CALLS_LATER + CALLS_WINDOW).as_secs().to_string();
    let mut command = Command::new("perf");
    command.args(["stat", "-x", ",", "-e", ENTRY, "-p", &pids, "--delay", &delay]);
    command.args(["sleep", &seconds]);
    let output = command.stdin(Stdio::null()).output().ok()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = said.lines().find(|line| line.contains(ENTRY))?;
    let calls: f64 = line.split(',').next()?.parse().ok()?;
    Some(calls / CALLS_WINDOW.as_secs_f64())
}
