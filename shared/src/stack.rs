//! Stack ids, as the off-CPU and profile probes hand them over.

/// Id where there is no such stack (a kernel thread's user stack, the kernel stack of a sample that
/// hit user code). Not a loss.
pub const NONE: i32 = -1;
/// Id of a stack that was lost, and counted as lost.
pub const LOST: i32 = -2;
/// Id of a wait that began before syscope watched, and whose stack is not to be had. Ids below it
/// name stacks that user space read when it began to watch.
pub const BEFORE_START: i32 = -3;
/// Bit of an id that tells which of the two stack tables it is in.
pub const TABLE_BIT: i32 = 1 << 24;
/// Frames of a stack that are kept at most (`PERF_MAX_STACK_DEPTH`).
pub const MAX_DEPTH: usize = 127;
