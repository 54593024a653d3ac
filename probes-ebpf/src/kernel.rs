//! Reading the kernel's own structures, at offsets resolved from its BTF.

use crate::machine;
use aya_ebpf::helpers::{bpf_probe_read_kernel, generated::bpf_get_current_task};
use syscope_shared::layout::ABSENT;

/// Reads a field of the structure at `base`; `None` for a field this kernel does not have, a null
/// pointer, or memory that cannot be read.
#[inline(always)]
pub fn field<T>(base: u64, offset: u32) -> Option<T> {
    if offset == ABSENT || base == 0 {
        return None;
    }
    // SAFETY: the helper checks the address and fails on one that cannot be read.
    unsafe { bpf_probe_read_kernel((base + u64::from(offset)) as *const T) }.ok()
}

/// Which of the programs that its process has run one after the other the running task runs.
#[inline(always)]
pub fn current_exec_id() -> u32 {
    field(current_task(), machine!(layout.task_exec_id)).unwrap_or(0)
}

/// The running task's `task_struct`.
#[inline(always)]
pub fn current_task() -> u64 {
    // SAFETY: the helper has no preconditions.
    unsafe { bpf_get_current_task() }
}
