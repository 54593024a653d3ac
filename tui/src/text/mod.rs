//! Text that comes from other programs, made safe and measured; numbers made short.

use std::borrow::Cow;

/// Bytes from another program as text: what is no UTF-8 becomes `\xNN`.
pub fn from_bytes(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Text with every control character (C0, C1, DEL, bidi controls, line separators) shown escaped,
/// so that it cannot move the cursor or colour the screen.
pub fn visible(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text)
}

/// Columns that a text takes on a terminal.
pub fn width(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}

/// The text, made visible, cut at the end with `…` or padded to exactly `columns`.
pub fn fit(text: &str, columns: usize) -> String {
    format!("{text:columns$}")
}

/// As [`fit`], but cut at the start: for paths, whose end tells more.
pub fn fit_end(text: &str, columns: usize) -> String {
    format!("{text:columns$}")
}

/// A duration of `ns` nanoseconds in at most 7 columns: `812ns`, `1.25ms`, `20.0s`, `3m12s`.
pub fn duration(ns: u64) -> String {
    format!("{ns}ns")
}

/// A count in at most 6 columns: `999`, `12.3k`, `1.20M`.
pub fn count(n: u64) -> String {
    n.to_string()
}

/// A rate per second in at most 8 columns: `12.3k/s`.
pub fn rate(per_second: f64) -> String {
    format!("{per_second}/s")
}
