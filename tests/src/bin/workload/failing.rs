//! Known numbers of failing calls, by error number.

use crate::{protocol, raw};
use serde_json::json;
use std::fs::File;
use std::os::fd::AsRawFd;

/// Calls that fail in known ways, among calls of the same name that do not.
pub fn run() {
    let file = File::open("/proc/self/exe").expect("a process has a program");
    let fd = file.as_raw_fd();
    protocol::ready();
    for _ in 0..1000 {
        assert_eq!(raw::close(-1), Err(libc::EBADF));
    }
    for _ in 0..500 {
        let missing = c"/nonexistent/syscope/test";
        assert_eq!(raw::openat(libc::AT_FDCWD, missing, 0, 0), Err(libc::ENOENT));
    }
    for _ in 0..250 {
        assert_eq!(raw::lseek(fd, 99), Err(libc::EINVAL));
    }
    for _ in 0..125 {
        assert_eq!(raw::lseek(-1, libc::SEEK_SET), Err(libc::EBADF));
    }
    for _ in 0..300 {
        assert_eq!(raw::lseek(fd, libc::SEEK_SET), Ok(0));
    }
    protocol::done(&json!({
        "close": { "calls": 1000, "errors": { "EBADF": 1000 } },
        "openat": { "calls": 500, "errors": { "ENOENT": 500 } },
        "lseek": { "calls": 675, "errors": { "EINVAL": 250, "EBADF": 125 } },
    }));
    protocol::stay();
}
