//! Pictures for a browser, by inferno.

use super::diff::{self, Diff};
use super::{Error, folded_lines, label, plain, refuse_empty};
use crate::flame::{FlameTree, Measure, Node, Role, State};
use crate::source::FrameKind;
use crate::text;
use inferno::flamegraph::color::{Color, MultiPalette, Palette, PaletteMap};
use inferno::flamegraph::{self, Options};
use std::fmt::Write as _;
use std::io::Write;

/// Boxes narrower than this share of the whole are left out of an SVG.
pub(super) const SVG_MIN_SHARE: u128 = 10_000;

/// Writes an SVG that can be searched and zoomed in a browser. The same tree gives the same bytes.
/// The root's numbers are the tree's: samples, or time in `us` or `ms`.
pub fn write_svg(
    tree: &FlameTree,
    title: &str,
    subtitle: &str,
    out: &mut dyn Write,
) -> Result<(), Error> {
    refuse_empty(tree)?;
    let mut states = state_colours(tree);
    let mut options = options(tree, title, legend(tree, subtitle));
    options.palette_map = Some(&mut states);
    let scale = Scale::of(tree);
    options.factor *= scale.factor();
    let own = |index: usize| Some(tree.nodes[index].own).filter(|own| *own > 0);
    let number = |index| own(index).map(|own| format!(" {}", scale.down(own)));
    let svg = draw(&mut options, &folded_lines(tree, svg_label, number))?;
    Ok(out.write_all(svg.as_bytes())?)
}

/// Draws a differential flame graph, as wide as the later one of both. Boxes are red where more, and
/// blue where less of the whole is in the function itself than before. `spans` says how long both were.
pub fn write_diff_svg(
    diff: &Diff,
    title: &str,
    spans: [&str; 2],
    out: &mut dyn Write,
) -> Result<(), Error> {
    let tree = &diff.after;
    let mut options = options(tree, title, diff_legend(diff, spans));
    let common = diff.common_total();
    options.factor *= tree.total() as f64 / common as f64;
    let number = |index| {
        let [before, after] = diff.scaled(index, common);
        (diff.own(index) != [0, 0]).then(|| format!(" {before} {after}"))
    };
    let mut svg = draw(&mut options, &folded_lines(tree, diff::name, number))?;
    scale_differences(&mut svg, options.factor);
    Ok(out.write_all(svg.as_bytes())?)
}

/// inferno applies the factor to numbers and totals, but not to differences, which it gives in percent
/// of the total: `; +24.70%)` at the end of a title.
fn scale_differences(svg: &mut String, factor: f64) {
    let mut scaled = String::with_capacity(svg.len());
    let mut rest = svg.as_str();
    while let Some((before, after)) = rest.split_once("%)</title>") {
        rest = after;
        match before.rsplit_once("; ").map(|(text, number)| (text, number.parse::<f64>())) {
            Some((_, Ok(0.0) | Err(_))) | None => scaled.push_str(before),
            Some((text, Ok(number))) => {
                write!(scaled, "{text}; {:+.2}", number * factor).expect("a string");
            }
        }
        scaled.push_str("%)</title>");
    }
    scaled.push_str(rest);
    *svg = scaled;
}

/// The colours of states, as on the screen; all other boxes get theirs by name.
fn state_colours(tree: &FlameTree) -> PaletteMap {
    let mut colours = PaletteMap::default();
    for node in &tree.nodes {
        let (r, g, b) = match node.role {
            Role::State(State::Running) => (255, 95, 95),
            Role::State(State::WaitingForCpu) => (255, 255, 135),
            Role::State(State::Blocked(_)) => (135, 175, 255),
            _ => continue,
        };
        colours.insert(label(node), Color { r, g, b });
    }
    colours
}

fn options<'a>(tree: &FlameTree, title: &str, subtitle: String) -> Options<'a> {
    let mut options = Options::default();
    options.title = plain(title).into_owned();
    options.subtitle = Some(subtitle);
    options.colors = Palette::Multi(MultiPalette::Java);
    options.deterministic = true;
    options.min_width = 100.0 / SVG_MIN_SHARE as f64;
    (options.count_name, options.factor) = match (tree.measure, tree.total()) {
        (Measure::Cpu, _) => ("samples".to_owned(), 1.0),
        (_, 0..100_000_000_000) => ("us".to_owned(), 1e-3),
        _ => ("ms".to_owned(), 1e-6),
    };
    // inferno joins equal prefixes of adjacent lines only. Sorted as text, `a;b`, `a;b(int)`,
    // `a;b;c` tear `b` apart; the order of the tree does not. It takes an order that is not that of
    // the text for flame charts alone, and reverses it.
    options.flame_chart = true;
    options
}

fn draw(options: &mut Options<'_>, lines: &[String]) -> Result<String, Error> {
    let mut svg = Vec::new();
    flamegraph::from_lines(options, lines.iter().rev().map(String::as_str), &mut svg)?;
    let mut svg = String::from_utf8(svg).map_err(std::io::Error::other)?;
    label_root(&mut svg);
    Ok(svg)
}

/// inferno adds numbers up as they are. Where a hostile capture would have them overflow, they are
/// drawn as so many halves less.
struct Scale {
    halves: u32,
}

impl Scale {
    fn of(tree: &FlameTree) -> Self {
        let sum: u128 = tree.nodes.iter().map(|node| u128::from(node.own)).sum();
        Self { halves: (u128::BITS - sum.leading_zeros()).saturating_sub(63) }
    }

    fn down(&self, number: u64) -> u64 {
        number.checked_shr(self.halves).unwrap_or(0)
    }

    fn factor(&self) -> f64 {
        f64::from(self.halves).exp2()
    }
}

/// inferno leaves the root's label to its script: where none runs, there would be none.
fn label_root(svg: &mut String) {
    const TEXT: &str = "></text>";
    let title = svg.find("<title>all (");
    if let Some(text) = title.and_then(|title| Some(title + svg[title..].find(TEXT)?)) {
        svg.insert_str(text + 1, "all");
    }
}

/// The line below the title: how much it is, what the caller says, what the colours are, what is
/// left out.
fn legend(tree: &FlameTree, subtitle: &str) -> String {
    let mut legend = amount(tree.measure, tree.total());
    if !subtitle.is_empty() {
        legend.push_str(" · ");
        legend.push_str(&plain(subtitle));
    }
    legend.push_str(" · green: user, aqua: inlined, orange: kernel");
    legend.push_str(match tree.measure {
        Measure::Cpu => "",
        Measure::OffCpu => ", yellow: waiting, blue: blocked",
        Measure::Wall => ", red: running, yellow: waiting, blue: blocked",
    });
    legend + &left_out(tree)
}

/// The same for a differential one.
fn diff_legend(diff: &Diff, spans: [&str; 2]) -> String {
    let tree = &diff.after;
    let [before, after] = diff.amounts().map(|total| amount(tree.measure, total));
    let [before_span, after_span] = spans.map(plain);
    let gone = match diff.gone() {
        0.0 => String::new(),
        gone => format!(" · {} of A is not in B", text::percent(gone)),
    };
    format!(
        "A: {before} in {before_span}, B: {after} in {after_span}, scaled to equal totals · as wide as \
         B · red: more in itself, blue: less{gone}{}",
        left_out(tree)
    )
}

fn amount(measure: Measure, total: u64) -> String {
    match (measure, total) {
        (Measure::Cpu, 1) => "1 sample".to_owned(),
        (Measure::Cpu, samples) => format!("{samples} samples"),
        (Measure::OffCpu, ns) => format!("{} off the CPU", text::duration(ns)),
        (Measure::Wall, ns) => format!("{} of threads' time", text::duration(ns)),
    }
}

fn left_out(tree: &FlameTree) -> String {
    let total = u128::from(tree.total());
    let is_narrow = |n: &&Node| n.total > 0 && u128::from(n.total) * SVG_MIN_SHARE < total;
    match tree.nodes.iter().filter(is_narrow).count() {
        0 => String::new(),
        narrow => format!(" · {narrow} boxes under 0.01% are not drawn"),
    }
}

/// The name of a box in an SVG. inferno gives what has the mark of compiled Java the colour that
/// user code has on the screen, and takes the mark away.
fn svg_label(node: &Node) -> String {
    let frame = &node.frame;
    match (node.role, frame.kind) {
        (Role::Frame, FrameKind::User) if !frame.inlined => {
            plain(&frame.name).into_owned() + "_[j]"
        }
        _ => label(node),
    }
}
