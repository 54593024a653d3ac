//! Keeps a look-up that panics from ending the thread.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, catch_unwind};

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
