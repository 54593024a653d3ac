//! CPU profile: one sample a tick of each CPU's clock, idle left out.

use crate::config;
use crate::filter::watched;
use crate::health::count;
use crate::stack::{self, stacks};
use aya_ebpf::bindings::BPF_NOEXIST;
use aya_ebpf::helpers::{bpf_get_current_comm, bpf_get_current_pid_tgid};
use aya_ebpf::macros::{map, perf_event};
use aya_ebpf::maps::{PerCpuHashMap, StackTrace};
use aya_ebpf::programs::PerfEventContext;
use syscope_shared::COMM_LEN;
use syscope_shared::health::ProbeId;
use syscope_shared::profile::Key;

#[map]
static PROFILE: PerCpuHashMap<Key, u64> = PerCpuHashMap::with_max_entries(16 * 1024, 0);

#[map]
static PROFILE_STACKS_0: StackTrace = StackTrace::with_max_entries(stack::SLOTS, 0);

#[map]
static PROFILE_STACKS_1: StackTrace = StackTrace::with_max_entries(stack::SLOTS, 0);

#[perf_event]
pub fn cpu_sample(ctx: PerfEventContext) -> i32 {
    let pid_tgid = bpf_get_current_pid_tgid();
    let (pid, tid) = ((pid_tgid >> 32) as u32, pid_tgid as u32);
    let Some(config) = config() else { return 0 };
    if tid == 0 || !watched(config, pid) {
        return 0;
    }
    count(ProbeId::Profile, |c| c.events += 1);
    let comm = bpf_get_current_comm().unwrap_or([0; COMM_LEN]);
    let (kernel_stack, user_stack) =
        stacks(&ctx, ProbeId::Profile, &PROFILE_STACKS_0, &PROFILE_STACKS_1, config.profile_table);
    add(Key { pid, kernel_stack, user_stack, comm });
    0
}

#[inline(always)]
fn add(key: Key) {
    if let Some(samples) = PROFILE.get_ptr_mut(key) {
        // SAFETY: the pointer is to this CPU's value; the clock does not nest on a CPU.
        unsafe { *samples += 1 };
    } else if PROFILE.insert(key, 1, u64::from(BPF_NOEXIST)).is_err() {
        match PROFILE.get_ptr_mut(key) {
            // SAFETY: as above.
            Some(samples) => unsafe { *samples += 1 },
            None => count(ProbeId::Profile, |c| c.map_full += 1),
        }
    }
}
