//! CPU profile: one sample a tick of each CPU's clock, idle left out.

use crate::config;
use crate::filter::watched;
use crate::health::count;
use crate::kernel::current_exec_id;
use crate::offcpu;
use crate::stack::stacks;
use aya_ebpf::bindings::BPF_NOEXIST;
use aya_ebpf::helpers::{
    bpf_get_current_comm, bpf_get_current_pid_tgid, generated::bpf_ktime_get_ns,
};
use aya_ebpf::macros::{map, perf_event};
use aya_ebpf::maps::{PerCpuHashMap, StackTrace};
use aya_ebpf::programs::PerfEventContext;
use syscope_shared::COMM_LEN;
use syscope_shared::health::ProbeId;
use syscope_shared::profile::Key;
use syscope_shared::stack::{PROFILE_MAIN, PROFILE_OVERFLOW};

#[map]
static PROFILE_0: PerCpuHashMap<Key, u64> = PerCpuHashMap::with_max_entries(8 * 1024, 0);

#[map]
static PROFILE_1: PerCpuHashMap<Key, u64> = PerCpuHashMap::with_max_entries(8 * 1024, 0);

#[map]
static PROFILE_STACKS_0: StackTrace = StackTrace::with_max_entries(PROFILE_MAIN, 0);

#[map]
static PROFILE_STACKS_1: StackTrace = StackTrace::with_max_entries(PROFILE_MAIN, 0);

#[map]
static PROFILE_OVERFLOW_0: StackTrace = StackTrace::with_max_entries(PROFILE_OVERFLOW, 0);

#[map]
static PROFILE_OVERFLOW_1: StackTrace = StackTrace::with_max_entries(PROFILE_OVERFLOW, 0);

#[perf_event]
pub fn cpu_sample(ctx: PerfEventContext) -> i32 {
    let pid_tgid = bpf_get_current_pid_tgid();
    let (pid, tid) = ((pid_tgid >> 32) as u32, pid_tgid as u32);
    let Some(config) = config() else { return 0 };
    if tid == 0 || !watched(&config, pid) {
        return 0;
    }
    count(ProbeId::Profile, |c| c.events += 1);
    // SAFETY: the helper has no preconditions.
    let now = unsafe { bpf_ktime_get_ns() };
    offcpu::settle_unseen(tid, config.offcpu_epoch, now);
    let comm = bpf_get_current_comm().unwrap_or([0; COMM_LEN]);
    if config.profile_epoch & 1 == 0 {
        let stacks = stacks(&ctx, ProbeId::Profile, &PROFILE_STACKS_0, &PROFILE_OVERFLOW_0);
        add(&PROFILE_0, pid, comm, stacks);
    } else {
        let stacks = stacks(&ctx, ProbeId::Profile, &PROFILE_STACKS_1, &PROFILE_OVERFLOW_1);
        add(&PROFILE_1, pid, comm, stacks);
    }
    0
}

#[inline(always)]
fn add(sums: &PerCpuHashMap<Key, u64>, pid: u32, comm: [u8; COMM_LEN], stacks: (i32, i32)) {
    let exec_id = current_exec_id();
    let key = Key { pid, kernel_stack: stacks.0, user_stack: stacks.1, exec_id, comm };
    if let Some(samples) = sums.get_ptr_mut(key) {
        // SAFETY: the pointer is to this CPU's value; the clock does not nest on a CPU.
        unsafe { *samples += 1 };
    } else if sums.insert(key, 1, u64::from(BPF_NOEXIST)).is_err() {
        match sums.get_ptr_mut(key) {
            // SAFETY: as above.
            Some(samples) => unsafe { *samples += 1 },
            None => count(ProbeId::Profile, |c| c.map_full += 1),
        }
    }
}
