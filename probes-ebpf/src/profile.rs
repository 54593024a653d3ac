//! CPU profile: one sample a tick of each CPU's clock, idle left out.

use crate::filter::{settings, watched};
use crate::health::count;
use crate::kernel::{current_exec_id, current_task};
use crate::stack::kernel_stack;
use crate::unwind::{UserStack, Walk, name_stack, user_side, user_stack};
use crate::user_registers::Cpu;
use crate::{atomic, copies, offcpu};
use aya_ebpf::EbpfContext;
use aya_ebpf::bindings::BPF_NOEXIST;
use aya_ebpf::helpers::{
    bpf_get_current_comm, bpf_get_current_pid_tgid, generated::bpf_ktime_get_ns,
};
use aya_ebpf::macros::{map, perf_event};
use aya_ebpf::maps::HashMap;
use aya_ebpf::programs::PerfEventContext;
use syscope_shared::COMM_LEN;
use syscope_shared::health::ProbeId;
use syscope_shared::profile::Key;

#[map]
static PROFILE_0: HashMap<Key, u64> = HashMap::with_max_entries(8 * 1024, 0);

#[map]
static PROFILE_1: HashMap<Key, u64> = HashMap::with_max_entries(8 * 1024, 0);

/// The profile's walk.
const WALK: u32 = 0;

#[perf_event]
pub fn cpu_sample(ctx: PerfEventContext) -> i32 {
    let pid_tgid = bpf_get_current_pid_tgid();
    let (pid, tid) = ((pid_tgid >> 32) as u32, pid_tgid as u32);
    let Some(settings) = settings() else { return 0 };
    if tid == 0 {
        return 0;
    }
    if !watched(&settings, pid) {
        count(ProbeId::Profile, |c| c.filtered += 1);
        return 0;
    }
    count(ProbeId::Profile, |c| c.events += 1);
    // SAFETY: the helper has no preconditions.
    offcpu::settle_unseen(current_task(), unsafe { bpf_ktime_get_ns() });
    let comm = bpf_get_current_comm().unwrap_or([0; COMM_LEN]);
    let (probe, cpu) = (ProbeId::Profile, Cpu::Sampled(ctx.as_ptr().cast()));
    let epoch = settings.profile_epoch();
    let kernel = kernel_stack(&ctx, probe, WALK, 0);
    let side = user_side(WALK, &cpu);
    let user = match user_stack(&ctx, probe, WALK, (pid, current_exec_id(), 0), side) {
        UserStack::Name(name) => name,
        UserStack::NotReady(walk) => {
            if send_copy(walk, pid, comm, kernel) {
                return 0; // user space counts it
            }
            name_stack(WALK, probe as u32)
        }
    };
    if epoch & 1 == 0 {
        add(&PROFILE_0, pid, comm, kernel, user);
    } else {
        add(&PROFILE_1, pid, comm, kernel, user);
    }
    0
}

#[inline(always)]
fn send_copy(walk: &Walk, pid: u32, comm: [u8; COMM_LEN], kernel_stack: u64) -> bool {
    let registers = walk.sampled();
    copies::send(registers.sp, |head| {
        head.pid = pid;
        head.exec_id = current_exec_id();
        head.kernel_stack = kernel_stack;
        head.comm = comm;
        head.registers = registers;
        head.leaf = walk.leaf;
    })
}

#[inline(always)]
fn add(
    sums: &HashMap<Key, u64>,
    pid: u32,
    comm: [u8; COMM_LEN],
    kernel_stack: u64,
    user_stack: u64,
) {
    let exec_id = current_exec_id();
    let key = Key { user_stack, kernel_stack, pid, exec_id, comm };
    if let Some(samples) = sums.get_ptr_mut(key) {
        // SAFETY: the map keeps the memory.
        unsafe { atomic::add(samples, 1) };
    } else if sums.insert(key, 1, u64::from(BPF_NOEXIST)).is_err() {
        match sums.get_ptr_mut(key) {
            // SAFETY: as above.
            Some(samples) => unsafe { atomic::add(samples, 1) },
            None => count(ProbeId::Profile, |c| c.map_full += 1),
        }
    }
}
