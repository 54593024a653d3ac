//! Where batches come from. Everything above this module is the same for every source.

#[cfg(test)]
pub(crate) mod arbitrary;
pub mod batch;
pub mod frame;
pub mod handle;
pub mod health;
pub mod live;
pub mod merge;
pub mod procfs;
pub mod record;
pub mod resolution;

pub use batch::{
    Batch, FailedCall, OffcpuDelta, OpenEvent, OpenPath, ProcessEvent, ProcessSeen, ProfileDelta,
    SyscallDelta, WaitState, WaitingNow,
};
pub use frame::{Frame, FrameKind, ResolvedStack, StackEnd, StackId};
pub use handle::{Control, Handle};
pub use health::{Health, Overhead, ProbeHealth, ProbeStatus, Unwind};
