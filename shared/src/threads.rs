//! What the programs know of each thread: a slot of an array, found by an address that is the thread's
//! alone, at a fraction of what a look into a hash map costs. System calls know a thread by its kernel
//! stack, the scheduler by its `task_struct`: each has that at hand without a call into the kernel.
//!
//! The slots lie in buckets of [`WAYS`]. A thread has the slot whose place among the addresses holds its
//! own; who finds its bucket full is kept in a hash map instead. A slot is freed when its thread
//! ends, and again when another is born at the same address.

use crate::offcpu::Waiting;
use crate::syscalls::Inflight;
use bytemuck::{Pod, Zeroable};

/// Slots of a bucket.
pub const WAYS: usize = 7;
/// Buckets, as a power of two.
pub const BUCKETS_LOG2: u32 = 12;
/// Buckets.
pub const BUCKETS: u32 = 1 << BUCKETS_LOG2;
/// Slots.
pub const SLOTS: u32 = BUCKETS * WAYS as u32;
/// Threads whose bucket is full, at most.
pub const MORE: u32 = 8 * 1024;

/// A bucket of slots. What is searched comes first: a line of the cache.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Bucket<V> {
    /// Whose the slots are; 0: a slot is free.
    pub addresses: [u64; WAYS],
    /// Not 0 once a thread has found all of them taken.
    pub overflown: u64,
    /// The slots.
    pub slots: [V; WAYS],
}

/// Who a thread is, and whether it is watched.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Identity {
    /// Its process (the kernel's tgid).
    pub pid: u32,
    /// The thread (the kernel's pid); 0 for what runs when a CPU is idle.
    pub tid: u32,
    /// Twice the generation of the filter that it was judged by (see
    /// [`crate::filter::Config::generation`]), and 1 more when it is watched; 0: it was not judged yet.
    pub verdict: u32,
    /// Which of its programs the process runs (see [`crate::offcpu::Key::exec_id`]); only of waiters.
    pub exec_id: u32,
}

/// A thread, as system calls know it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Caller {
    /// Who it is.
    pub who: Identity,
    /// The system call it is in.
    pub call: Inflight,
}

/// A thread, as the scheduler knows it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Waiter {
    /// Who it is.
    pub who: Identity,
    /// The wait it is in.
    pub wait: Waiting,
    /// How long the last one was, in ns; `u64::MAX` before the first.
    pub last_ns: u64,
}

/// The bucket of an address, which is a multiple of 64. (Fibonacci hashing: Knuth, The Art of Computer
/// Programming 3, 6.4.)
#[inline(always)]
pub fn bucket(address: u64) -> u32 {
    ((address >> 6).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - BUCKETS_LOG2)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_at_any_distance_spread_over_all_buckets() {
        for distance in [9_728, 16 * 1024, 20 * 1024, 32 * 1024] {
            let mut threads = [0u32; BUCKETS as usize];
            for index in 0..u64::from(SLOTS) / 2 {
                threads[bucket(0xffff_8881_0000_0000 + index * distance) as usize] += 1;
            }
            let full = threads.iter().map(|count| count.saturating_sub(WAYS as u32)).sum::<u32>();
            assert!(full < SLOTS / 2 / 20, "{distance}: {full} of {} find it full", SLOTS / 2);
        }
    }
}
