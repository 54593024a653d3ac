//! Stacks of threads that wait where they have waited before. Walking a stack costs microseconds; to see
//! that it is the one that was walked, it is enough to look at the words that the walk went by.
//!
//! What is remembered belongs to a CPU, whose switches do not nest.

mod kernel;
mod user;

pub use kernel::{address_of, recall_kernel_stack, remember_kernel_stack};
pub use user::{recall_stack, remember_stack};

use aya_ebpf::macros::map;
use aya_ebpf::maps::PerCpuArray;

/// Words of a kernel stack that are looked at, from the leaf on; a power of two.
const PART: usize = 256;

/// Room for the part of a kernel stack that is looked at.
#[map]
static STACK_PART: PerCpuArray<[u64; PART]> = PerCpuArray::with_max_entries(1, 0);

#[inline(always)]
fn stack_part() -> Option<&'static mut [u64; PART]> {
    // SAFETY: the value is this CPU's, and the switches of a CPU do not nest.
    STACK_PART.get_ptr_mut(0).map(|part| unsafe { &mut *part })
}
