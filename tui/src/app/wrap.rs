//! Breaking text into lines.

use crate::text;
use unicode_segmentation::UnicodeSegmentation;

/// Breaks safe text at blanks where there are, else anywhere.
pub fn wrap_text(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_word_bounds() {
        let width = text::width(word);
        if used + width > columns && used > 0 && (width <= columns || word.trim().is_empty()) {
            lines.push(String::new());
            used = 0;
            if word.trim().is_empty() {
                continue;
            }
        }
        for grapheme in word.graphemes(true) {
            let width = text::width(grapheme);
            if used + width > columns && used > 0 {
                lines.push(String::new());
                used = 0;
            }
            lines.last_mut().expect("one at least").push_str(grapheme);
            used += width;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_words_and_never_are_too_wide() {
        assert_eq!(wrap_text("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap_text("", 7), [""]);
        assert_eq!(wrap_text("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap_text("a 日本語", 5), ["a 日", "本語"]);
        for columns in 1..20 {
            for line in wrap_text("/usr/lib/x86_64-linux-gnu/libc.so.6 and more, 日本語", columns)
            {
                assert!(text::width(&line) <= columns.max(2), "{line} in {columns}");
            }
        }
    }
}
