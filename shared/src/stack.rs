//! Names of stacks, as the off-CPU and profile probes hand them over: a hash of the addresses (see
//! [`crate::unwind::Head::id`]), so that a name means the same stack for ever, whoever met it.

/// Name where there is no such stack (a kernel thread's user stack, the kernel stack of a sample that
/// hit user code). Not a loss.
pub const NONE: u64 = 0;
/// Name of a stack that was lost, and counted as lost.
pub const LOST: u64 = 1;
/// Name of a stack of a wait that began before syscope watched, and that is not to be had.
pub const BEFORE_START: u64 = 2;
/// Name of a stack that was not taken, for syscope was over its budget, and counted as such.
pub const SPARED: u64 = 3;
/// The first name of those that user space gives to the kernel stacks that it found when it began to watch.
pub const SEEDED: u64 = 16;
/// The least name that is a hash.
pub const FIRST: u64 = 1 << 16;
/// Frames of a kernel stack that are kept at most (`PERF_MAX_STACK_DEPTH`).
pub const KERNEL_FRAMES: usize = 127;

/// Whether a wait with this kernel stack was entered by user space.
#[inline(always)]
pub const fn is_of_before(kernel_stack: u64) -> bool {
    kernel_stack == BEFORE_START || (SEEDED <= kernel_stack && kernel_stack < FIRST)
}
