//! What error numbers mean.

use std::io;
use syscalls::Errno;

/// First of the error numbers that only the kernel sees (`ERESTARTSYS`); the C library has no text for
/// them.
const KERNEL_ONLY: i32 = 512;

/// What an error number (positive) means, as the C library says it: `No such file or directory`; empty
/// where it has no meaning.
pub fn errno_text(errno: u32) -> String {
    let Ok(errno) = i32::try_from(errno) else { return String::new() };
    match Errno::new(errno).description() {
        None => String::new(),
        Some(text) if errno >= KERNEL_ONLY => text.to_owned(),
        Some(_) => {
            let text = io::Error::from_raw_os_error(errno).to_string();
            text.strip_suffix(&format!(" (os error {errno})")).unwrap_or(&text).to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_meanings() {
        assert_eq!(errno_text(2), "No such file or directory");
        assert_eq!(errno_text(9), "Bad file descriptor");
        assert_eq!(errno_text(512), "Restart syscall");
        assert_eq!((errno_text(4_000), errno_text(u32::MAX)), (String::new(), String::new()));
    }
}
