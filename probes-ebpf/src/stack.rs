//! Stacks, through stack-trace maps.
//!
//! A stack-trace map drops a new stack whose bucket is taken (`-EEXIST`): each probe has two
//! tables, and what collides in one goes to the other, so that only what collides in both is lost.

use crate::health::count;
use aya_ebpf::bindings::{BPF_F_FAST_STACK_CMP, BPF_F_USER_STACK};
use aya_ebpf::maps::StackTrace;
use aya_ebpf::programs::tracing::StackIdContext;
use syscope_shared::health::ProbeId;
use syscope_shared::stack::{LOST, NONE, TABLE_BIT};

/// Stacks that one table holds.
pub const SLOTS: u32 = 8 * 1024;

const EFAULT: i32 = 14;
const EEXIST: i32 = 17;

/// Kernel and user stack of the current task, stored in the first table that has room.
#[inline(always)]
pub fn stacks<C: StackIdContext>(
    ctx: &C,
    probe: ProbeId,
    first: &StackTrace,
    second: &StackTrace,
    table: u32,
) -> (i32, i32) {
    const _: () = assert!(BPF_F_FAST_STACK_CMP != 0); // not used: it compares hashes only
    let user = u64::from(BPF_F_USER_STACK);
    if table == 0 {
        (
            stored(ctx, probe, (first, 0), (second, TABLE_BIT), 0),
            stored(ctx, probe, (first, 0), (second, TABLE_BIT), user),
        )
    } else {
        (
            stored(ctx, probe, (second, TABLE_BIT), (first, 0), 0),
            stored(ctx, probe, (second, TABLE_BIT), (first, 0), user),
        )
    }
}

#[inline(always)]
fn stored<C: StackIdContext>(
    ctx: &C,
    probe: ProbeId,
    (table, bit): (&StackTrace, i32),
    (other, other_bit): (&StackTrace, i32),
    flags: u64,
) -> i32 {
    let error = match ctx.get_stackid(table, flags) {
        Ok(id) => return id as i32 | bit,
        Err(error) => error,
    };
    if error == -EFAULT {
        return NONE;
    }
    if error == -EEXIST {
        match ctx.get_stackid(other, flags) {
            Ok(id) => return id as i32 | other_bit,
            Err(_) => count(probe, |c| c.collisions += 1),
        }
    } else {
        count(probe, |c| c.stack_errors += 1);
    }
    LOST
}
