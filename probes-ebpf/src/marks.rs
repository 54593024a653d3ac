//! Leaves marks for user space: see [`syscope_shared::marks`].

use aya_ebpf::maps::Array;
use core::ptr::write_volatile;
use syscope_shared::marks::MARKS;

/// A map of marks, which user space reads in memory.
pub type Marks = Array<[u8; MARKS]>;

/// Says that a place of this bucket has been taken: to be called when that can be seen.
#[inline(always)]
pub fn mark(marks: &Marks, bucket: u32) {
    let Some(bytes) = marks.get_ptr_mut(bucket / MARKS as u32) else { return };
    // SAFETY: the map keeps the memory; whoever writes the byte meanwhile writes the same.
    unsafe { write_volatile(bytes.cast::<u8>().add(bucket as usize & (MARKS - 1)), 1) };
}
