//! The heap of this process: what of it is free goes back to the system.
//!
//! The allocator of the C library keeps what was freed for what comes, a heap a thread, and the more the larger it
//! once was: after the start (types of the kernel, its symbols, the first tables), and after every moment of much
//! work, that is more than all that is in use.

/// Has all threads share one heap. To be called before there are others. (They hardly wait for each other: each
/// has a store of small pieces of its own.)
pub fn share_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: sets a number that the allocator reads when a thread first asks for memory.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// Gives all whole pages back that are free: some ms for a heap of 100 MB, during which allocations wait.
pub fn give_memory_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: only pages of free memory are given back.
    unsafe {
        libc::malloc_trim(0);
    }
}
