//! Cells as text, a row a line: plain, or with the codes a terminal knows.

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use std::fmt::Write;

/// The cells as text; with `styled`, each row with its own codes, and reset at its end.
pub fn text(buffer: &Buffer, styled: bool) -> String {
    let mut text = String::new();
    for y in buffer.area.top()..buffer.area.bottom() {
        let row: Vec<&Cell> = row(buffer, y).collect();
        let blank = |cell: &&Cell| cell.symbol() == " " && (!styled || codes(cell).is_empty());
        let end = row.iter().rposition(|cell| !blank(cell)).map_or(0, |last| last + 1);
        let mut last = String::new();
        for cell in &row[..end] {
            let codes = if styled { codes(cell) } else { String::new() };
            if codes != last {
                // From nothing each time: what was on before cannot stay on.
                write!(text, "\x1b[0{codes}m").expect("a string takes all");
                last = codes;
            }
            text.push_str(cell.symbol());
        }
        if !last.is_empty() {
            text.push_str("\x1b[0m");
        }
        text.push('\n');
    }
    text
}

/// The cells of a row, without those that a wide character covers.
fn row(buffer: &Buffer, y: u16) -> impl Iterator<Item = &Cell> {
    let mut covered = 0;
    (buffer.area.left()..buffer.area.right()).filter_map(move |x| {
        let cell = &buffer[(x, y)];
        if covered > 0 {
            covered -= 1;
            return None;
        }
        covered = crate::text::width(cell.symbol()).saturating_sub(1);
        Some(cell)
    })
}

/// What stands behind `0` in the code that sets the style of a cell; empty where it has none.
fn codes(cell: &Cell) -> String {
    const MODIFIERS: [(Modifier, u8); 8] = [
        (Modifier::BOLD, 1),
        (Modifier::DIM, 2),
        (Modifier::ITALIC, 3),
        (Modifier::UNDERLINED, 4),
        (Modifier::SLOW_BLINK, 5),
        (Modifier::REVERSED, 7),
        (Modifier::HIDDEN, 8),
        (Modifier::CROSSED_OUT, 9),
    ];
    let mut codes = String::new();
    for (modifier, code) in MODIFIERS {
        if cell.modifier.contains(modifier) {
            write!(codes, ";{code}").expect("a string takes all");
        }
    }
    colour(&mut codes, cell.fg, 30);
    colour(&mut codes, cell.bg, 40);
    codes
}

/// A colour; `base` is 30 for characters, 40 for what is behind them.
fn colour(codes: &mut String, colour: Color, base: u8) {
    let code = match colour {
        Color::Reset => return,
        Color::Black => base.to_string(),
        Color::Red => (base + 1).to_string(),
        Color::Green => (base + 2).to_string(),
        Color::Yellow => (base + 3).to_string(),
        Color::Blue => (base + 4).to_string(),
        Color::Magenta => (base + 5).to_string(),
        Color::Cyan => (base + 6).to_string(),
        Color::Gray => (base + 7).to_string(),
        Color::DarkGray => (base + 60).to_string(),
        Color::LightRed => (base + 61).to_string(),
        Color::LightGreen => (base + 62).to_string(),
        Color::LightYellow => (base + 63).to_string(),
        Color::LightBlue => (base + 64).to_string(),
        Color::LightMagenta => (base + 65).to_string(),
        Color::LightCyan => (base + 66).to_string(),
        Color::White => (base + 67).to_string(),
        Color::Indexed(index) => format!("{};5;{index}", base + 8),
        Color::Rgb(red, green, blue) => format!("{};2;{red};{green};{blue}", base + 8),
    };
    codes.push(';');
    codes.push_str(&code);
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    #[test]
    fn cells_become_text_and_codes() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 8, 2));
        buffer.set_string(0, 0, "a", Style::new().fg(Color::Red).add_modifier(Modifier::BOLD));
        buffer.set_string(1, 0, "日b", Style::new());
        buffer.set_string(5, 0, "  ", Style::new().bg(Color::Indexed(208)));
        assert_eq!(text(&buffer, false), "a日b\n\n");
        assert_eq!(text(&buffer, true), "\x1b[0;1;31ma\x1b[0m日b \x1b[0;48;5;208m  \x1b[0m\n\n");
    }
}
