//! Off-CPU time: from the switch away from a thread to the switch back to it.

use crate::filter::{Settings, settings};
use crate::health::count;
use crate::kernel::field;
use crate::remembered::{address_of, recall_kernel_stack, remember_kernel_stack};
use crate::stack::kernel_stack;
use crate::unwind::{UserSide, UserStack, name_stack, user_side, user_stack, walk};
use crate::user_registers::Cpu;
use crate::{machine, threads};
use aya_ebpf::EbpfContext;
use aya_ebpf::bindings::BPF_NOEXIST;
use aya_ebpf::helpers::generated::bpf_ktime_get_ns;
use aya_ebpf::macros::{map, raw_tracepoint};
use aya_ebpf::maps::PerCpuHashMap;
use aya_ebpf::programs::RawTracePointContext;
use core::ptr::write_volatile;
use syscope_shared::health::ProbeId;
use syscope_shared::offcpu::{
    DEAD, Key, NOLOAD, PARKED, RUNNABLE, STATE_MASK, Stats, UNINTERRUPTIBLE, Waiting,
};
use syscope_shared::stack::{FIRST, NONE, SPARED, is_of_before};
use syscope_shared::threads::Waiter;

#[map]
static OFFCPU_0: PerCpuHashMap<Key, Stats> = PerCpuHashMap::with_max_entries(8 * 1024, 0);

#[map]
static OFFCPU_1: PerCpuHashMap<Key, Stats> = PerCpuHashMap::with_max_entries(8 * 1024, 0);

/// Frames at the leaf of a kernel stack that are not the thread's: the program, where it asks for the stack, and
/// the function that runs it (`bpf_trace_run4`). Of the latter there are two places, one for when the kernel
/// measures what programs take, and a stack is the same with either.
const OWN_FRAMES: u64 = 2;

/// The walk of this probe.
const WALK: u32 = 1;

#[raw_tracepoint(tracepoint = "sched_switch")]
pub fn sched_switch(ctx: RawTracePointContext) -> i32 {
    // SAFETY: the helper has no preconditions.
    let now = unsafe { bpf_ktime_get_ns() };
    let Some(settings) = settings() else { return 0 };
    leave(&ctx, &settings, now);
    come_back(ctx.arg(2), now);
    0
}

#[raw_tracepoint(tracepoint = "sched_wakeup")]
pub fn sched_wakeup(ctx: RawTracePointContext) -> i32 {
    let Some(settings) = settings() else { return 0 };
    let Some(thread) = threads::waiter(ctx.arg(0)) else { return 0 };
    // Whoever is judged anew may have a wait that user space found.
    let _ = settings.watch_waits(thread);
    let wait = &mut thread.wait;
    if wait.since_ns != 0 && wait.woken_ns == 0 {
        // SAFETY: the helper has no preconditions.
        wait.woken_ns = unsafe { bpf_ktime_get_ns() };
    }
    0
}

/// A thread that was just created waits for its first CPU.
#[raw_tracepoint(tracepoint = "sched_wakeup_new")]
pub fn sched_wakeup_new(ctx: RawTracePointContext) -> i32 {
    let Some(settings) = settings() else { return 0 };
    let Some(thread) = threads::waiter(ctx.arg(0)) else { return 0 };
    if settings.watch_waits(thread) {
        let (pid, state) = (thread.who.pid, RUNNABLE);
        let (kernel_stack, user_stack) = (NONE, NONE);
        let key = Key { user_stack, kernel_stack, pid, state, exec_id: 0, pad: 0 };
        // SAFETY: the helper has no preconditions.
        begin(thread, key, unsafe { bpf_ktime_get_ns() });
    }
    0
}

/// The running thread has a wait open: the kernel did not report the switch back to it (some do
/// not, from an idle CPU). It ended unseen: the time blocked is known from the wakeup, the time it
/// then waited for a CPU is not. Where the wakeup was not reported either, it ended by now at the
/// latest.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn settle_unseen(task: u64, now: u64) -> u32 {
    let Some(settings) = settings() else { return 1 };
    let Some(thread) = threads::known_waiter(task) else { return 1 };
    let wait = &mut thread.wait;
    if wait.since_ns == 0 {
        return 0;
    }
    let woken = if wait.key.state == RUNNABLE { wait.since_ns } else { wait.woken_ns };
    if woken == 0 && is_of_before(wait.key.kernel_stack) {
        // Entered by user space as asleep when it was just waking: never a wait that was watched.
        wait.since_ns = 0;
        return 0;
    }
    count(ProbeId::Offcpu, |c| {
        if woken == 0 {
            c.unseen_waits += 1;
        } else {
            c.unseen_ends += 1;
        }
    });
    let ended = if woken == 0 { now } else { woken };
    let blocked_ns = ended.saturating_sub(wait.since_ns);
    wait.since_ns = 0;
    let ended = Stats { blocked_ns, runqueue_ns: 0, waits: 1 };
    sum_up_in(settings.offcpu_epoch(), wait.key, &ended);
    0
}

/// The running thread gives up its CPU: the current task still is the one that leaves.
#[inline(always)]
fn leave(ctx: &RawTracePointContext, settings: &Settings, now: u64) {
    let task: u64 = ctx.arg(1);
    let state = state(ctx);
    if state & DEAD != 0 {
        threads::ended(task);
        return;
    }
    let Some(thread) = threads::waiter(task) else { return };
    if !settings.watch_waits(thread) {
        // What runs when a CPU is idle is nobody's wait.
        if thread.who.tid != 0 {
            count(ProbeId::Offcpu, |c| c.filtered += 1);
        }
        return;
    }
    count(ProbeId::Offcpu, |c| c.events += 1);
    if thread.wait.since_ns != 0 {
        settle_unseen(task, now);
    }
    let (pid, exec_id) = (thread.who.pid, thread.who.exec_id);
    if thread.last_ns < settings.stacks_from_ns() {
        count(ProbeId::Offcpu, |c| c.spared += 1);
        let (user_stack, kernel_stack) = (NONE, SPARED);
        return begin(thread, Key { user_stack, kernel_stack, pid, state, exec_id, pad: 0 }, now);
    }
    let side = user_side(WALK, &Cpu::InKernel);
    let call = match (&side, walk(WALK)) {
        (UserSide::Registers(_), Some(walk)) => walk.call(),
        _ => 0,
    };
    let kernel_stack = kernel_stack_of(ctx, task, call);
    // Waits are too many to copy the stack of each whose table is not ready.
    let user_stack = match user_stack(ctx, ProbeId::Offcpu, WALK, (pid, exec_id, task), side) {
        UserStack::Name(name) => name,
        UserStack::NotReady(_) => name_stack(WALK, ProbeId::Offcpu as u32),
    };
    begin(thread, Key { user_stack, kernel_stack, pid, state, exec_id, pad: 0 }, now);
}

/// The kernel stack of the thread that leaves in this system call.
#[inline(always)]
fn kernel_stack_of(ctx: &RawTracePointContext, task: u64, call: u64) -> u64 {
    let context = address_of(ctx.as_ptr());
    let recalled = recall_kernel_stack(task, call, context);
    if recalled != NONE {
        count(ProbeId::Offcpu, |c| c.recalled += 1);
        if machine!(check_remembered) == 0 {
            return recalled;
        }
    }
    let walked = kernel_stack(ctx, ProbeId::Offcpu, WALK, OWN_FRAMES);
    if recalled != NONE && recalled != walked {
        count(ProbeId::Offcpu, |c| c.recalled_wrong += 1);
    }
    if walked >= FIRST && recalled == NONE {
        remember_kernel_stack(task, call, context, WALK);
    }
    walked
}

/// A wait begins. User space may look at any time: it takes for one what has a time, which is written
/// last.
#[inline(always)]
fn begin(thread: &mut Waiter, key: Key, now: u64) {
    thread.wait.key = key;
    thread.wait.woken_ns = 0;
    // SAFETY: a field of a value of a map.
    unsafe { write_volatile(&raw mut thread.wait.since_ns, now) };
}

/// State in which the running thread leaves; one that is preempted leaves runnable, whatever it
/// was about to do.
#[inline(always)]
fn state(ctx: &RawTracePointContext) -> u32 {
    let preempted: u64 = ctx.arg(0);
    if preempted as u8 != 0 {
        return RUNNABLE;
    }
    let state = if machine!(layout.switch_has_state) == 1 {
        ctx.arg::<u64>(3) as u32
    } else {
        field(ctx.arg(1), machine!(layout.task_state)).unwrap_or(RUNNABLE)
    };
    match state & (STATE_MASK | DEAD) {
        // Not runnable, and none of the states that are told apart (`TASK_FROZEN`,
        // `TASK_RTLOCK_WAIT`): blocked all the same.
        0 if state & PARKED != 0 => UNINTERRUPTIBLE | NOLOAD,
        0 if state != 0 => UNINTERRUPTIBLE,
        told_apart => told_apart,
    }
}

/// A thread gets a CPU: its wait, if one was kept, ends. A global function, which the verifier looks at by
/// itself, and not once for each way that the thread before may leave.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn come_back(task: u64, now: u64) -> u32 {
    let Some(settings) = settings() else { return 1 };
    let Some(thread) = threads::waiter(task) else { return 1 };
    // Whoever is judged anew may have a wait that user space found.
    let _ = settings.watch_waits(thread);
    if thread.wait.since_ns == 0 {
        return 1;
    }
    // A wait that began runnable, and one whose wakeup was not seen: see `ended`.
    let ended = ended(&thread.wait, now);
    thread.last_ns = now.saturating_sub(thread.wait.since_ns);
    thread.wait.since_ns = 0;
    sum_up_in(settings.offcpu_epoch(), thread.wait.key, &ended);
    0
}

#[inline(always)]
fn sum_up_in(epoch: u32, key: Key, ended: &Stats) {
    if epoch & 1 == 0 {
        sum_up(&OFFCPU_0, key, ended);
    } else {
        sum_up(&OFFCPU_1, key, ended);
    }
}

#[inline(always)]
fn sum_up(sums: &PerCpuHashMap<Key, Stats>, key: Key, ended: &Stats) {
    if let Some(stats) = sums.get_ptr_mut(key) {
        add(stats, ended);
    } else if sums.insert(key, ended, u64::from(BPF_NOEXIST)).is_err() {
        match sums.get_ptr_mut(key) {
            Some(stats) => add(stats, ended),
            None => count(ProbeId::Offcpu, |c| c.map_full += 1),
        }
    }
}

#[inline(always)]
fn ended(wait: &Waiting, now: u64) -> Stats {
    let woken = if wait.key.state == RUNNABLE {
        wait.since_ns
    } else if wait.woken_ns == 0 {
        now
    } else {
        wait.woken_ns
    };
    Stats {
        blocked_ns: woken.saturating_sub(wait.since_ns),
        runqueue_ns: now.saturating_sub(woken),
        waits: 1,
    }
}

#[inline(always)]
fn add(stats: *mut Stats, ended: &Stats) {
    // SAFETY: the pointer is to this CPU's value; the hook does not nest on a CPU.
    let stats = unsafe { &mut *stats };
    stats.blocked_ns += ended.blocked_ns;
    stats.runqueue_ns += ended.runqueue_ns;
    stats.waits += ended.waits;
}
