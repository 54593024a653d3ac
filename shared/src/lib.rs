//! The only contract between syscope's BPF programs and its user-space side.
//!
//! One file a probe. Every type here is plain old data with a fixed C layout, so that the bytes a
//! BPF map holds are the bytes user space decodes. Times are nanoseconds of `bpf_ktime_get_ns`
//! (`CLOCK_MONOTONIC`: it stands still while the machine is suspended) unless said otherwise.
#![cfg_attr(not(test), no_std)]

pub mod failed;
pub mod filter;
pub mod health;
pub mod hist;
pub mod layout;
pub mod lifecycle;
pub mod marks;
pub mod offcpu;
pub mod opens;
pub mod profile;
pub mod python;
pub mod stack;
pub mod syscalls;
pub mod threads;
pub mod unwind;

/// Bytes of a task's `comm`, the terminating NUL included (`TASK_COMM_LEN` in the kernel).
pub const COMM_LEN: usize = 16;
