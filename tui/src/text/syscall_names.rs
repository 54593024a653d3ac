//! Names of system calls and error numbers. The numbers of calls mean something only with the
//! architecture of the machine that was watched: a capture may come from another one.

use std::borrow::Cow;
use syscope_shared::syscalls::COMPAT;

/// Bit of the x32 ABI in a number of x86-64 (`__X32_SYSCALL_BIT`).
const X32: u32 = 0x4000_0000;

/// Name of a system call by its number on this architecture (as `uname -m` has it), with [`COMPAT`]
/// for 32-bit calls: `openat`, `openat (32-bit)`, `syscall_999` where the number has no name.
pub fn syscall_name(arch: &str, nr: u32) -> Cow<'static, str> {
    // A call numbered -1, as a tracer or seccomp leaves behind, is of no table.
    if nr == u32::MAX {
        return Cow::Borrowed("syscall_-1");
    }
    if nr & COMPAT != 0 {
        let nr = nr & !COMPAT;
        return Cow::Owned(format!("{} (32-bit)", or_number(compat_name(arch, nr), nr)));
    }
    if arch == "x86_64" && nr & X32 != 0 {
        let nr = nr & !X32;
        return Cow::Owned(format!("{} (x32)", or_number(x32_name(nr), nr)));
    }
    or_number(native_name(arch, nr), nr)
}

fn or_number(name: Option<&'static str>, nr: u32) -> Cow<'static, str> {
    name.map_or_else(|| Cow::Owned(format!("syscall_{nr}")), Cow::Borrowed)
}

fn native_name(arch: &str, nr: u32) -> Option<&'static str> {
    match arch {
        "x86_64" => syscalls::x86_64::Sysno::new(nr as usize).map(|call| call.name()),
        "aarch64" => syscalls::aarch64::Sysno::new(nr as usize).map(|call| call.name()),
        _ => None,
    }
}

fn compat_name(arch: &str, nr: u32) -> Option<&'static str> {
    match arch {
        "x86_64" => syscalls::x86::Sysno::new(nr as usize).map(|call| call.name()),
        "aarch64" => syscalls::arm::Sysno::new(nr as usize).map(|call| call.name()),
        _ => None,
    }
}

/// x32 has the numbers of x86-64 up to 511; from 512 on it has calls of its own.
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
        None => native_name("x86_64", nr),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_have_the_name_of_their_own_table() {
        let getppid = syscalls::Sysno::getppid.id() as u32;
        assert_eq!(syscall_name(std::env::consts::ARCH, getppid), "getppid");
        for arch in ["x86_64", "aarch64"] {
            assert_eq!(syscall_name(arch, 99_999), "syscall_99999");
            assert_eq!(syscall_name(arch, COMPAT | 99_999), "syscall_99999 (32-bit)");
            assert_eq!(syscall_name(arch, u32::MAX), "syscall_-1");
        }
    }

    #[test]
    fn the_same_number_is_another_call_on_another_architecture() {
        assert_eq!(syscall_name("x86_64", 56), "clone");
        assert_eq!(syscall_name("aarch64", 56), "openat");
        assert_eq!(syscall_name("x86_64", COMPAT | 3), "read (32-bit)");
        assert_eq!(syscall_name("aarch64", COMPAT | 322), "openat (32-bit)");
        assert_eq!(syscall_name("aarch64", X32 | 1), "syscall_1073741825");
    }

    #[test]
    fn an_architecture_that_is_not_known_has_numbers() {
        for arch in ["", "riscv64"] {
            assert_eq!(syscall_name(arch, 56), "syscall_56");
            assert_eq!(syscall_name(arch, COMPAT | 56), "syscall_56 (32-bit)");
        }
    }

    #[test]
    fn other_tables_of_x86_are_told_apart() {
        let syscall_name = |nr| syscall_name("x86_64", nr);
        assert_eq!(syscall_name(0), "read");
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
}
