//! A terminal's cells as an SVG: every cell is where the grid says, whatever font draws it.
//!
//! Text is placed word by word, each with its length, so that no font can move a column. Lines and
//! blocks are rectangles, for fonts leave gaps between them.

use crate::palette::{Look, Palette, Rgb};
use crate::shapes::{Part, parts};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Size of a cell, in pixels: that of DejaVu Sans Mono at 14 pixels.
const CELL: (f64, f64) = (8.43, 17.0);
/// From a cell's top to the line letters stand on.
const BASELINE: f64 = 13.0;
/// Room around the cells.
const MARGIN: f64 = 10.0;
const FONTS: &str = "'DejaVu Sans Mono','Liberation Mono',Menlo,Consolas,monospace";

/// The picture of a screen, without the text that is to be left out.
pub fn svg(screen: &vt100::Screen, palette: &Palette, title: &str, left_out: &str) -> String {
    let (rows, columns) = screen.size();
    let classes = BTreeMap::new();
    let mut picture = Picture { palette, left_out, classes, body: String::new() };
    for row in 0..rows.get() {
        picture.row(screen, row, columns.get());
    }
    let width = f64::from(columns.get()) * CELL.0 + 2.0 * MARGIN;
    let height = f64::from(rows.get()) * CELL.1 + 2.0 * MARGIN;
    let styles: String = picture
        .classes
        .iter()
        .map(|(colour, class)| format!(".c{class}{{fill:{}}}", hex(*colour)))
        .collect();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.2} {height:.2}\">\n\
         <title>{}</title>\n\
         <style>text{{font:14px {FONTS};white-space:pre}}.b{{font-weight:bold}}\
         .i{{font-style:italic}}{styles}</style>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"{}\"/>\n\
         <g transform=\"translate({MARGIN} {MARGIN})\">\n{}</g>\n</svg>\n",
        escaped(title),
        hex(palette.background),
        picture.body,
    )
}

/// A picture in the making.
struct Picture<'a> {
    palette: &'a Palette,
    /// Text that is not shown.
    left_out: &'a str,
    /// Number of each colour's class.
    classes: BTreeMap<Rgb, usize>,
    body: String,
}

/// A cell as it is to be drawn.
struct Drawn {
    column: u16,
    /// In columns: 1, or 2 for a wide character.
    width: u16,
    text: String,
    look: Look,
}

impl Picture<'_> {
    fn row(&mut self, screen: &vt100::Screen, row: u16, columns: u16) {
        let mut cells: Vec<Drawn> = (0..columns)
            .filter_map(|column| Some((column, screen.cell(row, column)?)))
            .filter(|(_, cell)| !cell.is_wide_continuation())
            .map(|(column, cell)| Drawn {
                column,
                width: if cell.is_wide() { 2 } else { 1 },
                text: cell.contents().to_owned(),
                look: self.palette.look(cell),
            })
            .collect();
        leave_out(&mut cells, self.left_out);
        for run in cells.chunk_by(|a, b| a.look.behind == b.look.behind) {
            if let Some(colour) = run[0].look.behind {
                self.rectangles(run, row, &[[0.0, 0.0, 1.0, 1.0]], colour);
            }
        }
        for run in cells.chunk_by(|a, b| a.look == b.look && a.kind() == b.kind()) {
            match run[0].kind() {
                Kind::Space => {}
                Kind::Shape(shape) => self.rectangles(run, row, &shape, run[0].look.text),
                Kind::Letters => self.word(run, row),
            }
        }
        for run in cells.chunk_by(|a, b| a.look == b.look) {
            if run[0].look.underline {
                self.rectangles(run, row, &[[0.0, 0.88, 1.0, 0.06]], run[0].look.text);
            }
        }
    }

    /// The same rectangles in all cells of a run, joined where they reach from edge to edge.
    fn rectangles(&mut self, run: &[Drawn], row: u16, parts: &[Part], colour: Rgb) {
        let class = self.class(colour);
        let across = parts.iter().all(|part| part[0] == 0.0 && part[2] == 1.0);
        let spans: Vec<(u16, u16)> = if across {
            vec![(run[0].column, columns(run))]
        } else {
            run.iter().map(|cell| (cell.column, cell.width)).collect()
        };
        for (column, width) in spans {
            for [left, top, part_width, part_height] in parts {
                let width = f64::from(width);
                let _ = writeln!(
                    self.body,
                    "<rect class=\"c{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
                    short((f64::from(column) + left * width) * CELL.0),
                    short((f64::from(row) + top) * CELL.1),
                    short(part_width * width * CELL.0),
                    short(part_height * CELL.1),
                );
            }
        }
    }

    fn word(&mut self, run: &[Drawn], row: u16) {
        let look = run[0].look;
        let class = self.class(look.text);
        let text: String = run.iter().map(|cell| cell.text.as_str()).collect();
        let bold = if look.bold { " b" } else { "" };
        let italic = if look.italic { " i" } else { "" };
        let _ = writeln!(
            self.body,
            "<text class=\"c{class}{bold}{italic}\" x=\"{}\" y=\"{}\" textLength=\"{}\">{}</text>",
            short(f64::from(run[0].column) * CELL.0),
            short(f64::from(row) * CELL.1 + BASELINE),
            short(f64::from(columns(run)) * CELL.0),
            escaped(&text),
        );
    }

    fn class(&mut self, colour: Rgb) -> usize {
        let next = self.classes.len();
        *self.classes.entry(colour).or_insert(next)
    }
}

/// What draws a cell.
#[derive(PartialEq)]
enum Kind {
    Space,
    Shape(Vec<Part>),
    Letters,
}

impl Drawn {
    fn kind(&self) -> Kind {
        if self.text.trim().is_empty() {
            return Kind::Space;
        }
        parts(&self.text, CELL.0 / CELL.1).map_or(Kind::Letters, |parts| match &parts[..] {
            // Both halves of a line from edge to edge are one part: it joins with its neighbours'.
            [a, b] if a[1] == b[1] && a[3] == b[3] => Kind::Shape(vec![[0.0, a[1], 1.0, a[3]]]),
            _ => Kind::Shape(parts),
        })
    }
}

/// Takes a text out of a row; what follows moves up to its place.
fn leave_out(cells: &mut Vec<Drawn>, text: &str) {
    let length = text.len();
    if length == 0 || !text.is_ascii() {
        return;
    }
    let starts_here = |window: &[Drawn]| {
        window.iter().zip(text.chars()).all(|(cell, c)| cell.text.chars().eq([c]))
    };
    while let Some(start) = cells.windows(length).position(starts_here) {
        cells.drain(start..start + length);
        for cell in &mut cells[start..] {
            cell.column -= length as u16;
        }
    }
}

/// How many columns a run takes.
fn columns(run: &[Drawn]) -> u16 {
    run.iter().map(|cell| cell.width).sum()
}

/// Two digits behind the point, and none that say nothing.
fn short(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

fn hex([red, green, blue]: Rgb) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::palette::DARK;
    use std::num::NonZeroU16;

    fn picture(bytes: &str) -> String {
        let length = |length| NonZeroU16::new(length).expect("a terminal has room");
        let mut emulator = vt100::Parser::new(length(2), length(20), 0);
        emulator.process(bytes.as_bytes());
        svg(emulator.screen(), &DARK, "a <title>", "-secret")
    }

    #[test]
    fn words_stand_in_their_columns_with_their_length() {
        let picture = picture("ab  cd");
        assert!(picture.contains("x=\"0\" y=\"13\" textLength=\"16.86\">ab<"), "{picture}");
        assert!(picture.contains("x=\"33.72\" y=\"13\" textLength=\"16.86\">cd<"), "{picture}");
    }

    #[test]
    fn a_wide_character_takes_two_columns() {
        let picture = picture("日x y");
        assert!(picture.contains("textLength=\"25.29\">日x<"), "{picture}");
        assert!(picture.contains("x=\"33.72\" y=\"13\" textLength=\"8.43\">y<"), "{picture}");
    }

    #[test]
    fn spaces_have_their_background_and_underline() {
        let picture = picture("\x1b[4;41m   \x1b[m");
        let red = "<rect class=\"c0\" x=\"0\" y=\"0\" width=\"25.29\" height=\"17\"/>";
        assert!(picture.contains(red), "{picture}");
        assert!(picture.contains("y=\"14.96\" width=\"25.29\""), "{picture}");
    }

    #[test]
    fn a_row_of_lines_is_one_rectangle() {
        assert_eq!(picture("─────").matches("<rect class").count(), 1);
    }

    #[test]
    fn what_is_left_out_leaves_no_gap() {
        let picture = picture("6.18-secret | x");
        assert!(!picture.contains("secret"), "{picture}");
        assert!(picture.contains(">6.18<"), "{picture}");
        assert!(picture.contains("x=\"42.15\" y=\"13\" textLength=\"8.43\">|<"), "{picture}");
    }

    #[test]
    fn what_programs_write_is_escaped() {
        let picture = picture("a<b&c>");
        assert!(picture.contains(">a&lt;b&amp;c&gt;<"), "{picture}");
        assert!(picture.contains("<title>a &lt;title&gt;</title>"), "{picture}");
    }
}
