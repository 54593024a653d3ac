//! System calls. The two programs here also serve the opens probe, and the stream of calls that fail:
//! a hook that every system call passes is paid for once.

use crate::filter::settings;
use crate::health::count;
use crate::kernel::{current_task, current_task_word, field};
use crate::{atomic, calls, failed, machine, opens, threads};
use aya_ebpf::bindings::BPF_NOEXIST;
use aya_ebpf::helpers::generated::bpf_ktime_get_ns;
use aya_ebpf::macros::{map, raw_tracepoint};
use aya_ebpf::maps::HashMap;
use aya_ebpf::programs::RawTracePointContext;
use syscope_shared::COMM_LEN;
use syscope_shared::failed::Event;
use syscope_shared::health::ProbeId;
use syscope_shared::layout::Abi;
use syscope_shared::syscalls::{COMPAT, ErrnoKey, INVALID, Key, NO_ROW};

/// Largest error number (`MAX_ERRNO` in the kernel).
const MAX_ERRNO: i64 = 4095;

#[map]
static ERRNOS: HashMap<ErrnoKey, u64> = HashMap::with_max_entries(16 * 1024, 0);

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
    let registers: u64 = ctx.arg(0);
    let nr = ctx.arg::<u64>(1) as u32 & !COMPAT;
    if !any_call_matters() && !opens::may_be_open(nr) {
        return in_none(registers);
    }
    let Some(settings) = settings() else { return };
    let Some(thread) = threads::running_caller(registers) else { return };
    // Where the exit of the call before was not seen, this one's must not be taken for it.
    thread.call.start_ns = 0;
    if !settings.watch(&mut thread.who) {
        return left_out(nr);
    }
    let nr = valid(nr) | compat_bit();
    let abi = abi(nr);
    let open = machine!(opens_on) == 1
        && opens::is_open(&abi, nr & !COMPAT)
        && opens::is_to_be_sent(&settings);
    if !any_call_matters() && !open {
        return;
    }
    let call = &mut thread.call;
    call.nr = nr;
    call.row = NO_ROW;
    if machine!(syscalls_on) == 1 {
        call.row = calls::entered(Key { pid: thread.who.pid, nr });
    }
    call.open = u32::from(open);
    if open {
        opens::keep_args(registers);
    }
    // SAFETY: the helper has no preconditions.
    call.start_ns = unsafe { bpf_ktime_get_ns() };
}

#[inline(always)]
fn exit(ctx: &RawTracePointContext) {
    let registers = ctx.arg(0);
    let Some(thread) = threads::caller(registers) else { return };
    let call = &mut thread.call;
    if call.start_ns == 0 {
        return;
    }
    // SAFETY: the helper has no preconditions.
    let duration_ns = unsafe { bpf_ktime_get_ns() } - call.start_ns;
    let result: i64 = ctx.arg(1);
    let is_error = is_error(call.nr, result);
    if machine!(syscalls_on) == 1 {
        calls::returned(Key { pid: thread.who.pid, nr: call.nr }, call.row, duration_ns, is_error);
    }
    if is_error {
        failed(registers, result, duration_ns);
    }
    if call.open == 1 {
        opens::opened(registers, result, duration_ns);
    }
    call.start_ns = 0;
}

/// The call of a thread returned an error. A global function, which the verifier looks at by itself, as are
/// all that few calls need: the way of the others stays short for it, and for the CPU.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn failed(registers: u64, result: i64, duration_ns: u64) -> u32 {
    let Some(thread) = threads::caller(registers) else { return 1 };
    let (pid, tid, nr) = (thread.who.pid, thread.who.tid, thread.call.nr);
    let errno = -result as u32;
    if machine!(syscalls_on) == 1 {
        count_errno(ErrnoKey { pid, nr, errno });
    }
    if machine!(failed_on) == 1 {
        let (time_ns, comm) = (thread.call.start_ns, [0; COMM_LEN]);
        failed::emit(Event { time_ns, duration_ns, pid, tid, nr, errno, comm });
    }
    0
}

/// Whether every call is followed to its exit, not only the opens.
#[inline(always)]
fn any_call_matters() -> bool {
    machine!(syscalls_on) == 1 || machine!(failed_on) == 1
}

/// The filter leaves a call out.
#[inline(always)]
fn left_out(nr: u32) {
    if any_call_matters() {
        count(ProbeId::Syscalls, |c| c.filtered += 1);
    }
    if machine!(opens_on) == 1 && opens::may_be_open(nr) {
        count(ProbeId::Opens, |c| c.filtered += 1);
    }
}

/// The thread enters a call that nobody asks for. Where the exit of the one before was not seen, this
/// call's must not be taken for it.
#[inline(always)]
fn in_none(registers: u64) {
    if let Some(thread) = threads::caller(registers) {
        thread.call.start_ns = 0;
    }
}

#[inline(always)]
fn count_errno(key: ErrnoKey) {
    add_errno(key);
    count(ProbeId::Syscalls, |c| c.errnos_written += 1);
}

#[inline(always)]
fn add_errno(key: ErrnoKey) {
    if let Some(errors) = ERRNOS.get_ptr_mut(key) {
        // SAFETY: the map keeps the memory.
        unsafe { atomic::add(errors, 1) };
    } else if ERRNOS.insert(key, 1, u64::from(BPF_NOEXIST)).is_err() {
        match ERRNOS.get_ptr_mut(key) {
            // SAFETY: as above.
            Some(errors) => unsafe { atomic::add(errors, 1) },
            None => count(ProbeId::Syscalls, |c| c.map_full += 1),
        }
    }
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
    let word = if machine!(compat_direct) == 1 {
        current_task_word()
    } else {
        field(current_task(), machine!(layout.task_compat)).unwrap_or(0)
    };
    if word & bits != 0 { COMPAT } else { 0 }
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
