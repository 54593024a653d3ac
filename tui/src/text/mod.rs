//! Text that comes from other programs, made safe and measured; numbers made short; numbers of the
//! kernel's ABI made names.

pub mod numbers;
pub mod screen;
pub mod syscall_names;

pub use numbers::{bytes, count, duration, percent, rate};
pub use screen::{fit, fit_end, from_bytes, visible, width};
pub use syscall_names::{errno_name, open_flags, syscall_name};
