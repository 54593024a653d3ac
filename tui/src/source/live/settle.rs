//! A reading of the kernel, as a batch tells it.

use crate::kernel::Reading;

/// Sorts what maps gave in the order of a hash, so that a capture of it compresses better, and rounds
/// what is told less finely than the kernel measured it.
pub fn settle(reading: &mut Reading) {
    reading.syscalls.sort_unstable_by_key(|delta| (delta.pid, delta.nr));
    reading
        .offcpu
        .sort_unstable_by_key(|wait| (wait.pid, wait.state, wait.kernel_stack, wait.user_stack));
    reading.profile.sort_unstable_by_key(|hit| (hit.pid, hit.kernel_stack, hit.user_stack));
    reading.opens.iter_mut().for_each(|open| open.round());
}
