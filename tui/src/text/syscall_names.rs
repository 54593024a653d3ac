//! Names of system calls, error numbers and open flags of the machine's ABI.

use std::borrow::Cow;
use syscope_shared::syscalls::COMPAT;

/// Bit of the x32 ABI in a number of x86-64 (`__X32_SYSCALL_BIT`).
#[cfg(target_arch = "x86_64")]
const X32: u32 = 0x4000_0000;

/// Name of a system call by its number, with [`COMPAT`] for 32-bit calls: `openat`,
/// `openat (32-bit)`, `syscall_999` where the number has no name.
pub fn syscall_name(nr: u32) -> Cow<'static, str> {
    // A call numbered -1, as a tracer or seccomp leaves behind, is of no table.
    if nr == u32::MAX {
        return Cow::Borrowed("syscall_-1");
    }
    if nr & COMPAT != 0 {
        let nr = nr & !COMPAT;
        return Cow::Owned(format!("{} (32-bit)", or_number(compat_name(nr), nr)));
    }
    #[cfg(target_arch = "x86_64")]
    if nr & X32 != 0 {
        let nr = nr & !X32;
        return Cow::Owned(format!("{} (x32)", or_number(x32_name(nr), nr)));
    }
    or_number(syscalls::Sysno::new(nr as usize).map(|call| call.name()), nr)
}

fn or_number(name: Option<&'static str>, nr: u32) -> Cow<'static, str> {
    name.map_or_else(|| Cow::Owned(format!("syscall_{nr}")), Cow::Borrowed)
}

#[cfg(target_arch = "x86_64")]
fn compat_name(nr: u32) -> Option<&'static str> {
    syscalls::x86::Sysno::new(nr as usize).map(|call| call.name())
}

#[cfg(target_arch = "aarch64")]
fn compat_name(nr: u32) -> Option<&'static str> {
    syscalls::arm::Sysno::new(nr as usize).map(|call| call.name())
}

/// x32 has the numbers of x86-64 up to 511; from 512 on it has calls of its own.
#[cfg(target_arch = "x86_64")]
fn x32_name(nr: u32) -> Option<&'static str> {
    const OWN: [&str; 36] = [
        "rt_sigaction",
        "rt_sigreturn",
        "ioctl",
        "readv",
        "writev",
        "recvfrom",
        "sendmsg",
        "recvmsg",
        "execve",
        "ptrace",
        "rt_sigpending",
        "rt_sigtimedwait",
        "rt_sigqueueinfo",
        "sigaltstack",
        "timer_create",
        "mq_notify",
        "kexec_load",
        "waitid",
        "set_robust_list",
        "get_robust_list",
        "vmsplice",
        "move_pages",
        "preadv",
        "pwritev",
        "rt_tgsigqueueinfo",
        "recvmmsg",
        "sendmmsg",
        "process_vm_readv",
        "process_vm_writev",
        "setsockopt",
        "getsockopt",
        "io_setup",
        "io_submit",
        "execveat",
        "preadv2",
        "pwritev2",
    ];
    match nr.checked_sub(512) {
        Some(own) => OWN.get(own as usize).copied(),
        None => syscalls::Sysno::new(nr as usize).map(|call| call.name()),
    }
}

/// Name of an error number (positive): `ENOENT`; also those that only the kernel sees, such as
/// `ERESTARTSYS` of a call that is started again after a signal; `errno_999` without a name.
pub fn errno_name(errno: u32) -> Cow<'static, str> {
    i32::try_from(errno)
        .ok()
        .and_then(|number| syscalls::Errno::new(number).name())
        .map_or_else(|| Cow::Owned(format!("errno_{errno}")), Cow::Borrowed)
}

/// What 64-bit C libraries define as 0 and yet 32-bit programs, Go and musl set.
#[cfg(target_arch = "aarch64")]
const LARGEFILE: u32 = 0o400_000;
#[cfg(not(target_arch = "aarch64"))]
const LARGEFILE: u32 = 0o100_000;

/// Flags of an open as the manual names them: `O_RDONLY|O_CLOEXEC`; bits without a name in hex.
pub fn open_flags(flags: u32) -> String {
    // Those that hold others' bits come before them.
    const NAMES: [(i32, &str); 17] = [
        (libc::O_SYNC, "O_SYNC"),
        (libc::O_DSYNC, "O_DSYNC"),
        (libc::O_TMPFILE, "O_TMPFILE"),
        (libc::O_DIRECTORY, "O_DIRECTORY"),
        (libc::O_CREAT, "O_CREAT"),
        (libc::O_EXCL, "O_EXCL"),
        (libc::O_NOCTTY, "O_NOCTTY"),
        (libc::O_TRUNC, "O_TRUNC"),
        (libc::O_APPEND, "O_APPEND"),
        (libc::O_NONBLOCK, "O_NONBLOCK"),
        (libc::O_ASYNC, "O_ASYNC"),
        (libc::O_DIRECT, "O_DIRECT"),
        (LARGEFILE as i32, "O_LARGEFILE"),
        (libc::O_NOFOLLOW, "O_NOFOLLOW"),
        (libc::O_NOATIME, "O_NOATIME"),
        (libc::O_CLOEXEC, "O_CLOEXEC"),
        (libc::O_PATH, "O_PATH"),
    ];
    let access = (flags & libc::O_ACCMODE as u32) as usize;
    let mut text = ["O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"][access].to_owned();
    let mut left = flags & !(libc::O_ACCMODE as u32);
    for (bits, name) in NAMES.map(|(bits, name)| (bits as u32, name)) {
        if left & bits == bits {
            left &= !bits;
            text.push('|');
            text.push_str(name);
        }
    }
    if left != 0 {
        text.push_str(&format!("|{left:#x}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_have_the_name_of_their_own_table() {
        let getppid = syscalls::Sysno::getppid.id() as u32;
        assert_eq!(syscall_name(getppid), "getppid");
        assert_eq!(syscall_name(99_999), "syscall_99999");
        assert_eq!(syscall_name(COMPAT | 99_999), "syscall_99999 (32-bit)");
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn other_tables_of_x86_are_told_apart() {
        assert_eq!(syscall_name(0), "read");
        assert_eq!(syscall_name(COMPAT | 3), "read (32-bit)");
        assert_eq!(syscall_name(X32 | 1), "write (x32)");
        assert_eq!(syscall_name(X32 | 512), "rt_sigaction (x32)");
        assert_eq!(syscall_name(X32 | 547), "pwritev2 (x32)");
        assert_eq!(syscall_name(X32 | 548), "syscall_548 (x32)");
    }

    #[test]
    fn errors_have_names() {
        assert_eq!(errno_name(2), "ENOENT");
        assert_eq!(errno_name(512), "ERESTARTSYS");
        assert_eq!(errno_name(4_000), "errno_4000");
        assert_eq!(errno_name(u32::MAX), "errno_4294967295");
    }

    #[test]
    fn flags_are_spelled_as_in_the_manual() {
        let of = |flags: i32| open_flags(flags as u32);
        assert_eq!(of(0), "O_RDONLY");
        assert_eq!(of(libc::O_CLOEXEC), "O_RDONLY|O_CLOEXEC");
        assert_eq!(of(libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC), "O_WRONLY|O_CREAT|O_TRUNC");
        assert_eq!(of(libc::O_RDWR | libc::O_TMPFILE), "O_RDWR|O_TMPFILE");
        assert_eq!(of(libc::O_SYNC), "O_RDONLY|O_SYNC");
        assert_eq!(of(libc::O_DSYNC), "O_RDONLY|O_DSYNC");
        assert_eq!(open_flags(LARGEFILE), "O_RDONLY|O_LARGEFILE");
        assert_eq!(open_flags(1 << 30), "O_RDONLY|0x40000000");
    }
}
