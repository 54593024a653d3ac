//! Stack ids, as the off-CPU and profile probes hand them over.
//!
//! A stack-trace map drops a new stack whose bucket is taken by another, so it has to stay sparse.
//! Each probe has two sets of maps and writes to one of them; before that one fills up, user space
//! begins a new *epoch*: it empties the other set, which nothing has written to for a whole tick, and
//! has the probe write there. An id means something only together with the epoch it was given in.

/// Id where there is no such stack (a kernel thread's user stack, the kernel stack of a sample that
/// hit user code). Not a loss.
pub const NONE: i32 = -1;
/// Id of a stack that was lost, and counted as lost.
pub const LOST: i32 = -2;
/// Id of a wait that began before syscope watched, and whose stack is not to be had. Ids below it
/// name stacks that user space read when it began to watch.
pub const BEFORE_START: i32 = -3;
/// Bit of an id: the stack is in the overflow table of its set, for its bucket of the main table was
/// taken.
pub const OVERFLOW: i32 = 1 << 24;
/// What names a user stack where there is none: a kernel thread has none. Not a loss.
pub const USER_NONE: u64 = 0;
/// Name of a user stack that was lost, and counted as lost.
pub const USER_LOST: u64 = 1;
/// Name of the user stack of a wait that began before syscope watched: nobody was there to walk it.
pub const USER_BEFORE_START: u64 = 2;
/// The least name of a user stack that is one (see [`crate::unwind::Head::id`]).
pub const USER_FIRST: u64 = 16;
/// Frames of a kernel stack that are kept at most (`PERF_MAX_STACK_DEPTH`).
pub const MAX_DEPTH: usize = 127;
/// Stacks that a main table of the off-CPU probe holds: a busy machine switches at thousands of
/// different places between two ticks.
pub const OFFCPU_MAIN: u32 = 4 * 1024;
/// Stacks that an overflow table of the off-CPU probe holds.
pub const OFFCPU_OVERFLOW: u32 = 2 * 1024;
/// Stacks that a main table of the profile holds: its samples are few.
pub const PROFILE_MAIN: u32 = 1024;
/// Stacks that an overflow table of the profile holds.
pub const PROFILE_OVERFLOW: u32 = 512;
