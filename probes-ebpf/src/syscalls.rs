//! System calls. The two programs here also serve the opens probe, and the stream of calls that fail:
//! a hook that every system call passes is paid for once.

use crate::filter::watched;
use crate::health::count;
use crate::kernel::{current_task, field};
use crate::{config, failed, machine, opens};
use aya_ebpf::bindings::BPF_NOEXIST;
use aya_ebpf::helpers::{bpf_get_current_pid_tgid, generated::bpf_ktime_get_ns};
use aya_ebpf::macros::{map, raw_tracepoint};
use aya_ebpf::maps::{HashMap, PerCpuHashMap};
use aya_ebpf::programs::RawTracePointContext;
use syscope_shared::COMM_LEN;
use syscope_shared::failed::Event;
use syscope_shared::health::ProbeId;
use syscope_shared::hist;
use syscope_shared::layout::Abi;
use syscope_shared::syscalls::{COMPAT, ErrnoKey, INVALID, Inflight, Key, Stats};

/// Largest error number (`MAX_ERRNO` in the kernel).
const MAX_ERRNO: i64 = 4095;

#[map]
static SYSCALLS: PerCpuHashMap<Key, Stats> = PerCpuHashMap::with_max_entries(16 * 1024, 0);

#[map]
static ERRNOS: PerCpuHashMap<ErrnoKey, u64> = PerCpuHashMap::with_max_entries(16 * 1024, 0);

/// The system call each thread is in. An entry stays until its thread ends: writing into one that
/// is there costs a fifth of inserting it.
#[map]
static INFLIGHT: HashMap<u32, Inflight> = HashMap::with_max_entries(64 * 1024, 0);

#[raw_tracepoint(tracepoint = "sys_enter")]
pub fn sys_enter(ctx: RawTracePointContext) -> i32 {
    enter(&ctx);
    0
}

#[raw_tracepoint(tracepoint = "sys_exit")]
pub fn sys_exit(ctx: RawTracePointContext) -> i32 {
    exit(&ctx);
    0
}

#[inline(always)]
fn enter(ctx: &RawTracePointContext) {
    let pid_tgid = bpf_get_current_pid_tgid();
    let (pid, tid) = ((pid_tgid >> 32) as u32, pid_tgid as u32);
    let nr = ctx.arg::<u64>(1) as u32 & !COMPAT;
    if !any_call_matters() && !opens::may_be_open(nr) {
        return in_none(tid);
    }
    let Some(config) = config() else { return };
    if !watched(&config, pid) {
        return;
    }
    let nr = valid(nr) | compat_bit();
    if machine!(syscalls_on) == 1 {
        count_call(Key { pid, nr });
    }
    let abi = abi(nr);
    let open = machine!(opens_on) == 1 && opens::is_open(&abi, nr & !COMPAT);
    if !any_call_matters() && !open {
        return in_none(tid);
    }
    let Some(inflight) = inflight(tid) else { return };
    // SAFETY: the entry is this thread's, and this thread is in no other program.
    let inflight = unsafe { &mut *inflight };
    inflight.nr = nr;
    inflight.open = u32::from(open);
    if open {
        opens::keep_args(&abi, nr, ctx.arg(0), &mut inflight.args);
    }
    // SAFETY: the helper has no preconditions.
    inflight.start_ns = unsafe { bpf_ktime_get_ns() };
}

#[inline(always)]
fn exit(ctx: &RawTracePointContext) {
    let pid_tgid = bpf_get_current_pid_tgid();
    let (pid, tid) = ((pid_tgid >> 32) as u32, pid_tgid as u32);
    let Some(inflight) = INFLIGHT.get_ptr_mut(tid) else { return };
    // SAFETY: the entry is this thread's, and this thread is in no other program.
    let inflight = unsafe { &mut *inflight };
    if inflight.start_ns == 0 {
        return;
    }
    // SAFETY: the helper has no preconditions.
    let duration_ns = unsafe { bpf_ktime_get_ns() } - inflight.start_ns;
    let result: i64 = ctx.arg(1);
    if machine!(syscalls_on) == 1 {
        count_return(Key { pid, nr: inflight.nr }, result, duration_ns);
    }
    if machine!(failed_on) == 1 && is_error(inflight.nr, result) {
        failed::emit(Event {
            time_ns: inflight.start_ns,
            duration_ns,
            pid,
            tid,
            nr: inflight.nr,
            errno: -result as u32,
            comm: [0; COMM_LEN],
        });
    }
    if inflight.open == 1 {
        opens::emit(pid, tid, inflight, result, duration_ns);
    }
    inflight.start_ns = 0;
}

/// Whether every call is followed to its exit, not only the opens.
#[inline(always)]
fn any_call_matters() -> bool {
    machine!(syscalls_on) == 1 || machine!(failed_on) == 1
}

/// The thread enters a call that nobody asks for. Where the exit of the one before was not seen, this
/// call's must not be taken for it.
#[inline(always)]
fn in_none(tid: u32) {
    if let Some(inflight) = INFLIGHT.get_ptr_mut(tid) {
        // SAFETY: the entry is this thread's, and this thread is in no other program.
        unsafe { (*inflight).start_ns = 0 };
    }
}

/// A thread that calls exec while others live takes over the TID of the first one: what it is in
/// moves along.
#[inline(always)]
pub fn exec_renamed(old_tid: u32, tid: u32) {
    if old_tid == tid {
        return;
    }
    if let Some(inflight) = INFLIGHT.get_ptr(old_tid) {
        // SAFETY: the map keeps the memory; the thread that writes it is the one running here.
        let inflight = unsafe { *inflight };
        let _ = INFLIGHT.insert(tid, inflight, 0);
        let _ = INFLIGHT.remove(old_tid);
    }
}

/// A thread ended.
#[inline(always)]
pub fn thread_ended(tid: u32) {
    let _ = INFLIGHT.remove(tid);
}

#[inline(always)]
fn count_call(key: Key) {
    if let Some(stats) = SYSCALLS.get_ptr_mut(key) {
        // SAFETY: the pointer is to this CPU's value; no other program on this CPU writes it.
        unsafe { (*stats).calls += 1 };
        return;
    }
    let fresh = Stats { calls: 1, errors: 0, total_ns: 0, hist: [0; hist::BUCKETS] };
    if SYSCALLS.insert(key, fresh, u64::from(BPF_NOEXIST)).is_ok() {
        return;
    }
    // Another CPU was first, or the map is full.
    match SYSCALLS.get_ptr_mut(key) {
        // SAFETY: as above.
        Some(stats) => unsafe { (*stats).calls += 1 },
        None => count(ProbeId::Syscalls, |c| c.map_full += 1),
    }
}

#[inline(always)]
fn count_return(key: Key, result: i64, duration_ns: u64) {
    // No entry: the map was full when the call was entered, and the call counted as lost.
    let Some(stats) = SYSCALLS.get_ptr_mut(key) else { return };
    // SAFETY: the pointer is to this CPU's value; no other program on this CPU writes it.
    let stats = unsafe { &mut *stats };
    stats.total_ns += duration_ns;
    let bucket = hist::bucket(duration_ns);
    if bucket < hist::BUCKETS {
        stats.hist[bucket] += 1;
    }
    if is_error(key.nr, result) {
        stats.errors += 1;
        count_errno(ErrnoKey { pid: key.pid, nr: key.nr, errno: -result as u32 });
    }
}

#[inline(always)]
fn count_errno(key: ErrnoKey) {
    if let Some(errors) = ERRNOS.get_ptr_mut(key) {
        // SAFETY: the pointer is to this CPU's value; no other program on this CPU writes it.
        unsafe { *errors += 1 };
    } else if ERRNOS.insert(key, 1, u64::from(BPF_NOEXIST)).is_err() {
        match ERRNOS.get_ptr_mut(key) {
            // SAFETY: as above.
            Some(errors) => unsafe { *errors += 1 },
            None => count(ProbeId::Syscalls, |c| c.map_full += 1),
        }
    }
}

#[inline(always)]
fn inflight(tid: u32) -> Option<*mut Inflight> {
    if let Some(inflight) = INFLIGHT.get_ptr_mut(tid) {
        return Some(inflight);
    }
    let fresh = Inflight { start_ns: 0, nr: 0, open: 0, args: [0; 4] };
    if INFLIGHT.insert(tid, fresh, 0).is_err() {
        let probe = if any_call_matters() { ProbeId::Syscalls } else { ProbeId::Opens };
        count(probe, |c| c.map_full += 1);
    }
    INFLIGHT.get_ptr_mut(tid)
}

/// The number, or [`INVALID`] for one that no system call has.
#[inline(always)]
fn valid(nr: u32) -> u32 {
    /// Marks the x32 calls of x86-64 (`__X32_SYSCALL_BIT`).
    const X32: u32 = 1 << 30;
    if nr & !X32 < INVALID { nr } else { INVALID }
}

/// [`COMPAT`] when the running thread is in a 32-bit system call.
#[inline(always)]
fn compat_bit() -> u32 {
    let bits = machine!(layout.compat_bits);
    if bits == 0 {
        return 0;
    }
    match field::<u32>(current_task(), machine!(layout.task_compat)) {
        Some(word) if word & bits != 0 => COMPAT,
        _ => 0,
    }
}

/// The system call numbers of the ABI that a call was made in.
#[inline(always)]
fn abi(nr: u32) -> Abi {
    if nr & COMPAT == 0 { machine!(native) } else { machine!(compat) }
}

/// Whether a call returned an error.
#[inline(always)]
fn is_error(nr: u32, result: i64) -> bool {
    (-MAX_ERRNO..0).contains(&result) && !is_sigreturn(nr)
}

#[inline(always)]
fn is_sigreturn(nr: u32) -> bool {
    let abi = abi(nr);
    let nr = nr & !COMPAT;
    nr == abi.rt_sigreturn || nr == abi.sigreturn
}
