//! Everything that was read from the kernel in one tick.

use super::{Health, ResolvedStack, StackId};
use std::sync::Arc;
use syscope_shared::hist::BUCKETS;

/// Everything that was read from the kernel in one tick. All times are `CLOCK_MONOTONIC` ns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// When the reading ended.
    pub time_ns: u64,
    /// Time that its counts are of: since those of the batch before were read (since the start of watching for the
    /// first).
    pub window_ns: u64,
    /// What happened to processes, in order. Starts and execs apply before the deltas below,
    /// exits after them.
    pub processes: Vec<ProcessEvent>,
    /// System calls since the batch before.
    pub syscalls: Vec<SyscallDelta>,
    /// System calls that failed since the batch before, in the order they ended. Only where each of
    /// them is asked for; a capture does not hold them.
    pub failed: Vec<FailedCall>,
    /// File opens since the batch before, in the order they ended.
    pub opens: Vec<OpenEvent>,
    /// Waits that ended since the batch before.
    pub offcpu: Vec<OffcpuDelta>,
    /// Every thread that is off the CPU right now; replaces the earlier picture. `None`: not read, and the earlier
    /// picture stands, but for processes that ended since.
    pub waiting: Option<Vec<WaitingNow>>,
    /// Profile samples since the batch before.
    pub profile: Vec<ProfileDelta>,
    /// Stacks whose frames have become known. May come batches after the ids were first used.
    pub stacks: Vec<Arc<ResolvedStack>>,
    /// The health counters as they stand now (totals, not deltas).
    pub health: Health,
}

impl Batch {
    /// Whether it tells of anything one by one. What else is in it are counts, who waits, names of stacks, and
    /// health.
    pub fn has_events(&self) -> bool {
        !(self.processes.is_empty() && self.failed.is_empty() && self.opens.is_empty())
    }
}

/// Something that happened to a process.
#[derive(Clone, Debug, PartialEq)]
pub enum ProcessEvent {
    /// It was found running (at start-up, or when its start event was missed).
    Seen(ProcessSeen),
    /// It was forked; it carries its parent's name and command line until it execs.
    Fork {
        /// When, in ns.
        time_ns: u64,
        /// PID of the child.
        pid: u32,
        /// PID of the parent.
        parent: u32,
        /// Name of the child.
        comm: String,
    },
    /// It replaced its program.
    Exec {
        /// When, in ns.
        time_ns: u64,
        /// PID.
        pid: u32,
        /// Its name after the exec.
        comm: String,
        /// Its command line, arguments joined by spaces; ends in `…` where it was cut.
        cmdline: String,
    },
    /// Its last thread ended.
    Exit {
        /// When, in ns.
        time_ns: u64,
        /// PID.
        pid: u32,
    },
}

/// A process as `/proc` shows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProcessSeen {
    /// PID.
    pub pid: u32,
    /// PID of its parent.
    pub parent: u32,
    /// When it started, in ns.
    pub start_ns: u64,
    /// Name of its main thread. Bytes that are no UTF-8 arrive escaped as `\xNN`.
    pub comm: String,
    /// Command line, arguments joined by spaces; empty for kernel threads.
    pub cmdline: String,
    /// PIDs of its ancestors at its birth, nearest first, where they are known (a capture knows them);
    /// empty: those of its parent, as far as that is known, are taken.
    pub ancestors: Vec<u32>,
}

/// Calls of one system call by one process.
#[derive(Clone, Debug, PartialEq)]
pub struct SyscallDelta {
    /// PID.
    pub pid: u32,
    /// Number, with [`syscope_shared::syscalls::COMPAT`] for 32-bit calls.
    pub nr: u32,
    /// Calls entered.
    pub calls: u64,
    /// Calls that returned an error.
    pub errors: u64,
    /// Time in calls that returned, in ns.
    pub total_ns: u64,
    /// Latencies of calls that returned (see [`syscope_shared::hist`]).
    pub hist: [u32; BUCKETS],
    /// Errors by number, positive: `(2, 10)` is ten times `ENOENT`.
    pub errnos: Vec<(u32, u64)>,
}

/// One system call that failed.
#[derive(Clone, Debug, PartialEq)]
pub struct FailedCall {
    /// When it began, in ns.
    pub time_ns: u64,
    /// How long it took, in ns.
    pub duration_ns: u64,
    /// PID.
    pub pid: u32,
    /// TID.
    pub tid: u32,
    /// Name of the thread. Bytes that are no UTF-8 arrive escaped as `\xNN`.
    pub comm: String,
    /// Number, with [`syscope_shared::syscalls::COMPAT`] for 32-bit calls.
    pub nr: u32,
    /// Error number, positive.
    pub errno: u32,
}

/// One file open.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenEvent {
    /// When it began, in ns. In a batch it is a whole number of µs (see [`super::resolution`]).
    pub time_ns: u64,
    /// How long it took, in ns. In a batch it has three digits at most, and is a multiple of 100.
    pub duration_ns: u64,
    /// PID.
    pub pid: u32,
    /// TID.
    pub tid: u32,
    /// Name of the thread. Bytes that are no UTF-8 arrive escaped as `\xNN`.
    pub comm: String,
    /// What was opened.
    pub path: OpenPath,
    /// `O_*` flags.
    pub flags: u32,
    /// Mode given with `O_CREAT`.
    pub mode: u32,
    /// The new file descriptor, or the error number (positive).
    pub result: Result<u32, u32>,
}

/// A path as an open gave it, resolved where that was possible.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OpenPath {
    /// The path: absolute where `unresolved` is false. Bytes that are no UTF-8 arrive escaped as
    /// `\xNN`; other control characters arrive as they are (the screen escapes them).
    pub text: String,
    /// The path is relative and its base directory is not known (or only its inner part).
    pub unresolved: bool,
    /// The path was longer than an event holds, and was cut.
    pub cut: bool,
    /// The path could not be read from the process's memory; `text` is empty.
    pub unreadable: bool,
}

/// What a thread waits for, by the kernel's task state at the start of the wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitState {
    /// Preempted or yielded: it never blocked, it only waited for a CPU.
    Runnable,
    /// Interruptible sleep (`S`).
    Interruptible,
    /// Uninterruptible sleep (`D`), mostly disk.
    Uninterruptible,
    /// Stopped by job control or a tracer (`T`, `t`).
    Stopped,
    /// An idle kernel thread (`I`).
    Idle,
}

/// Waits of one process in one state at one place that ended.
#[derive(Clone, Debug, PartialEq)]
pub struct OffcpuDelta {
    /// PID.
    pub pid: u32,
    /// State at the start of the wait.
    pub state: WaitState,
    /// Kernel stack where the wait began.
    pub kernel_stack: StackId,
    /// User stack where the wait began.
    pub user_stack: StackId,
    /// Time blocked, in ns.
    pub blocked_ns: u64,
    /// Time runnable without a CPU, in ns.
    pub runqueue_ns: u64,
    /// Waits that ended.
    pub waits: u64,
}

/// One thread that is off the CPU right now. Its time so far counts from the later of `since_ns`
/// and the start of watching (or the last clearing).
#[derive(Clone, Debug, PartialEq)]
pub struct WaitingNow {
    /// PID.
    pub pid: u32,
    /// TID.
    pub tid: u32,
    /// State at the start of the wait.
    pub state: WaitState,
    /// Kernel stack where the wait began.
    pub kernel_stack: StackId,
    /// User stack where the wait began.
    pub user_stack: StackId,
    /// When the thread left the CPU, in ns.
    pub since_ns: u64,
    /// When it was woken, in ns; `None` while it is blocked (or, if runnable, from the start).
    pub woken_ns: Option<u64>,
}

/// Samples of one thread name of one process at one place.
#[derive(Clone, Debug, PartialEq)]
pub struct ProfileDelta {
    /// PID.
    pub pid: u32,
    /// Name of the thread.
    pub comm: String,
    /// Kernel stack.
    pub kernel_stack: StackId,
    /// User stack.
    pub user_stack: StackId,
    /// Samples.
    pub samples: u64,
}
