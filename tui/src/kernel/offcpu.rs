//! Reads the off-CPU probe.

use super::drain::{Counts, Drain};
use super::map::{self, TypedMap};
use super::stacks::Stacks;
use super::sys;
use super::{NewStack, Reading};
use crate::source::{OffcpuDelta, ResolvedStack, WaitState, WaitingNow, procfs};
use aya::Ebpf;
use rustc_hash::FxHashSet;
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

/// Keys in a map at which a new epoch begins: a quarter of its slots.
const CROWDED: usize = 2 * 1024;

/// Reads the `OFFCPU_0`, `OFFCPU_1` and `WAITING` maps and their stacks.
pub struct Reader {
    ended: [Drain<Key, Stats>; 2],
    waiting: TypedMap<u32, Waiting>,
    /// Epochs in which the waits began that have not ended.
    epochs_waiting: FxHashSet<u32>,
    /// Stack tables of this probe.
    pub stacks: Stacks,
}

impl Reader {
    pub fn open(programs: &mut Ebpf) -> io::Result<Self> {
        let tables =
            [["OFFCPU_STACKS_0", "OFFCPU_OVERFLOW_0"], ["OFFCPU_STACKS_1", "OFFCPU_OVERFLOW_1"]];
        let first = Drain::new(map::typed(programs, "OFFCPU_0")?);
        let second = Drain::new(map::typed(programs, "OFFCPU_1")?);
        Ok(Self {
            ended: [first, second],
            waiting: map::typed(programs, "WAITING")?,
            epochs_waiting: FxHashSet::default(),
            stacks: Stacks::open(programs, ProbeId::Offcpu, tables)?,
        })
    }

    /// Appends the waits that ended, and takes the picture of those that have not.
    pub fn read(&mut self, reading: &mut Reading) -> io::Result<()> {
        let Self { ended, stacks, .. } = self;
        let Reading { offcpu, stacks: new, .. } = reading;
        for ended in ended {
            ended.read(|key, stats| {
                offcpu.push(OffcpuDelta {
                    pid: key.pid,
                    state: state(key.state),
                    kernel_stack: stacks.kernel(key.epoch, key.kernel_stack, new),
                    user_stack: stacks.user(key.epoch, key.pid, key.user_stack, new),
                    blocked_ns: stats.blocked_ns,
                    runqueue_ns: stats.runqueue_ns,
                    waits: stats.waits,
                });
            })?;
        }
        reading.waiting = Some(self.read_waiting(&mut reading.stacks)?);
        Ok(())
    }

    fn read_waiting(&mut self, new: &mut Vec<NewStack>) -> io::Result<Vec<WaitingNow>> {
        let Self { waiting, stacks, epochs_waiting, .. } = self;
        let mut now = Vec::new();
        epochs_waiting.clear();
        waiting.for_each(|tid, wait| {
            let wait = &wait[0];
            if wait.since_ns != 0 {
                let key = wait.key;
                epochs_waiting.insert(key.epoch);
                now.push(WaitingNow {
                    pid: key.pid,
                    tid,
                    state: state(key.state),
                    kernel_stack: stacks.kernel(key.epoch, key.kernel_stack, new),
                    user_stack: stacks.user(key.epoch, key.pid, key.user_stack, new),
                    since_ns: wait.since_ns,
                    woken_ns: (wait.woken_ns != 0).then_some(wait.woken_ns),
                });
            }
        })?;
        Ok(now)
    }

    /// Begins a new epoch when it is time; returns it. To be called right after [`Reader::read`],
    /// and not twice within a tick.
    pub fn next_epoch(&mut self) -> io::Result<Option<u32>> {
        let current = self.stacks.epoch();
        if !self.stacks.crowded() && self.ended[(current & 1) as usize].len() < CROWDED {
            return Ok(None);
        }
        self.ended[(current.wrapping_add(1) & 1) as usize].clear();
        self.stacks.begin_epoch(&self.epochs_waiting)?;
        Ok(Some(self.stacks.epoch()))
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
            let key = Key { pid: thread.pid, state, kernel_stack, user_stack: NONE, epoch: 0 };
            let wait = Waiting { since_ns: now_ns, woken_ns: 0, key, pad: 0 };
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
        for ended in &mut self.ended {
            ended.delete(|key| key.pid == pid);
        }
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
