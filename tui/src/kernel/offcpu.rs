//! Reads the off-CPU probe.

use super::drain::Counts;
use super::named_stacks::NamedStacks;
use super::stacks::Stacks;
use super::threads::Threads;
use super::turns::Turns;
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
use syscope_shared::stack::{BEFORE_START, NONE};

impl Counts for Stats {
    fn add(&mut self, other: &Self) {
        self.blocked_ns = self.blocked_ns.wrapping_add(other.blocked_ns);
        self.runqueue_ns = self.runqueue_ns.wrapping_add(other.runqueue_ns);
        self.waits = self.waits.wrapping_add(other.waits);
    }

    fn since(&self, earlier: &Self) -> Self {
        Self {
            blocked_ns: self.blocked_ns.wrapping_sub(earlier.blocked_ns),
            runqueue_ns: self.runqueue_ns.wrapping_sub(earlier.runqueue_ns),
            waits: self.waits.wrapping_sub(earlier.waits),
        }
    }
}

/// Reads the `OFFCPU_0` and `OFFCPU_1` maps, the waits of threads, and their stacks.
pub struct Reader {
    ended: Turns<Key, Stats>,
    threads: Threads,
    /// Stacks of this probe.
    pub stacks: Stacks,
}

impl Reader {
    pub fn open(programs: &mut Ebpf) -> io::Result<Self> {
        Ok(Self {
            ended: Turns::open(programs, "OFFCPU")?,
            threads: Threads::open(programs)?,
            stacks: Stacks::new(ProbeId::Offcpu),
        })
    }

    /// Appends the waits that ended, and takes the picture of those that have not. `written`: how often the programs
    /// have taken seeded waits over, where that is known.
    pub fn read(
        &mut self,
        written: Option<u64>,
        named: &mut NamedStacks,
        reading: &mut Reading,
    ) -> io::Result<()> {
        let Self { ended, stacks, .. } = self;
        stacks.advance(procfs::monotonic_ns());
        let Reading { offcpu, stacks: new, .. } = reading;
        ended.read(|key, stats| {
            offcpu.push(OffcpuDelta {
                pid: key.pid,
                state: state(key.state),
                kernel_stack: stacks.kernel(named, key.kernel_stack, new),
                user_stack: stacks.user(named, (key.pid, key.exec_id), key.user_stack, new),
                blocked_ns: stats.blocked_ns,
                runqueue_ns: stats.runqueue_ns,
                waits: stats.waits,
            });
        })?;
        reading.waiting = Some(self.read_waiting(written, named, &mut reading.stacks)?);
        reading.resolved.append(&mut self.stacks.told_again());
        Ok(())
    }

    fn read_waiting(
        &mut self,
        written: Option<u64>,
        named: &mut NamedStacks,
        new: &mut Vec<NewStack>,
    ) -> io::Result<Vec<WaitingNow>> {
        let Self { threads, stacks, .. } = self;
        let mut now = Vec::new();
        threads.waiting(written, |tid, wait| {
            let key = wait.key;
            now.push(WaitingNow {
                pid: key.pid,
                tid,
                state: state(key.state),
                kernel_stack: stacks.kernel(named, key.kernel_stack, new),
                user_stack: stacks.user(named, (key.pid, key.exec_id), key.user_stack, new),
                since_ns: wait.since_ns,
                woken_ns: (wait.woken_ns != 0).then_some(wait.woken_ns),
            });
        })?;
        Ok(now)
    }

    /// Waits of threads that slept already, for which there was no room.
    pub fn unseeded(&self) -> u64 {
        self.threads.full()
    }

    /// How full the fuller of its maps was when they were read, from 0.0 to 1.0.
    pub fn fill(&self) -> f32 {
        self.ended.fill()
    }

    /// Begins a new epoch when it is time: see [`Turns::next_epoch`].
    pub fn next_epoch(&mut self) -> Option<u32> {
        self.ended.next_epoch()
    }

    /// Enters every thread of these processes that sleeps now as waiting since `now_ns`. The programs take
    /// it from there when they judge the thread anew, unless they have seen it leave the CPU. Returns the
    /// kernel stacks they sleep on.
    pub fn seed(&mut self, now_ns: u64, pids: &[u32]) -> io::Result<Vec<Arc<ResolvedStack>>> {
        let (mut resolved, mut seeded) = (Vec::new(), Vec::new());
        let mut entered = Ok(());
        self.stacks.advance(now_ns);
        for thread in pids.iter().flat_map(|pid| procfs::threads_of(*pid)) {
            let Some(state) = state_of_letter(thread.state) else { continue };
            let frames = procfs::kernel_stack(thread.pid, thread.tid);
            let kernel_stack = self.stacks.seed(frames, &mut resolved);
            let user_stack = if thread.is_kernel { NONE } else { BEFORE_START };
            let pid = thread.pid;
            let key = Key { user_stack, kernel_stack, pid, state, exec_id: 0, pad: 0 };
            let wait = Waiting { since_ns: now_ns, woken_ns: 0, key };
            entered = entered.and(self.threads.seed(thread.tid, &wait));
            seeded.push(thread);
        }
        // Whatever went wrong: what was entered of a thread that is gone would stay for good.
        let taken_out = self.take_out_awake(now_ns, &seeded);
        entered.and(taken_out).map(|()| resolved)
    }

    /// Takes out what was entered of a thread that woke or ended between the look at `/proc` and
    /// the entry: nobody else would.
    fn take_out_awake(&mut self, now_ns: u64, seeded: &[procfs::ThreadAsleep]) -> io::Result<()> {
        for thread in seeded {
            let state = procfs::thread_state(thread.pid, thread.tid);
            let asleep = state.is_some_and(|letter| state_of_letter(letter).is_some());
            if !asleep {
                self.threads.take_out(thread.tid, now_ns)?;
            }
        }
        Ok(())
    }

    /// Frees what the maps hold of these processes.
    pub fn free(&mut self, pids: &FxHashSet<u32>) {
        self.ended.delete(|key| pids.contains(&key.pid));
        self.threads.free(pids);
        for pid in pids {
            self.stacks.forget(*pid);
        }
    }
}

pub(super) fn state(bits: u32) -> WaitState {
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
