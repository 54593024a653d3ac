//! Keeps a look-up that panics from ending the thread.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs a look-up; `None` when it panicked. Files of strangers are parsed here, and one that the
/// parser stumbles over must cost its own frames only. What the look-up worked on has to be thrown
/// away after a panic: that makes the assertion of unwind safety true.
pub(super) fn guarded<T>(look_up: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(look_up)).ok()
}
