//! What is known of each thread: see [`syscope_shared::threads`].

use crate::filter::{self, Settings};
use crate::health::count;
use crate::kernel::{current_exec_id, current_task, field};
use crate::machine;
use crate::marks::Marks;
use crate::slots::Slots;
use aya_ebpf::bindings::BPF_F_MMAPABLE;
use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, HashMap};
use core::ptr::{read_volatile, write_volatile};
use syscope_shared::health::ProbeId;
use syscope_shared::marks;
use syscope_shared::offcpu::Waiting;
use syscope_shared::syscalls::Inflight;
use syscope_shared::threads::{BUCKETS, Bucket, Caller, Identity, MORE, SLOTS, Waiter};

#[map]
static CALLERS: Array<Bucket<Caller>> = Array::with_max_entries(BUCKETS, 0);

#[map]
static CALLER_OWNERS: HashMap<u32, u64> = HashMap::with_max_entries(SLOTS, 0);

#[map]
static CALLERS_MORE: HashMap<u64, Caller> = HashMap::with_max_entries(MORE, 0);

/// By kernel stack.
const CALLERS_SLOTS: Slots<Caller> =
    Slots { buckets: &CALLERS, owners: &CALLER_OWNERS, more: &CALLERS_MORE, taken: None };

#[map]
static WAITERS: Array<Bucket<Waiter>> = Array::with_max_entries(BUCKETS, BPF_F_MMAPABLE);

#[map]
static WAITER_OWNERS: HashMap<u32, u64> = HashMap::with_max_entries(SLOTS, 0);

#[map]
static WAITERS_MORE: HashMap<u64, Waiter> = HashMap::with_max_entries(MORE, 0);

#[map]
static WAITERS_TAKEN: Marks = Array::with_max_entries(marks::values(BUCKETS), BPF_F_MMAPABLE);

/// By `task_struct`.
const WAITERS_SLOTS: Slots<Waiter> = Slots {
    buckets: &WAITERS,
    owners: &WAITER_OWNERS,
    more: &WAITERS_MORE,
    taken: Some(&WAITERS_TAKEN),
};

/// Waits that user space found, by TID (sized by user space).
#[map]
static SEEDED: HashMap<u32, Waiting> = HashMap::with_max_entries(1, 0);

/// Kernel stacks begin at multiples of this (`THREAD_SIZE`, of which larger ones are multiples), and
/// the registers of a system call lie in the last part of it.
const STACK_PART: u64 = 16 * 1024;

/// How far behind the start of a stack its last part begins, and 1 more: the same of all threads. Learnt from the
/// first that calls, for no structure of the kernel has it; 0 until then. (To take the next stack for a part of
/// this one would be to forget the calls of another thread.)
#[map]
static LAST_PART: Array<u64> = Array::with_max_entries(1, 0);

/// The thread whose registers of a system call these are.
#[inline(always)]
pub fn caller(registers: u64) -> Option<&'static mut Caller> {
    CALLERS_SLOTS.find(last_part(registers))
}

/// The same; the running thread is met where it was not met before.
#[inline(always)]
pub fn running_caller(registers: u64) -> Option<&'static mut Caller> {
    if let Some(caller) = caller(registers) {
        return Some(caller);
    }
    meet_caller(last_part(registers));
    caller(registers)
}

#[inline(always)]
fn last_part(registers: u64) -> u64 {
    registers & !(STACK_PART - 1)
}

/// The same of a task. `None` where no thread has called yet.
#[inline(always)]
fn last_part_of(task: u64) -> Option<u64> {
    // SAFETY: the map keeps the memory.
    let learnt = unsafe { read_volatile(LAST_PART.get_ptr(0)?) };
    if learnt == 0 {
        return None;
    }
    Some(field::<u64>(task, machine!(layout.task_stack))? + (learnt - 1))
}

/// Learns [`LAST_PART`] from the running task's.
#[inline(always)]
fn learn(last_part: u64) {
    if let Some(stack) = field::<u64>(current_task(), machine!(layout.task_stack))
        && let Some(learnt) = LAST_PART.get_ptr_mut(0)
    {
        // SAFETY: the map keeps the memory; whoever else writes it writes the same.
        unsafe { write_volatile(learnt, last_part - stack + 1) };
    }
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn meet_caller(last_part: u64) -> u32 {
    learn(last_part);
    let call = Inflight { start_ns: 0, nr: 0, open: 0, row: 0, pad: 0, args: [0; 4] };
    let fresh = Caller { who: running(), call };
    let counts = machine!(syscalls_on) == 1 || machine!(failed_on) == 1;
    let probe = if counts { ProbeId::Syscalls } else { ProbeId::Opens };
    CALLERS_SLOTS.take(last_part, &fresh, probe);
    0
}

fn running() -> Identity {
    let both = bpf_get_current_pid_tgid();
    Identity { pid: (both >> 32) as u32, tid: both as u32, verdict: 0, exec_id: 0 }
}

/// What is known of the waits of a thread; nothing of one that was not met before.
#[inline(always)]
pub fn known_waiter(task: u64) -> Option<&'static mut Waiter> {
    WAITERS_SLOTS.find(task)
}

/// The same; the thread is met where it was not met before.
#[inline(always)]
pub fn waiter(task: u64) -> Option<&'static mut Waiter> {
    if let Some(waiter) = WAITERS_SLOTS.find(task) {
        return Some(waiter);
    }
    meet_waiter(task);
    WAITERS_SLOTS.find(task)
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn meet_waiter(task: u64) -> u32 {
    let Some(tid) = field::<u32>(task, machine!(layout.task_pid)) else { return 1 };
    let Some(pid) = field::<u32>(task, machine!(layout.task_tgid)) else { return 1 };
    let exec_id = field(task, machine!(layout.task_exec_id)).unwrap_or(0);
    let who = Identity { pid, tid, verdict: 0, exec_id };
    let fresh = Waiter { who, wait: Waiting::default(), last_ns: u64::MAX };
    WAITERS_SLOTS.take(task, &fresh, ProbeId::Offcpu);
    0
}

/// Forgets what had the address of this thread: it is just born.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn thread_born(task: u64) -> u32 {
    forget_calls(task);
    WAITERS_SLOTS.free(task);
    0
}

/// The running thread ends. It may still have to wait, but calls nothing any more.
#[inline(always)]
pub fn ends() {
    forget_calls(current_task());
}

#[inline(always)]
fn forget_calls(task: u64) {
    if let Some(last_part) = last_part_of(task) {
        CALLERS_SLOTS.free(last_part);
    }
}

/// The last that is seen of a thread.
#[inline(always)]
pub fn ended(task: u64) {
    if let Some(tid) = field::<u32>(task, machine!(layout.task_pid)) {
        remove_seed(tid);
    }
    WAITERS_SLOTS.free(task);
}

/// User space reads the map when the count has changed.
#[inline(always)]
fn remove_seed(tid: u32) {
    if SEEDED.remove(tid).is_ok() {
        count(ProbeId::Offcpu, |c| c.written += 1);
    }
}

/// The running thread runs another program. One that calls exec while others live takes over the TID
/// of the first one.
#[inline(always)]
pub fn executes(tid: u32) {
    let task = current_task();
    if let Some(waiter) = known_waiter(task) {
        (waiter.who.tid, waiter.who.verdict, waiter.who.exec_id) = (tid, 0, current_exec_id());
    }
    if let Some(caller) = last_part_of(task).and_then(|part| CALLERS_SLOTS.find(part)) {
        (caller.who.tid, caller.who.verdict) = (tid, 0);
    }
}

impl Settings {
    /// Whether a thread is watched.
    #[inline(always)]
    pub fn watch(&self, who: &mut Identity) -> bool {
        let generation = self.generation();
        if who.verdict >> 1 != generation {
            let watched = who.tid != 0 && filter::watched(self, who.pid);
            who.verdict = generation << 1 | u32::from(watched);
        }
        who.verdict & 1 == 1
    }

    /// Whether a thread's waits are watched. One that is judged anew may have a wait that user space found.
    #[inline(always)]
    pub fn watch_waits(&self, waiter: &mut Waiter) -> bool {
        if waiter.who.verdict >> 1 != self.generation()
            && let Some(seed) = SEEDED.get_ptr(waiter.who.tid)
        {
            if waiter.wait.since_ns == 0 {
                // SAFETY: the map keeps the memory; user space wrote it before it had all judged anew.
                waiter.wait = unsafe { *seed };
            }
            remove_seed(waiter.who.tid);
        }
        self.watch(&mut waiter.who)
    }
}
