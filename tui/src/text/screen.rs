//! Text that comes from other programs, made safe and measured in columns.
//!
//! Such text is hostile: a process may be called `\e[2J`. Everything that goes to a terminal passes
//! through [`visible`], [`fit`] or [`fit_end`].

use std::borrow::Cow;
use std::fmt::Write;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Marks that one letter may carry; scripts in use need four at most, the rest is noise that would
/// spill over the rows above and below.
const MARKS_MAX: usize = 8;

/// Bytes from another program as text: what is no UTF-8 becomes `\xNN`. Control characters stay as
/// they are; [`visible`] escapes them when they are shown.
pub fn from_bytes(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            write!(text, "\\x{byte:02x}").expect("a string takes all");
        }
    }
    text
}

/// Text with everything that could move the cursor, colour the screen, turn the reading direction
/// or hide shown escaped: `\n`, `\e`, `\x07`, `\u{202e}`. A backslash stays as it is.
pub fn visible(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let mut marks = Marks::default();
    let Some((first, _)) = text.char_indices().find(|(_, c)| marks.escapes(*c)) else {
        return Cow::Borrowed(text);
    };
    let mut shown = String::with_capacity(text.len() + 16);
    shown.push_str(&text[..first]);
    let mut marks = Marks::after(&text[..first]);
    for c in text[first..].chars() {
        if marks.escapes(c) { escape(c, &mut shown) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

/// Decides which characters are escaped; knows how many marks the last letter carries.
#[derive(Default)]
struct Marks {
    /// `None` where a mark would have no letter of this text to sit on.
    on_letter: Option<usize>,
}

impl Marks {
    fn after(text: &str) -> Self {
        let mut marks = Self::default();
        text.chars().for_each(|c| _ = marks.escapes(c));
        marks
    }

    fn escapes(&mut self, c: char) -> bool {
        let zero_width = c.width() == Some(0);
        let bare = self.on_letter.is_none_or(|marks| marks >= MARKS_MAX);
        if is_hidden(c) || (zero_width && bare) {
            self.on_letter = None;
            return true;
        }
        self.on_letter = Some(if zero_width { self.on_letter.unwrap_or(0) + 1 } else { 0 });
        false
    }
}

/// Control characters, line separators, and all that is default-ignorable: it has no shape of its
/// own, but changes or hides what is around it (direction, joining, variants, tags).
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

fn escape(c: char, into: &mut String) {
    match c {
        '\n' => into.push_str("\\n"),
        '\r' => into.push_str("\\r"),
        '\t' => into.push_str("\\t"),
        '\x1b' => into.push_str("\\e"),
        '\0'..='\x7f' => write!(into, "\\x{:02x}", c as u32).expect("a string takes all"),
        // Not `\x9b`: that stands for a byte that is no UTF-8.
        _ => write!(into, "\\u{{{:x}}}", c as u32).expect("a string takes all"),
    }
}

/// How much of a text that is all ASCII, a column a letter, fits: see [`cut`].
fn cut_ascii(letters: usize, columns: usize) -> Result<usize, Kept> {
    let ellipsis = if columns > 0 { "…" } else { "" };
    let kept = Kept { bytes: columns.saturating_sub(1), ellipsis, padding: 0 };
    if letters <= columns { Ok(letters) } else { Err(kept) }
}

/// Whether this is a letter of its own that takes one column, whatever is around it: ASCII, Latin-1, and the signs
/// and lines that screens are drawn with. Of others that may be so, only looking for graphemes can tell.
pub fn is_plain(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a1}'..='\u{ac}' | '\u{ae}'..='\u{ff}' | '…' | '\u{2500}'..='\u{259f}')
}

/// Columns that a text takes on a terminal, drawn cell by cell: the sum of its graphemes' widths.
pub fn width(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    if text.chars().all(is_plain) {
        return text.chars().count();
    }
    text.graphemes(true).map(UnicodeWidthStr::width).sum()
}

/// The text, made visible, cut at the end with `…` or padded to exactly `columns`.
pub fn fit(text: &str, columns: usize) -> String {
    let text = visible(text);
    let cut = match text.is_ascii() {
        true => cut_ascii(text.len(), columns),
        false => cut(text.graphemes(true), columns),
    };
    match cut {
        Ok(width) => padded(&text, "", columns - width),
        Err(kept) => padded(&text[..kept.bytes], kept.ellipsis, kept.padding),
    }
}

/// As [`fit`], but cut at the start: for paths, whose end tells more.
pub fn fit_end(text: &str, columns: usize) -> String {
    let text = visible(text);
    let cut = match text.is_ascii() {
        true => cut_ascii(text.len(), columns),
        false => cut(text.graphemes(true).rev(), columns),
    };
    match cut {
        Ok(width) => padded(&text, "", columns - width),
        Err(kept) => padded(kept.ellipsis, &text[text.len() - kept.bytes..], kept.padding),
    }
}

fn padded(start: &str, end: &str, padding: usize) -> String {
    let mut text = String::with_capacity(start.len() + end.len() + padding);
    text.push_str(start);
    text.push_str(end);
    text.extend(std::iter::repeat_n(' ', padding));
    text
}

/// What is left of a text that is too wide.
struct Kept {
    bytes: usize,
    ellipsis: &'static str,
    padding: usize,
}

/// Either the width of a text that fits into `columns`, or how much of it does beside an ellipsis.
fn cut<'a>(graphemes: impl Iterator<Item = &'a str>, columns: usize) -> Result<usize, Kept> {
    let ellipsis = if columns > 0 { "…" } else { "" };
    let room = columns.saturating_sub(1);
    let (mut used, mut used_kept, mut bytes) = (0, 0, 0);
    for grapheme in graphemes {
        used += grapheme.width();
        if used > columns {
            let padding = columns.saturating_sub(used_kept + 1);
            return Err(Kept { bytes, ellipsis, padding });
        }
        if used <= room {
            used_kept = used;
            bytes += grapheme.len();
        }
    }
    Ok(used)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_moves_the_cursor_or_hides_is_escaped() {
        for (text, shown) in [
            ("plain \\n text", "plain \\n text"),
            ("ls\n\t\r", "ls\\n\\t\\r"),
            ("\x1b[2J\x07\x7f", "\\e[2J\\x07\\x7f"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("exe\u{202e}gpj", "exe\\u{202e}gpj"),
            ("a\u{200b}b\u{2028}\u{feff}", "a\\u{200b}b\\u{2028}\\u{feff}"),
            ("日本 café cafe\u{301}", "日本 café cafe\u{301}"),
            ("\u{301}e", "\\u{301}e"),
            ("❤\u{fe0f}", "❤\\u{fe0f}"),
        ] {
            assert_eq!(visible(text), shown);
        }
        let zalgo = format!("e{}", "\u{301}".repeat(MARKS_MAX + 1));
        assert!(visible(&zalgo).ends_with("\u{301}\\u{301}"));
    }

    #[test]
    fn nothing_to_do_allocates_nothing() {
        assert!(matches!(visible("/usr/lib/日本"), Cow::Borrowed(_)));
        assert!(matches!(visible(""), Cow::Borrowed(_)));
    }

    #[test]
    fn bytes_that_are_no_utf8_survive_as_numbers() {
        assert_eq!(from_bytes(b"a\xff\xfeb"), "a\\xff\\xfeb");
        assert_eq!(from_bytes("é\n".as_bytes()), "é\n");
        assert_eq!(from_bytes(b"cut \xe6\x97"), "cut \\xe6\\x97");
    }

    #[test]
    fn a_wide_character_at_the_cut_leaves_a_blank() {
        assert_eq!(fit("日本語", 6), "日本語");
        assert_eq!(fit("日本語", 5), "日本…");
        assert_eq!(fit("日本語", 4), "日… ");
        assert_eq!(fit_end("日本語", 4), "…語 ");
        assert_eq!(fit("nginx", 8), "nginx   ");
        assert_eq!(fit("nginx", 3), "ng…");
        assert_eq!(fit_end("/usr/lib/libc.so", 8), "…libc.so");
        assert_eq!((fit("x", 0), fit("xy", 1)), (String::new(), "…".to_owned()));
        assert_eq!(fit("cafe\u{301}s", 5), "cafe\u{301}s");
        assert_eq!(fit("cafe\u{301}s!", 5), "cafe\u{301}…");
    }

    #[test]
    fn plain_letters_take_a_column_and_stand_alone() {
        let plain: Vec<char> = ('\0'..=char::MAX).filter(|c| is_plain(*c)).collect();
        assert!(plain.len() > 300);
        for c in &plain {
            assert_eq!((c.width(), is_hidden(*c)), (Some(1), false), "{c}");
        }
        let all: String = plain.iter().collect();
        assert_eq!(all.graphemes(true).count(), plain.len());
        let of_any_two = plain.iter().flat_map(|a| plain.iter().map(move |b| [*a, *b]));
        for pair in of_any_two {
            assert_eq!(String::from_iter(pair).graphemes(true).count(), 2, "{pair:?}");
        }
    }

    proptest! {
        #[test]
        fn ascii_is_cut_as_any_text_is(text in "[ -~]{0,40}", columns in 0usize..60) {
            let of = |cut: Result<usize, Kept>| cut.map_err(|it| (it.bytes, it.ellipsis, it.padding));
            let same = of(cut(text.graphemes(true), columns));
            prop_assert_eq!(of(cut_ascii(text.len(), columns)), same);
        }

        #[test]
        fn fit_fills_exactly_its_columns(text in hostile(), columns in 0usize..60) {
            prop_assert_eq!(width(&fit(&text, columns)), columns);
            prop_assert_eq!(width(&fit_end(&text, columns)), columns);
        }

        #[test]
        fn no_hidden_character_survives(text in hostile()) {
            let shown = visible(&text);
            prop_assert!(!shown.chars().any(is_hidden));
            prop_assert_eq!(visible(&shown), shown.clone());
            // A mark without a letter of its own would sit on what stands before the text.
            prop_assert!(shown.chars().next().is_none_or(|c| c.width() > Some(0)));
        }

        #[test]
        fn any_bytes_become_text(bytes in any::<Vec<u8>>()) {
            let text = from_bytes(&bytes);
            if let Ok(valid) = std::str::from_utf8(&bytes) {
                prop_assert_eq!(text, valid);
            } else {
                prop_assert!(text.contains("\\x"));
            }
        }
    }

    /// Any text, and text made mostly of what is hard: marks, wide, joined and hidden characters.
    fn hostile() -> impl Strategy<Value = String> {
        let hard = prop::sample::select(
            "aé日\u{301}\u{5d0}\u{644}\u{627}\u{200d}👩\u{1f3fd}🇩\u{fe0f}\u{1b}\n\u{9b}\u{202e}\u{1161}\u{915}\u{94d}\u{605}\u{ac00}"
                .chars()
                .collect::<Vec<_>>(),
        );
        prop_oneof![any::<String>(), prop::collection::vec(hard, 0..40).prop_map(String::from_iter)]
    }
}
