//! CPU profile.

use crate::COMM_LEN;
use bytemuck::{Pod, Zeroable};

/// Key of the `PROFILE_0` and `PROFILE_1` maps, whose per-CPU value is a sample count (`u64`).
///
/// Stack ids are those of [`crate::stack`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Pod, Zeroable)]
pub struct Key {
    /// User stack of the sample (see [`crate::stack::USER_NONE`]).
    pub user_stack: u64,
    /// Process (the kernel's tgid).
    pub pid: u32,
    /// Kernel stack of the sample.
    pub kernel_stack: i32,
    /// Which of its programs the process ran (see [`crate::offcpu::Key::exec_id`]).
    pub exec_id: u32,
    /// Makes the size a multiple of eight.
    pub pad: u32,
    /// Name of the thread.
    pub comm: [u8; COMM_LEN],
}
