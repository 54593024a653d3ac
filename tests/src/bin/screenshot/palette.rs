//! What a terminal's colours look like: the sixteen its user chose, and the rest, which are fixed.

use vt100::Color;

/// Red, green, blue.
pub type Rgb = [u8; 3];

/// The colours of a terminal.
pub struct Palette {
    /// What the palette is called in a picture's title.
    pub name: &'static str,
    /// Background of a cell without a colour.
    pub background: Rgb,
    /// Text without a colour.
    pub text: Rgb,
    /// Black to white, then the bright ones.
    sixteen: [Rgb; 16],
}

/// Dark: that of VS Code's terminal, on its editor's background.
#[rustfmt::skip]
pub const DARK: Palette = Palette {
    name: "dark",
    background: [0x1e, 0x1e, 0x1e],
    text: [0xcc, 0xcc, 0xcc],
    sixteen: [
        [0x00, 0x00, 0x00], [0xcd, 0x31, 0x31], [0x0d, 0xbc, 0x79], [0xe5, 0xe5, 0x10],
        [0x24, 0x72, 0xc8], [0xbc, 0x3f, 0xbc], [0x11, 0xa8, 0xcd], [0xe5, 0xe5, 0xe5],
        [0x66, 0x66, 0x66], [0xf1, 0x4c, 0x4c], [0x23, 0xd1, 0x8b], [0xf5, 0xf5, 0x43],
        [0x3b, 0x8e, 0xea], [0xd6, 0x70, 0xd6], [0x29, 0xb8, 0xdb], [0xe5, 0xe5, 0xe5],
    ],
};

/// Light: that of VS Code's terminal.
#[rustfmt::skip]
pub const LIGHT: Palette = Palette {
    name: "light",
    background: [0xff, 0xff, 0xff],
    text: [0x33, 0x33, 0x33],
    sixteen: [
        [0x00, 0x00, 0x00], [0xcd, 0x31, 0x31], [0x10, 0x7c, 0x10], [0x94, 0x98, 0x00],
        [0x04, 0x51, 0xa5], [0xbc, 0x05, 0xbc], [0x05, 0x98, 0xbc], [0x55, 0x55, 0x55],
        [0x66, 0x66, 0x66], [0xcd, 0x31, 0x31], [0x14, 0xce, 0x14], [0xb5, 0xba, 0x00],
        [0x04, 0x51, 0xa5], [0xbc, 0x05, 0xbc], [0x05, 0x98, 0xbc], [0xa5, 0xa5, 0xa5],
    ],
};

/// What a cell is drawn with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Colour of the text.
    pub text: Rgb,
    /// Colour behind it, unless it is the terminal's own.
    pub behind: Option<Rgb>,
    /// Bold.
    pub bold: bool,
    /// Italic.
    pub italic: bool,
    /// Underlined.
    pub underline: bool,
}

impl Palette {
    /// How a cell looks with these colours.
    pub fn look(&self, cell: &vt100::Cell) -> Look {
        let mut behind = self.rgb(cell.bgcolor(), self.background);
        let mut text = self.rgb(cell.fgcolor(), self.text);
        if cell.dim() {
            text = halfway(text, behind);
        }
        if cell.inverse() {
            (text, behind) = (behind, text);
        }
        Look {
            text,
            behind: (behind != self.background).then_some(behind),
            bold: cell.bold(),
            italic: cell.italic(),
            underline: cell.underline(),
        }
    }

    fn rgb(&self, colour: Color, default: Rgb) -> Rgb {
        match colour {
            Color::Default => default,
            Color::Rgb(red, green, blue) => [red, green, blue],
            Color::Idx(index @ 0..16) => self.sixteen[usize::from(index)],
            Color::Idx(index @ 16..232) => cube(index - 16),
            Color::Idx(index @ 232..) => [8 + 10 * (index - 232); 3],
        }
    }
}

/// xterm's cube of 6 × 6 × 6 colours.
fn cube(index: u8) -> Rgb {
    let level = |digit: u8| if digit == 0 { 0 } else { 55 + 40 * digit };
    [level(index / 36), level(index / 6 % 6), level(index % 6)]
}

/// Dim text, as most terminals draw it.
fn halfway(one: Rgb, other: Rgb) -> Rgb {
    std::array::from_fn(|part| u8::midpoint(one[part], other[part]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(bytes: &str) -> Look {
        let mut emulator = vt100::Parser::default();
        emulator.process(bytes.as_bytes());
        DARK.look(emulator.screen().cell(0, 0).expect("a screen has a cell"))
    }

    #[test]
    fn all_three_kinds_of_colour_are_known() {
        assert_eq!(look("x").text, DARK.text);
        assert_eq!(look("x").behind, None);
        assert_eq!(look("\x1b[31mx").text, [0xcd, 0x31, 0x31]);
        assert_eq!(look("\x1b[95mx").text, [0xd6, 0x70, 0xd6]);
        assert_eq!(look("\x1b[38;5;208mx").text, [255, 135, 0]);
        assert_eq!(look("\x1b[38;5;255mx").text, [238, 238, 238]);
        assert_eq!(look("\x1b[48;2;1;2;3mx").behind, Some([1, 2, 3]));
    }

    #[test]
    fn inverse_swaps_also_colours_nobody_set() {
        let inverse = look("\x1b[7mx");
        assert_eq!((inverse.text, inverse.behind), (DARK.background, Some(DARK.text)));
    }

    #[test]
    fn dim_is_between_text_and_what_is_behind_it() {
        assert_eq!(look("\x1b[2;38;2;100;100;100;48;2;0;0;0mx").text, [50, 50, 50]);
    }
}
