//! Stacks, through stack-trace maps: see [`syscope_shared::stack`].

use crate::health::count;
use aya_ebpf::bindings::BPF_F_USER_STACK;
use aya_ebpf::maps::StackTrace;
use aya_ebpf::programs::tracing::StackIdContext;
use syscope_shared::health::ProbeId;
use syscope_shared::stack::{LOST, NONE, OVERFLOW};

const EFAULT: i32 = 14;
const EEXIST: i32 = 17;

/// Kernel and user stack of the current task, stored in `main` or, where the bucket is taken, in
/// `overflow`. `BPF_F_REUSE_STACKID` would never lose one, and show wrong ones instead.
#[inline(always)]
pub fn stacks<C: StackIdContext>(
    ctx: &C,
    probe: ProbeId,
    main: &StackTrace,
    overflow: &StackTrace,
) -> (i32, i32) {
    let kernel = stored(ctx, probe, main, overflow, 0);
    (kernel, stored(ctx, probe, main, overflow, u64::from(BPF_F_USER_STACK)))
}

#[inline(always)]
fn stored<C: StackIdContext>(
    ctx: &C,
    probe: ProbeId,
    main: &StackTrace,
    overflow: &StackTrace,
    flags: u64,
) -> i32 {
    let error = match ctx.get_stackid(main, flags) {
        Ok(id) => return id as i32,
        Err(error) => error,
    };
    if error == -EFAULT {
        return NONE;
    }
    if error == -EEXIST {
        match ctx.get_stackid(overflow, flags) {
            Ok(id) => return id as i32 | OVERFLOW,
            Err(_) => count(probe, |c| c.collisions += 1),
        }
    } else {
        count(probe, |c| c.stack_errors += 1);
    }
    LOST
}
