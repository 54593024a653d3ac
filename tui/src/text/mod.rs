//! Text that comes from other programs, made safe and measured; numbers made short; numbers of the
//! kernel's ABI made names.

pub mod errno;
mod health;
pub mod json;
pub mod numbers;
pub mod open_flags;
pub mod screen;
pub mod syscall_names;

pub use errno::errno_text;
pub use health::{HEALTH_HEAD, health_rows};
pub use json::write_json_line;
pub use numbers::{bytes, count, duration, open_duration, percent, rate};
pub use open_flags::open_flags;
pub use screen::{fit, fit_end, from_bytes, is_plain, visible, width};
pub use syscall_names::{errno_name, syscall_name};

/// An error with its causes, in one line. A cause that the text before it names already is left out.
pub fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
