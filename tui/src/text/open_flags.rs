//! Flags of file opens by name. Four of them have other bits on ARM than on x86.

/// Bits and names that all architectures have which syscope runs on. Those that hold others' bits
/// come before them.
const COMMON: [(u32, &str); 11] = [
    (0o4_010_000, "O_SYNC"),
    (0o10_000, "O_DSYNC"),
    (0o100, "O_CREAT"),
    (0o200, "O_EXCL"),
    (0o400, "O_NOCTTY"),
    (0o1_000, "O_TRUNC"),
    (0o2_000, "O_APPEND"),
    (0o4_000, "O_NONBLOCK"),
    (0o20_000, "O_ASYNC"),
    (0o1_000_000, "O_NOATIME"),
    (0o2_000_000, "O_CLOEXEC"),
];
const PATH: u32 = 0o10_000_000;
/// Set together with `O_DIRECTORY`, it is `O_TMPFILE`.
const TMPFILE: u32 = 0o20_000_000;
const ACCESS: u32 = 0o3;

/// The bits that architectures disagree on. `O_LARGEFILE` is what 64-bit C libraries define as 0 and
/// yet 32-bit programs, Go and musl set.
struct Own {
    directory: u32,
    direct: u32,
    largefile: u32,
    nofollow: u32,
}

const X86: Own =
    Own { directory: 0o200_000, direct: 0o40_000, largefile: 0o100_000, nofollow: 0o400_000 };
const ARM: Own =
    Own { directory: 0o40_000, direct: 0o200_000, largefile: 0o400_000, nofollow: 0o100_000 };

/// Flags of an open on this architecture (as `uname -m` has it), as the manual names them:
/// `O_RDONLY|O_CLOEXEC`; bits without a name in hex, and all of them for an unknown architecture.
pub fn open_flags(arch: &str, flags: u32) -> String {
    let own = match arch {
        "x86_64" => &X86,
        "aarch64" => &ARM,
        _ => return format!("{flags:#x}"),
    };
    let mut names = vec![(TMPFILE | own.directory, "O_TMPFILE"), (own.directory, "O_DIRECTORY")];
    names.extend(COMMON);
    names.extend([
        (own.direct, "O_DIRECT"),
        (own.largefile, "O_LARGEFILE"),
        (own.nofollow, "O_NOFOLLOW"),
        (PATH, "O_PATH"),
    ]);
    let access = (flags & ACCESS) as usize;
    let mut text = ["O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"][access].to_owned();
    let mut left = flags & !ACCESS;
    for (bits, name) in names {
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
    fn flags_are_spelled_as_in_the_manual() {
        let of = |flags: i32| open_flags(std::env::consts::ARCH, flags as u32);
        assert_eq!(of(0), "O_RDONLY");
        assert_eq!(of(libc::O_CLOEXEC), "O_RDONLY|O_CLOEXEC");
        assert_eq!(of(libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC), "O_WRONLY|O_CREAT|O_TRUNC");
        assert_eq!(of(libc::O_RDWR | libc::O_TMPFILE), "O_RDWR|O_TMPFILE");
        assert_eq!(of(libc::O_SYNC), "O_RDONLY|O_SYNC");
        assert_eq!(of(libc::O_DSYNC), "O_RDONLY|O_DSYNC");
        assert_eq!(of(1 << 30), "O_RDONLY|0x40000000");
    }

    #[test]
    fn every_flag_of_this_machine_has_the_name_that_its_c_library_gives_it() {
        for (flag, name) in [
            (libc::O_DIRECTORY, "O_DIRECTORY"),
            (libc::O_CREAT, "O_CREAT"),
            (libc::O_EXCL, "O_EXCL"),
            (libc::O_NOCTTY, "O_NOCTTY"),
            (libc::O_TRUNC, "O_TRUNC"),
            (libc::O_APPEND, "O_APPEND"),
            (libc::O_NONBLOCK, "O_NONBLOCK"),
            (libc::O_ASYNC, "O_ASYNC"),
            (libc::O_DIRECT, "O_DIRECT"),
            (libc::O_NOFOLLOW, "O_NOFOLLOW"),
            (libc::O_NOATIME, "O_NOATIME"),
            (libc::O_CLOEXEC, "O_CLOEXEC"),
            (libc::O_PATH, "O_PATH"),
        ] {
            let text = open_flags(std::env::consts::ARCH, flag as u32);
            assert_eq!(text, format!("O_RDONLY|{name}"));
        }
    }

    #[test]
    fn the_same_bits_are_other_flags_on_another_architecture() {
        assert_eq!(open_flags("x86_64", 0o100_000), "O_RDONLY|O_LARGEFILE");
        assert_eq!(open_flags("aarch64", 0o100_000), "O_RDONLY|O_NOFOLLOW");
        assert_eq!(open_flags("x86_64", 0o20_200_002), "O_RDWR|O_TMPFILE");
        assert_eq!(open_flags("aarch64", 0o20_040_002), "O_RDWR|O_TMPFILE");
        assert_eq!(open_flags("riscv64", 0o100_000), "0x8000");
    }
}
