//! Kernel stacks, through stack-trace maps: see [`syscope_shared::stack`].

use crate::health::count;
use aya_ebpf::maps::StackTrace;
use aya_ebpf::programs::tracing::StackIdContext;
use syscope_shared::health::ProbeId;
use syscope_shared::stack::{LOST, NONE, OVERFLOW};

const EFAULT: i32 = 14;
const EEXIST: i32 = 17;

/// Kernel stack of the current task, stored in `main` or, where the bucket is taken, in `overflow`.
/// `BPF_F_REUSE_STACKID` would never lose one, and show wrong ones instead.
#[inline(always)]
pub fn kernel_stack<C: StackIdContext>(
    ctx: &C,
    probe: ProbeId,
    main: &StackTrace,
    overflow: &StackTrace,
) -> i32 {
    let error = match ctx.get_stackid(main, 0) {
        Ok(id) => return id as i32,
        Err(error) => error,
    };
    if error == -EFAULT {
        return NONE;
    }
    if error == -EEXIST {
        match ctx.get_stackid(overflow, 0) {
            Ok(id) => return id as i32 | OVERFLOW,
            Err(_) => count(probe, |c| c.collisions += 1),
        }
    } else {
        count(probe, |c| c.stack_errors += 1);
    }
    LOST
}
