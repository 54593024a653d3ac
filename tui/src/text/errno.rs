//! What error numbers mean.

/// What an error number (positive) means, as the C library says it: `No such file or directory`; empty
/// where it has no meaning.
pub fn errno_text(errno: u32) -> &'static str {
    let known =
        i32::try_from(errno).ok().and_then(|errno| syscalls::Errno::new(errno).description());
    known.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_meanings() {
        assert_eq!(errno_text(2), "No such file or directory");
        assert_eq!((errno_text(4_000), errno_text(u32::MAX)), ("", ""));
    }
}
