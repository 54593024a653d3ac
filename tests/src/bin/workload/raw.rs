//! System calls made directly, so that the C library neither adds nor saves any.
#![allow(unsafe_code)]

use libc::{c_int, c_long, mode_t, timespec};
use std::ffi::CStr;
use std::io::Error;
use std::time::Duration;

/// What a call returned, or its error number.
pub type Outcome = Result<c_int, i32>;

fn outcome(returned: c_long) -> Outcome {
    if returned < 0 {
        Err(Error::last_os_error().raw_os_error().unwrap_or(0))
    } else {
        Ok(c_int::try_from(returned).unwrap_or(c_int::MAX))
    }
}

/// `getppid`.
pub fn getppid() {
    // SAFETY: takes no arguments and touches no memory.
    unsafe { libc::syscall(libc::SYS_getppid) };
}

/// `getpid`.
pub fn getpid() {
    // SAFETY: takes no arguments and touches no memory.
    unsafe { libc::syscall(libc::SYS_getpid) };
}

/// A call with a number that no system call has: those of 7.x end at 471, those of x32 at 547.
pub fn nonexistent(number: c_long) -> Outcome {
    assert!(number >= 600, "{number} may exist");
    // SAFETY: the kernel does nothing but return an error.
    outcome(unsafe { libc::syscall(number) })
}

/// `close`.
pub fn close(fd: c_int) -> Outcome {
    // SAFETY: the workloads close only descriptors that they opened through this module, or -1.
    outcome(unsafe { libc::syscall(libc::SYS_close, fd) })
}

/// `lseek` to the start, counted from what `whence` says.
pub fn lseek(fd: c_int, whence: c_int) -> Outcome {
    // SAFETY: touches no memory.
    outcome(unsafe { libc::syscall(libc::SYS_lseek, fd, 0, whence) })
}

/// `open`, where the architecture has it.
#[cfg(target_arch = "x86_64")]
pub fn open(path: &CStr, flags: c_int) -> Outcome {
    // SAFETY: the path is NUL-terminated and lives through the call.
    outcome(unsafe { libc::syscall(libc::SYS_open, path.as_ptr(), flags, 0) })
}

/// `open`, where the architecture has only `openat`.
#[cfg(not(target_arch = "x86_64"))]
pub fn open(path: &CStr, flags: c_int) -> Outcome {
    openat(libc::AT_FDCWD, path, flags, 0)
}

/// `creat`, where the architecture has it.
#[cfg(target_arch = "x86_64")]
pub fn creat(path: &CStr, mode: mode_t) -> Outcome {
    // SAFETY: the path is NUL-terminated and lives through the call.
    outcome(unsafe { libc::syscall(libc::SYS_creat, path.as_ptr(), mode) })
}

/// `creat`, where the architecture has only `openat`.
#[cfg(not(target_arch = "x86_64"))]
pub fn creat(path: &CStr, mode: mode_t) -> Outcome {
    openat(libc::AT_FDCWD, path, libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC, mode)
}

/// `openat`.
pub fn openat(dirfd: c_int, path: &CStr, flags: c_int, mode: mode_t) -> Outcome {
    // SAFETY: the path is NUL-terminated and lives through the call.
    outcome(unsafe { libc::syscall(libc::SYS_openat, dirfd, path.as_ptr(), flags, mode) })
}

/// `openat` of the path that lies at the start of a mapping.
pub fn openat_mapped(mapping: &[u8], flags: c_int) -> Outcome {
    // Not looked at here: a check for the NUL would bring the page into memory.
    // SAFETY: the kernel reads up to a NUL, which the file behind the mapping ends with, and
    // checks every access itself.
    outcome(unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, mapping.as_ptr(), flags, 0) })
}

/// `openat` of a path at an address where there is nothing.
pub fn openat_nowhere(flags: c_int) -> Outcome {
    // SAFETY: the kernel checks the address and fails with EFAULT.
    outcome(unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, 8usize, flags, 0) })
}

/// `openat2` without resolve flags.
pub fn openat2(dirfd: c_int, path: &CStr, flags: c_int, mode: mode_t) -> Outcome {
    #[repr(C)]
    struct How {
        flags: u64,
        mode: u64,
        resolve: u64,
    }
    let how = How { flags: flags as u64, mode: u64::from(mode), resolve: 0 };
    // SAFETY: the path is NUL-terminated, `how` has the layout and size the kernel is told, and
    // both live through the call.
    outcome(unsafe {
        libc::syscall(libc::SYS_openat2, dirfd, path.as_ptr(), &raw const how, size_of::<How>())
    })
}

fn spec(time: Duration) -> timespec {
    timespec { tv_sec: time.as_secs() as i64, tv_nsec: i64::from(time.subsec_nanos()) }
}

/// `nanosleep`.
pub fn nanosleep(time: Duration) {
    let request = spec(time);
    let none: *mut timespec = std::ptr::null_mut();
    // SAFETY: the request lives through the call; no remainder is asked for.
    unsafe { libc::syscall(libc::SYS_nanosleep, &raw const request, none) };
}

/// `clock_nanosleep` on the monotonic clock.
pub fn clock_nanosleep(time: Duration) {
    let request = spec(time);
    let none: *mut timespec = std::ptr::null_mut();
    // SAFETY: the request lives through the call; no remainder is asked for.
    unsafe {
        libc::syscall(libc::SYS_clock_nanosleep, libc::CLOCK_MONOTONIC, 0, &raw const request, none)
    };
}

/// A private mapping of a whole file whose pages are not yet in this process's page table.
pub fn map_untouched(file: &std::fs::File, bytes: usize) -> &'static [u8] {
    use std::os::fd::AsRawFd;
    // SAFETY: a new mapping at an address of the kernel's choice, never unmapped; the file is as
    // long as `bytes` and nobody changes it.
    unsafe {
        let start = libc::mmap(
            std::ptr::null_mut(),
            bytes,
            libc::PROT_READ,
            libc::MAP_PRIVATE,
            file.as_raw_fd(),
            0,
        );
        assert_ne!(start, libc::MAP_FAILED, "{}", Error::last_os_error());
        std::slice::from_raw_parts(start.cast(), bytes)
    }
}

/// Raises this process above all normal ones, so that what else the machine runs does not disturb
/// a measurement of shares. Best effort.
pub fn raise_priority() {
    // SAFETY: touches no memory.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, -20) };
    // Where sessions are grouped automatically, niceness counts only inside the group.
    let _ = std::fs::write("/proc/self/autogroup", "-20");
}

/// Leaves the directory that threads share: this thread has its own from now on.
pub fn own_directory() {
    // SAFETY: touches no memory; affects only this thread's working directory, umask and root.
    assert_eq!(unsafe { libc::unshare(libc::CLONE_FS) }, 0, "{}", Error::last_os_error());
}
