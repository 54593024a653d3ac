//! CPU profile.

use crate::COMM_LEN;
use bytemuck::{Pod, Zeroable};

/// Key of the `PROFILE_0` and `PROFILE_1` maps, whose value is a sample count (`u64`).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Pod, Zeroable)]
pub struct Key {
    /// User stack of the sample (see [`crate::stack`]).
    pub user_stack: u64,
    /// Kernel stack of the sample.
    pub kernel_stack: u64,
    /// Process (the kernel's tgid).
    pub pid: u32,
    /// Which of its programs the process ran (see [`crate::offcpu::Key::exec_id`]).
    pub exec_id: u32,
    /// Name of the thread.
    pub comm: [u8; COMM_LEN],
}
