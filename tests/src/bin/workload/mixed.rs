//! A bit of everything, for as long as it is wanted.

use crate::spin::burn;
use crate::{protocol, raw};
use serde_json::json;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// Calls, opens of `path`, CPU time and sleeps, in a loop until standard input closes.
pub fn run(path: &Path) {
    let path = CString::new(path.as_os_str().as_bytes()).expect("no NUL in a path");
    protocol::ready();
    thread::spawn(move || {
        loop {
            (0..500).for_each(|_| raw::getppid());
            if let Ok(fd) = raw::openat(libc::AT_FDCWD, &path, libc::O_RDONLY, 0) {
                let _ = raw::close(fd);
            }
            burn(Duration::from_millis(5));
            raw::clock_nanosleep(Duration::from_millis(5));
        }
    });
    protocol::done(&json!({}));
    protocol::stay();
}
