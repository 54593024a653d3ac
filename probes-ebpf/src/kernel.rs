//! Reading the kernel's own structures, at offsets resolved from its BTF.

use crate::machine;
use aya_ebpf::helpers::bpf_probe_read_kernel;
use aya_ebpf::helpers::generated::{bpf_get_current_task, bpf_get_current_task_btf};
use core::ptr::read_volatile;
use syscope_shared::layout::{ABSENT, DIRECT};

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

/// The word of the running task's `task_struct` at [`DIRECT`]. The verifier knows what the helper returns
/// (kernel 5.11) and checks the place, so that it is read without a call: half the price of [`field`].
#[inline(always)]
pub fn current_task_word() -> u32 {
    // SAFETY: the place is in the structure; the verifier refuses it otherwise.
    unsafe { read_volatile(bpf_get_current_task_btf().cast::<u8>().add(DIRECT as usize).cast()) }
}

/// The running task's `task_struct`.
#[inline(always)]
pub fn current_task() -> u64 {
    // SAFETY: the helper has no preconditions.
    unsafe { bpf_get_current_task() }
}
