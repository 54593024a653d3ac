//! What a terminal's colours look like: the sixteen its user chose. The rest are fixed.

use anstyle::RgbColor as Rgb;
use term_transcript::svg::{Palette, TermColors};

/// A terminal's colours. Its black is its background, its white the text nobody coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// That of VS Code's terminal, on its editor's background.
    Dark,
    /// That of VS Code's terminal.
    Light,
}

impl Theme {
    /// What it is called in a picture's title.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
        }
    }

    /// Its colours.
    #[rustfmt::skip]
    pub fn palette(self) -> Palette {
        match self {
            Self::Dark => Palette {
                colors: colors([
                    0x1e1e1e, 0xcd3131, 0x0dbc79, 0xe5e510, 0x2472c8, 0xbc3fbc, 0x11a8cd, 0xcccccc,
                ]),
                intense_colors: colors([
                    0x666666, 0xf14c4c, 0x23d18b, 0xf5f543, 0x3b8eea, 0xd670d6, 0x29b8db, 0xe5e5e5,
                ]),
            },
            Self::Light => Palette {
                colors: colors([
                    0xffffff, 0xcd3131, 0x107c10, 0x949800, 0x0451a5, 0xbc05bc, 0x0598bc, 0x333333,
                ]),
                intense_colors: colors([
                    0x666666, 0xcd3131, 0x14ce14, 0xb5ba00, 0x0451a5, 0xbc05bc, 0x0598bc, 0xa5a5a5,
                ]),
            },
        }
    }
}

fn colors([black, red, green, yellow, blue, magenta, cyan, white]: [u32; 8]) -> TermColors {
    let [black, red, green, yellow, blue, magenta, cyan, white] =
        [black, red, green, yellow, blue, magenta, cyan, white].map(rgb);
    TermColors { black, red, green, yellow, blue, magenta, cyan, white }
}

fn rgb(color: u32) -> Rgb {
    let [_, red, green, blue] = color.to_be_bytes();
    Rgb(red, green, blue)
}
