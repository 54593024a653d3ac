//! Keeps a look-up that panics, or whose file is cut off under it, from ending more than itself.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

/// Times that a file turned out to be cut off while it was read.
static CUT_OFF: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs a look-up; `None` when it panicked. Files of strangers are parsed here, and one that the
/// parser stumbles over must cost its own frames only. What the look-up worked on has to be thrown
/// away after a panic: that makes the assertion of unwind safety true.
pub(super) fn guarded<T>(look_up: impl FnOnce() -> T) -> Option<T> {
    let outer = GUARDED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(look_up)).ok();
    GUARDED.set(outer);
    result
}

/// The same for a look-up that reads a file through a mapping: `None` also when it read zeros where the
/// file had been.
pub(super) fn guarded_in_file<T>(look_up: impl FnOnce() -> T) -> Option<T> {
    let before = cut_off_files();
    guarded(look_up).filter(|_| cut_off_files() == before)
}

/// Notes that a file which is being read ends before what is read. Callable from a signal handler.
pub fn file_was_cut_off() {
    CUT_OFF.fetch_add(1, Ordering::Relaxed);
}

/// How many times that happened.
pub fn cut_off_files() -> u64 {
    CUT_OFF.load(Ordering::Relaxed)
}

/// Whether a panic of this thread would be caught here, and told as a frame without a name: no reason
/// to give the terminal back or to call the program crashed.
pub fn panic_is_caught() -> bool {
    GUARDED.get()
}

/// Has panics that are caught here logged, and nothing else done about them. To be called when the
/// hook for other panics is installed.
pub fn log_caught_panics() {
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if panic_is_caught() {
            tracing::warn!("looking up symbols: {info}");
        } else {
            previous(info);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caught_panic_is_known_as_such() {
        assert!(!panic_is_caught());
        let inside = guarded(|| (panic_is_caught(), guarded(panic_is_caught), panic_is_caught()));
        assert_eq!(inside, Some((true, Some(true), true)));
        assert_eq!(guarded(|| -> u32 { panic!("expected by the test") }), None);
        assert!(!panic_is_caught());
    }
}
