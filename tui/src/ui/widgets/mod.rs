//! What panes are drawn with.

pub mod flame;
pub mod table;

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
    if !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return buffer.set_stringn(x, y, text, room.into(), style).0;
    }
    // Nearly all text is such: to look in it for graphemes takes most of the time of a frame.
    let letters = text.len().min(room.into());
    for (x, at) in (x..).zip(0..letters) {
        buffer[(x, y)].set_symbol(&text[at..=at]).set_style(style);
    }
    x + letters as u16
}
