//! The editing of one line of text.

use unicode_segmentation::UnicodeSegmentation;

/// A line and a cursor in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    text: String,
    cursor: usize,
}

/// A key's work on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Puts a character in at the cursor.
    Insert(char),
    /// Removes what is left of the cursor.
    Backspace,
    /// Removes what is under the cursor.
    Delete,
    /// Removes the word left of the cursor.
    DeleteWord,
    /// Removes all that is left of the cursor.
    DeleteToStart,
    /// Moves the cursor.
    Left,
    /// Moves the cursor.
    Right,
    /// Moves the cursor.
    Home,
    /// Moves the cursor.
    End,
}

impl Line {
    /// A line with the cursor at its end.
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), cursor: text.len() }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Bytes left of the cursor.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// Does a key's work; whether the text changed.
    pub fn edit(&mut self, edit: Edit) -> bool {
        let length = self.text.len();
        match edit {
            Edit::Insert(c) if c.is_control() => {}
            Edit::Insert(c) => {
                self.text.insert(self.cursor, c);
                self.cursor += c.len_utf8();
            }
            Edit::Backspace => self.remove_from(self.before()),
            Edit::Delete => {
                let end = self.after();
                self.text.drain(self.cursor..end);
            }
            Edit::DeleteWord => self.remove_from(self.word_start()),
            Edit::DeleteToStart => self.remove_from(0),
            Edit::Left => self.cursor = self.before(),
            Edit::Right => self.cursor = self.after(),
            Edit::Home => self.cursor = 0,
            Edit::End => self.cursor = length,
        }
        self.text.len() != length
    }

    fn remove_from(&mut self, start: usize) {
        self.text.drain(start..self.cursor);
        self.cursor = start;
    }

    fn before(&self) -> usize {
        let left = &self.text[..self.cursor];
        left.grapheme_indices(true).next_back().map_or(0, |(at, _)| at)
    }

    fn after(&self) -> usize {
        let right = &self.text[self.cursor..];
        right.graphemes(true).next().map_or(self.cursor, |g| self.cursor + g.len())
    }

    fn word_start(&self) -> usize {
        let word = self.text[..self.cursor].trim_end();
        word.rfind(char::is_whitespace)
            .map_or(0, |at| at + word[at..].chars().next().map_or(0, char::len_utf8))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(text: &str, edits: &[Edit]) -> (String, usize) {
        let mut line = Line::new(text);
        for edit in edits {
            line.edit(*edit);
        }
        (line.text, line.cursor)
    }

    #[test]
    fn keys_do_what_a_shell_does() {
        use Edit::*;
        assert_eq!(after("ab", &[Insert('c')]), ("abc".into(), 3));
        assert_eq!(after("ab", &[Home, Insert('c'), Right, Delete]), ("ca".into(), 2));
        assert_eq!(after("one two  ", &[DeleteWord]), ("one ".into(), 4));
        assert_eq!(after("one two", &[Left, DeleteToStart]), ("o".into(), 0));
        assert_eq!(after("e\u{301}x", &[Left, Backspace]), ("x".into(), 0));
        assert_eq!(after("ä", &[Left, Left, Delete, Delete, Backspace]), (String::new(), 0));
        assert_eq!(after("a", &[Insert('\u{1b}'), Insert('\n')]), ("a".into(), 1));
        assert_eq!(after("a\u{2003}b", &[DeleteWord]), ("a\u{2003}".into(), 4));
    }
}
