//! What is told on standard error, beside what was asked for.

use std::fmt::Display;
use std::io::{self, Write};

/// Tells a line. Where it cannot be written (a full disk, a terminal that is gone), what was asked for goes
/// on; `eprintln!` would end the program.
pub fn tell(line: impl Display) {
    let _ = writeln!(io::stderr(), "syscope: {line}");
}

/// Says how far it is, in place of what this said before. For a terminal.
pub fn progress(line: impl Display) {
    let mut stderr = io::stderr();
    let _ = write!(stderr, "\r\x1b[K{line}");
    let _ = stderr.flush();
}

/// Takes away the line that says how far it is: the next one stands in its place.
pub fn end_progress() {
    let _ = write!(io::stderr(), "\r\x1b[K");
}
