//! A screen as SVG (term-transcript lays it out, cell by cell), and that as PNG (resvg draws it).

use crate::theme::Theme;
use resvg::{tiny_skia, usvg};
use std::num::NonZeroUsize;
use styled_str::StyledString;
use term_transcript::svg::{Template, TemplateOptions};
use term_transcript::{Transcript, UserInput};

/// Of DejaVu Sans Mono, in parts of the font's size: with these, its lines and blocks join.
const LINE_HEIGHT: f64 = 1.164;
const ADVANCE: f64 = 0.602;
/// What term-transcript draws with, in pixels.
const FONT_SIZE: f64 = 14.0;
/// What term-transcript leaves free on each side, in pixels.
const MARGIN: f64 = 10.0;
const FONTS: &str = "DejaVu Sans Mono, Liberation Mono, Menlo, Consolas, monospace";
/// The font that PNGs are drawn with.
const FONT: &str = "DejaVu Sans Mono";
/// Key of the text in a PNG that says which SVG it was made from.
const MADE_FROM: &str = "svg-crc32";

/// The picture of a screen: text with ANSI escapes, one line a row, `columns` wide.
pub fn svg(screen: &str, columns: u16, theme: Theme, title: &str) -> Result<String, String> {
    let width = (f64::from(columns) * ADVANCE * FONT_SIZE + 2.0 * MARGIN).ceil();
    let options = TemplateOptions {
        width: NonZeroUsize::new(width as usize).ok_or("a screen has columns")?,
        line_height: Some(LINE_HEIGHT),
        advance_width: Some(ADVANCE),
        palette: theme.palette(),
        font_family: FONTS.to_owned(),
        wrap: None,
        ..TemplateOptions::default()
    };
    let options = options.validated().map_err(|error| error.to_string())?;
    let mut transcript = Transcript::new();
    let output = StyledString::from_ansi(screen.trim_end_matches('\n'));
    let output = output.map_err(|error| error.to_string())?;
    transcript.add_interaction(UserInput::command("").hide(), output);
    let mut svg = Vec::new();
    Template::pure_svg(options).render(&transcript, &mut svg).map_err(|error| error.to_string())?;
    let svg = String::from_utf8(svg).map_err(|error| error.to_string())?;
    Ok(finished(&svg, title))
}

/// Viewers other than browsers keep spaces only where the document says so, not where its style does.
fn finished(svg: &str, title: &str) -> String {
    let (head, rest) = svg.split_once("<svg ").expect("it is an SVG");
    let (attributes, body) = rest.split_once('>').expect("its tag ends");
    let title = title.replace('&', "&amp;").replace('<', "&lt;");
    format!("{head}<svg xml:space=\"preserve\" {attributes}>\n  <title>{title}</title>{body}")
}

/// The picture as PNG, which carries a checksum of the SVG.
pub fn png(svg: &str) -> Result<Vec<u8>, String> {
    let mut options = usvg::Options::default();
    options.fontdb_mut().load_system_fonts();
    options.fontdb_mut().set_monospace_family(FONT);
    let family = [usvg::fontdb::Family::Name(FONT)];
    let query = usvg::fontdb::Query { families: &family, ..usvg::fontdb::Query::default() };
    if options.fontdb.query(&query).is_none() {
        return Err(format!("no font {FONT} here (Debian: fonts-dejavu-core)"));
    }
    let tree = usvg::Tree::from_str(svg, &options).map_err(|error| error.to_string())?;
    let size = tree.size().to_int_size();
    let mut pixels = tiny_skia::Pixmap::new(size.width(), size.height()).ok_or("it has no size")?;
    resvg::render(&tree, tiny_skia::Transform::identity(), &mut pixels.as_mut());
    encoded(&pixels, &checksum(svg)).map_err(|error| error.to_string())
}

/// The background leaves nothing transparent but round corners, so that colours need no scaling back.
fn encoded(pixels: &tiny_skia::Pixmap, made_from: &str) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, pixels.width(), pixels.height());
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_compression(png::Compression::High);
    encoder.add_text_chunk(MADE_FROM.to_owned(), made_from.to_owned())?;
    encoder.write_header()?.write_image_data(pixels.data())?;
    Ok(bytes)
}

/// Whether a PNG was made from this SVG.
pub fn made_from(png: &[u8], svg: &str) -> bool {
    let reader = png::Decoder::new(std::io::Cursor::new(png)).read_info();
    let checksum = checksum(svg);
    reader.is_ok_and(|reader| {
        let texts = &reader.info().uncompressed_latin1_text;
        texts.iter().any(|text| text.keyword == MADE_FROM && text.text == checksum)
    })
}

fn checksum(svg: &str) -> String {
    format!("{:08x}", crc32fast::hash(svg.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(screen: &str, theme: Theme) -> String {
        svg(screen, 20, theme, "a <title> & more").expect("it is a screen")
    }

    /// Width of so many cells, as pictures say it.
    fn cells(count: f64) -> String {
        format!("{}", (count * ADVANCE * FONT_SIZE * 100.0).round() / 100.0)
    }

    #[test]
    fn words_stand_in_their_columns_with_their_length() {
        let svg = picture("ab\x1b[1mcd\x1b[m <&>", Theme::Dark);
        let bold =
            format!("<text x=\"{}\" textLength=\"{0}\" class=\"bold\">cd</text>", cells(2.0));
        assert!(svg.contains(&bold), "{svg}");
        assert!(svg.contains(" &lt;&amp;&gt;</text>"), "{svg}");
    }

    #[test]
    fn a_wide_character_takes_two_columns() {
        let svg = picture("日本\x1b[1mx", Theme::Dark);
        assert!(svg.contains(&format!("<text x=\"{}\" class=\"bold\">x<", cells(4.0))), "{svg}");
    }

    #[test]
    fn backgrounds_are_rectangles_of_their_cells() {
        let svg = picture("ab\x1b[48;2;1;2;3m<b>\x1b[m\x1b[48;5;208mx\x1b[m\x1b[7my", Theme::Dark);
        for (columns, color) in [(3.0, "#010203"), (1.0, "#ff8700")] {
            let rect =
                format!("width=\"{}\" height=\"16.3\" style=\"fill: {color};", cells(columns));
            assert!(svg.contains(&rect), "{rect} in {svg}");
        }
    }

    #[test]
    fn themes_differ_in_background_and_text() {
        let (dark, light) = (picture("x", Theme::Dark), picture("x", Theme::Light));
        assert!(dark.contains("rx=\"4.5\" style=\"fill: #1e1e1e;\""), "{dark}");
        assert!(light.contains("rx=\"4.5\" style=\"fill: #fff;\""), "{light}");
        assert!(light.contains(".fg7 { fill: #333; }"), "{light}");
    }

    #[test]
    fn every_viewer_keeps_spaces_and_titles_are_escaped() {
        let svg = picture("a  b", Theme::Dark);
        assert!(svg.contains("<svg xml:space=\"preserve\" viewBox="), "{svg}");
        assert!(svg.contains("<title>a &lt;title> &amp; more</title>"), "{svg}");
    }

    #[test]
    fn a_png_says_which_svg_it_was_made_from() {
        let (one, other) = (picture("x", Theme::Dark), picture("y", Theme::Dark));
        let pixels = tiny_skia::Pixmap::new(2, 2).expect("it has a size");
        let png = encoded(&pixels, &checksum(&one)).expect("it can be encoded");
        assert!(made_from(&png, &one));
        assert!(!made_from(&png, &other));
        assert!(!made_from(b"no picture", &one));
    }
}
