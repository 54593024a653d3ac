//! Process starts, execs and exits. Not filtered: user space needs every name, and they are rare.

use crate::filter::{list, listed, settings};
use crate::health::count;
use crate::kernel::{current_exec_id, current_task, field};
use crate::{machine, ring, tables, threads};
use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::helpers::generated::{bpf_get_current_comm, bpf_ktime_get_ns, bpf_probe_read_user};
use aya_ebpf::macros::{map, raw_tracepoint};
use aya_ebpf::maps::{PerCpuArray, RingBuf};
use aya_ebpf::programs::RawTracePointContext;
use syscope_shared::COMM_LEN;
use syscope_shared::health::ProbeId;
use syscope_shared::lifecycle::{CMDLINE_MAX, EXEC, EXIT, Event, FORK};

const RING_BYTES: u32 = 1024 * 1024;

#[map]
static LIFECYCLE: RingBuf = RingBuf::with_byte_size(RING_BYTES, 0);

/// An exec event in the making.
#[repr(C)]
struct Scratch {
    event: Event,
    cmdline: [u8; CMDLINE_MAX],
}

#[map]
static EXEC_SCRATCH: PerCpuArray<Scratch> = PerCpuArray::with_max_entries(1, 0);

#[raw_tracepoint(tracepoint = "sched_process_fork")]
pub fn process_fork(ctx: RawTracePointContext) -> i32 {
    let child: u64 = ctx.arg(1);
    // Whoever was at this address before.
    threads::thread_born(child);
    let Some(tid) = field::<u32>(child, machine!(layout.task_pid)) else { return 0 };
    let Some(pid) = field::<u32>(child, machine!(layout.task_tgid)) else { return 0 };
    if tid != pid {
        return 0; // a thread
    }
    let Some(parent) = field::<u32>(ctx.arg(0), machine!(layout.task_tgid)) else { return 0 };
    tables::forked(parent, pid);
    send(&event(FORK, pid, parent), 0);
    // Listed after the event is sent: user space may take out only what it has heard of.
    if let Some(settings) = settings()
        && settings.inherit_forks()
        && listed(parent)
    {
        list(pid);
    }
    0
}

#[raw_tracepoint(tracepoint = "sched_process_exec")]
pub fn process_exec(_ctx: RawTracePointContext) -> i32 {
    let pid_tgid = bpf_get_current_pid_tgid();
    let (pid, tid) = ((pid_tgid >> 32) as u32, pid_tgid as u32);
    send_exec(pid);
    if let Some(settings) = settings()
        && settings.adopt_execs()
    {
        list(pid);
    }
    threads::executes(tid);
    0
}

#[inline(always)]
fn send_exec(pid: u32) {
    let Some(scratch) = EXEC_SCRATCH.get_ptr_mut(0) else { return };
    // SAFETY: the scratch is this CPU's, and programs of this hook do not nest.
    let scratch = unsafe { &mut *scratch };
    scratch.event = event(EXEC, pid, 0);
    read_cmdline(scratch);
    let tail = scratch.event.cmdline_len as usize & (CMDLINE_MAX * 2 - 1);
    send(&scratch.event, tail.min(CMDLINE_MAX));
}

#[raw_tracepoint(tracepoint = "sched_process_exit")]
pub fn process_exit(_ctx: RawTracePointContext) -> i32 {
    let pid_tgid = bpf_get_current_pid_tgid();
    let pid = (pid_tgid >> 32) as u32;
    threads::ends();
    let live = field::<u64>(current_task(), machine!(layout.task_signal))
        .and_then(|signal| field::<u32>(signal, machine!(layout.signal_live)));
    if live == Some(0) {
        send(&event(EXIT, pid, 0), 0);
    }
    0
}

#[inline(always)]
fn event(kind: u32, pid: u32, parent: u32) -> Event {
    let mut event = Event {
        // SAFETY: the helper has no preconditions.
        time_ns: unsafe { bpf_ktime_get_ns() },
        kind,
        pid,
        parent,
        cmdline_len: 0,
        cmdline_total: 0,
        exec_id: current_exec_id(),
        comm: [0; COMM_LEN],
    };
    // SAFETY: the buffer is as long as said.
    unsafe { bpf_get_current_comm((&raw mut event.comm).cast(), COMM_LEN as u32) };
    event
}

/// Reads the new program's arguments, which exec has just written to its memory.
#[inline(always)]
fn read_cmdline(scratch: &mut Scratch) {
    let Some(mm) = field::<u64>(current_task(), machine!(layout.task_mm)) else { return };
    let Some(start) = field::<u64>(mm, machine!(layout.mm_arg_start)) else { return };
    let Some(end) = field::<u64>(mm, machine!(layout.mm_arg_end)) else { return };
    let total = end.saturating_sub(start);
    let len = total.min(CMDLINE_MAX as u64) as u32;
    let buffer = (&raw mut scratch.cmdline).cast();
    // SAFETY: the buffer is at least `len` bytes long; the helper checks the address it reads.
    if unsafe { bpf_probe_read_user(buffer, len, start as *const _) } == 0 {
        scratch.event.cmdline_len = len;
        scratch.event.cmdline_total = total.min(u64::from(u32::MAX)) as u32;
    }
}

/// Sends an event and the `tail` bytes behind it. A new program wakes user space, which may have to
/// watch it from now on; who is born has the program of its parent, and who has ended can wait.
#[inline(always)]
fn send(event: &Event, tail: usize) {
    count(ProbeId::Lifecycle, |c| c.events += 1);
    let size = size_of::<Event>() + tail;
    let filters = settings().is_some_and(|settings| settings.only_listed());
    let urgent = event.kind == EXEC || (filters && event.kind == FORK);
    let data = core::ptr::from_ref(event).cast_mut().cast();
    // SAFETY: the caller has `tail` bytes behind the event.
    if !unsafe { ring::send(&LIFECYCLE, RING_BYTES, data, size, urgent) } {
        count(ProbeId::Lifecycle, |c| c.ring_full += 1);
    }
}
