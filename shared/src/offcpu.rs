//! Off-CPU time: blocked, or waiting for a CPU.

use bytemuck::{Pod, Zeroable};

/// State of a wait that began runnable: preempted or yielded, never blocked (`TASK_RUNNING`).
pub const RUNNABLE: u32 = 0;
/// Interruptible sleep (`TASK_INTERRUPTIBLE`, `S` in ps).
pub const INTERRUPTIBLE: u32 = 1;
/// Uninterruptible sleep (`TASK_UNINTERRUPTIBLE`, `D` in ps).
pub const UNINTERRUPTIBLE: u32 = 2;
/// Stopped by job control (`__TASK_STOPPED`, `T` in ps).
pub const STOPPED: u32 = 4;
/// Stopped by a tracer (`__TASK_TRACED`, `t` in ps).
pub const TRACED: u32 = 8;
/// Parked (`TASK_PARKED`): a kernel thread of a CPU that is off.
pub const PARKED: u32 = 0x40;
/// Dead (`TASK_DEAD`).
pub const DEAD: u32 = 0x80;
/// Idle (`TASK_NOLOAD`, with [`UNINTERRUPTIBLE`]: `I` in ps): a kernel thread with nothing to do.
pub const NOLOAD: u32 = 0x400;
/// The state bits that are told apart; the kernel's other bits are modifiers.
pub const STATE_MASK: u32 = INTERRUPTIBLE | UNINTERRUPTIBLE | STOPPED | TRACED | NOLOAD;

/// Key of the `OFFCPU_0` and `OFFCPU_1` maps.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Pod, Zeroable)]
pub struct Key {
    /// User stack where the wait began (see [`crate::stack`]).
    pub user_stack: u64,
    /// Kernel stack where the wait began.
    pub kernel_stack: u64,
    /// Process (the kernel's tgid).
    pub pid: u32,
    /// State at the start of the wait, [`STATE_MASK`] bits only.
    pub state: u32,
    /// Which of the programs that the process has run one after the other the user stack is of: the
    /// low word of `task_struct.self_exec_id`, which grows with each exec.
    pub exec_id: u32,
    /// Makes the size a multiple of eight.
    pub pad: u32,
}

/// Value of the `OFFCPU_0` and `OFFCPU_1` maps on one CPU. The counts only grow.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Stats {
    /// Time from leaving the CPU to being woken, in ns; 0 for a wait that began runnable.
    pub blocked_ns: u64,
    /// Time runnable but without a CPU, in ns.
    pub runqueue_ns: u64,
    /// Waits that ended.
    pub waits: u64,
}

/// The wait a thread is in. Also the value of the `SEEDED` map, keyed by TID: waits that began before syscope
/// watched, until their thread is seen.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Waiting {
    /// When the thread left the CPU, in ns; 0 when it is on one.
    pub since_ns: u64,
    /// When it was woken, in ns; 0 when it is still blocked.
    pub woken_ns: u64,
    /// Process, state and stacks.
    pub key: Key,
}
