//! Counts that all CPUs add to.
//!
//! `core` has no atomic types for BPF, but the compiler knows how to add: one instruction, which gives nothing
//! back, so that kernel 5.10 knows it, too.

use core::intrinsics::{AtomicOrdering, atomic_xadd};

/// Adds to a count, a `u32` or a `u64`.
///
/// # Safety
///
/// The count is one of a map's, and aligned.
#[inline(always)]
pub unsafe fn add<T: Copy>(count: *mut T, more: T) {
    // SAFETY: the caller's word; whoever else writes the count adds in one instruction, too.
    unsafe { atomic_xadd::<T, T, { AtomicOrdering::Relaxed }>(count, more) };
}
