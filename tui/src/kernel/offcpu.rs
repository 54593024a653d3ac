//! Reads the off-CPU probe.

use super::Reading;
use super::drain::{Counts, Drain};
use super::map::{self, TypedMap};
use super::stacks::Stacks;
use super::sys;
use crate::source::{OffcpuDelta, ResolvedStack, WaitState, WaitingNow, procfs};
use aya::Ebpf;
use std::io;
use std::sync::Arc;
use syscope_shared::health::ProbeId;
use syscope_shared::offcpu::{
    INTERRUPTIBLE, Key, NOLOAD, RUNNABLE, STOPPED, Stats, TRACED, UNINTERRUPTIBLE, Waiting,
};
use syscope_shared::stack::NONE;

impl Counts for Stats {
    fn add(&mut self, other: &Self) {
        self.blocked_ns += other.blocked_ns;
        self.runqueue_ns += other.runqueue_ns;
        self.waits += other.waits;
    }

    fn since(&self, earlier: &Self) -> Self {
        Self {
            blocked_ns: self.blocked_ns - earlier.blocked_ns,
            runqueue_ns: self.runqueue_ns - earlier.runqueue_ns,
            waits: self.waits - earlier.waits,
        }
    }
}

/// Reads the `OFFCPU` and `WAITING` maps and their stacks.
pub struct Reader {
    ended: Drain<Key, Stats>,
    waiting: TypedMap<u32, Waiting>,
    /// Stack tables of this probe.
    pub stacks: Stacks,
}

impl Reader {
    pub fn open(programs: &mut Ebpf) -> io::Result<Self> {
        let tables = ["OFFCPU_STACKS_0", "OFFCPU_STACKS_1"];
        Ok(Self {
            ended: Drain::new(map::typed(programs, "OFFCPU")?),
            waiting: map::typed(programs, "WAITING")?,
            stacks: Stacks::open(programs, ProbeId::Offcpu, tables)?,
        })
    }

    /// Appends the waits that ended, and takes the picture of those that have not.
    pub fn read(&mut self, reading: &mut Reading) -> io::Result<()> {
        let Self { ended, waiting, stacks } = self;
        let Reading { offcpu, stacks: new, .. } = reading;
        ended.read(|key, stats| {
            offcpu.push(OffcpuDelta {
                pid: key.pid,
                state: state(key.state),
                kernel_stack: stacks.kernel(key.kernel_stack, new),
                user_stack: stacks.user(key.pid, key.user_stack, new),
                blocked_ns: stats.blocked_ns,
                runqueue_ns: stats.runqueue_ns,
                waits: stats.waits,
            });
        })?;
        let mut now = Vec::new();
        waiting.for_each(|tid, wait| {
            let wait = &wait[0];
            if wait.since_ns != 0 {
                let key = wait.key;
                now.push(WaitingNow {
                    pid: key.pid,
                    tid,
                    state: state(key.state),
                    kernel_stack: stacks.kernel(key.kernel_stack, new),
                    user_stack: stacks.user(key.pid, key.user_stack, new),
                    since_ns: wait.since_ns,
                    woken_ns: (wait.woken_ns != 0).then_some(wait.woken_ns),
                });
            }
        })?;
        reading.waiting = Some(now);
        Ok(())
    }

    /// Enters every thread of a watched process that sleeps now as waiting since `now_ns`, unless the probe has seen it
    /// leave the CPU. A thread that wakes in between is taken out again. Returns the kernel stacks
    /// they sleep on.
    pub fn seed(
        &mut self,
        now_ns: u64,
        watched: impl Fn(u32) -> bool,
    ) -> io::Result<Vec<Arc<ResolvedStack>>> {
        let mut resolved = Vec::new();
        for thread in procfs::threads() {
            let asleep = state_of_letter(thread.state).filter(|_| watched(thread.pid));
            let Some(state) = asleep else { continue };
            let frames = procfs::kernel_stack(thread.pid, thread.tid);
            let kernel_stack = self.stacks.seed(frames, &mut resolved);
            let key = Key { pid: thread.pid, state, kernel_stack, user_stack: NONE };
            let wait = Waiting { since_ns: now_ns, woken_ns: 0, key };
            match self.waiting.set(&thread.tid, &wait, sys::NOEXIST) {
                Ok(()) => {}
                Err(error) if error.raw_os_error() == Some(libc::EEXIST) => {}
                Err(error) => return Err(error),
            }
        }
        self.unseed_running(now_ns)?;
        Ok(resolved)
    }

    /// Takes out what was seeded and runs by now: it woke between the look at `/proc` and the
    /// entry, which would never end.
    fn unseed_running(&mut self, now_ns: u64) -> io::Result<()> {
        for thread in procfs::threads() {
            if state_of_letter(thread.state).is_none()
                && let Ok(wait) = self.waiting.get(&thread.tid)
                && wait.since_ns == now_ns
            {
                self.waiting.delete(&thread.tid)?;
            }
        }
        Ok(())
    }

    /// Frees what the maps hold of a process.
    pub fn free(&mut self, pid: u32) {
        self.ended.delete(|key| key.pid == pid);
        self.stacks.forget(pid);
    }
}

fn state(bits: u32) -> WaitState {
    if bits & (STOPPED | TRACED) != 0 {
        WaitState::Stopped
    } else if bits & UNINTERRUPTIBLE != 0 && bits & NOLOAD != 0 {
        WaitState::Idle
    } else if bits & UNINTERRUPTIBLE != 0 {
        WaitState::Uninterruptible
    } else if bits & INTERRUPTIBLE != 0 {
        WaitState::Interruptible
    } else if bits == RUNNABLE {
        WaitState::Runnable
    } else {
        // NOLOAD alone: newer idle states.
        WaitState::Idle
    }
}

/// The state bits of a sleeping thread by its letter in `/proc/PID/stat`; `None` for one that runs
/// or is dead.
fn state_of_letter(letter: char) -> Option<u32> {
    match letter {
        'S' => Some(INTERRUPTIBLE),
        'D' => Some(UNINTERRUPTIBLE),
        'T' => Some(STOPPED),
        't' => Some(TRACED),
        'I' => Some(UNINTERRUPTIBLE | NOLOAD),
        _ => None,
    }
}
