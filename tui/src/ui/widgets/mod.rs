//! What panes are drawn with.

pub mod flame;
pub mod table;

use crate::text;
use ratatui::buffer::Buffer;
use ratatui::style::Style;

/// Writes safe text at a place, cut to `width` columns and to what the buffer has. Gives the column
/// after it.
pub fn put(buffer: &mut Buffer, x: u16, y: u16, width: u16, text: &str, style: Style) -> u16 {
    let area = buffer.area;
    if width == 0 || !area.contains((x, y).into()) {
        return x;
    }
    let room = width.min(area.right() - x);
    if !text.chars().all(text::is_plain) {
        return buffer.set_stringn(x, y, text, room.into(), style).0;
    }
    // Nearly all text is such: to look in it for graphemes takes most of the time of a frame.
    let start = buffer.index_of(x, y);
    let cells = &mut buffer.content[start..start + usize::from(room)];
    let mut letters = 0;
    for (cell, letter) in cells.iter_mut().zip(text.chars()) {
        // Most blanks go into cells that are blank already.
        if letter != ' ' || cell.symbol() != " " {
            cell.set_char(letter);
        }
        cell.set_style(style);
        letters += 1;
    }
    x + letters
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use ratatui::layout::Rect;

    proptest! {
        #[test]
        fn text_is_put_as_the_library_puts_it(text in "[ -~µ…─▏█▼é日\u{301}]{0,20}", x in 0u16..12, width in 0u16..14) {
            let (mut ours, mut theirs) = (Buffer::empty(Rect::new(0, 0, 10, 2)), Buffer::empty(Rect::new(0, 0, 10, 2)));
            let end = put(&mut ours, x, 1, width, &text, Style::new().bold());
            if x < 10 {
                let room = width.min(10 - x).into();
                prop_assert_eq!(end, theirs.set_stringn(x, 1, &text, room, Style::new().bold()).0);
            }
            prop_assert_eq!(ours, theirs);
        }
    }
}
