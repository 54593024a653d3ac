//! JSON that can be shown on a terminal.

use super::screen::is_hidden;
use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;
use std::io::{self, Write};

/// Writes a value as compact JSON in one line, with the line's end.
pub fn write_json_line(value: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(&mut *out, Visible))?;
    out.write_all(b"\n")
}

/// Compact JSON in which what [`super::visible`] escapes is escaped too, as `\uXXXX`, so that the
/// value stays what it is.
struct Visible;

impl Formatter for Visible {
    fn write_string_fragment<W>(&mut self, out: &mut W, text: &str) -> io::Result<()>
    where
        W: ?Sized + Write,
    {
        if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return out.write_all(text.as_bytes());
        }
        let mut rest = text;
        while let Some((at, hidden)) = rest.char_indices().find(|(_, c)| is_hidden(*c)) {
            out.write_all(&rest.as_bytes()[..at])?;
            for unit in hidden.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = &rest[at + hidden.len_utf8()..];
        }
        out.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(text: &str) -> String {
        let mut out = Vec::new();
        write_json_line(&text, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_could_steer_a_terminal_is_escaped() {
        assert_eq!(line("a \\ \"b\""), "\"a \\\\ \\\"b\\\"\"\n");
        assert_eq!(
            line("\x1b[2J\u{9b}\u{202e}\u{e0041}é"),
            "\"\\u001b[2J\\u009b\\u202e\\udb40\\udc41é\"\n"
        );
    }

    proptest! {
        #[test]
        fn any_text_comes_back_from_one_line_without_anything_hidden(text: String) {
            let line = line(&text);
            let shown = line.strip_suffix('\n').unwrap();
            prop_assert!(!shown.chars().any(is_hidden), "{shown:?}");
            prop_assert_eq!(serde_json::from_str::<String>(shown).unwrap(), text);
        }
    }
}
