//! Flame graphs as files: SVG by inferno, folded stacks, and the formats of pprof and speedscope.
//!
//! The first two are made of folded stacks: the frames of a stack from its root, joined by `;`, a space, and
//! a number. Kernel frames end in `_[k]` and inlined ones in `_[i]`, as `stackcollapse-perf.pl --all`
//! writes them; inferno picks colours by that.

mod pprof;
mod profile_proto;
mod speedscope;

pub use super::save::{check, save};
pub use pprof::{About, write_pprof};
pub use speedscope::write_speedscope;

use super::tree::Step;
use super::{FlameTree, Measure, Node, Role};
use crate::source::{Frame, FrameKind};
use crate::text;
use inferno::flamegraph::color::{MultiPalette, Palette};
use inferno::flamegraph::{self, Options};
use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::PathBuf;

/// Why a flame graph was not written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no CPU sample to draw.
    #[error("no samples: nothing that was watched ran on a CPU in that time")]
    NoSamples,
    /// There is no off-CPU time to draw.
    #[error("no samples: no thread that was watched waited in that time")]
    NoWaits,
    /// The writer failed.
    #[error("cannot write the flame graph: {0}")]
    Write(#[from] io::Error),
    /// A file could not be written.
    #[error("cannot write {}: {source}", text::visible(&path.to_string_lossy()))]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Error {
    /// There is nothing to write.
    fn nothing(measure: Measure) -> Self {
        match measure {
            Measure::Cpu => Self::NoSamples,
            Measure::OffCpu => Self::NoWaits,
        }
    }
}

/// Boxes narrower than this share of the whole are left out of an SVG.
const SVG_MIN_SHARE: u64 = 10_000;

/// Writes an SVG that can be searched and zoomed in a browser. The same tree gives the same bytes.
/// The root's numbers are the tree's: samples, or off-CPU time in `us` or `ms`.
pub fn write_svg(
    tree: &FlameTree,
    title: &str,
    subtitle: &str,
    out: &mut dyn Write,
) -> Result<(), Error> {
    refuse_empty(tree)?;
    let mut options = Options::default();
    options.title = plain(title).into_owned();
    options.subtitle = Some(legend(tree, subtitle));
    options.colors = Palette::Multi(MultiPalette::Java);
    options.deterministic = true;
    options.min_width = 100.0 / SVG_MIN_SHARE as f64;
    (options.count_name, options.factor) = match (tree.measure, tree.total()) {
        (Measure::Cpu, _) => ("samples".to_owned(), 1.0),
        (Measure::OffCpu, 0..100_000_000_000) => ("us".to_owned(), 1e-3),
        (Measure::OffCpu, _) => ("ms".to_owned(), 1e-6),
    };
    // inferno joins equal prefixes of adjacent lines only. Sorted as text, `a;b`, `a;b(int)`,
    // `a;b;c` tear `b` apart; the order of the tree does not. It takes an order that is not that of
    // the text for flame charts alone, and reverses it.
    options.flame_chart = true;
    let lines = folded_lines(tree, svg_label);
    let mut svg = Vec::new();
    flamegraph::from_lines(&mut options, lines.iter().rev().map(String::as_str), &mut svg)?;
    label_root(&mut svg);
    Ok(out.write_all(&svg)?)
}

/// inferno leaves the root's label to its script: where none runs, there would be none.
fn label_root(svg: &mut Vec<u8>) {
    let find = |from: usize, what: &[u8]| {
        svg[from..].windows(what.len()).position(|bytes| bytes == what).map(|at| from + at)
    };
    let text = find(0, b"<title>all (").and_then(|title| find(title, b"></text>"));
    if let Some(text) = text {
        svg.splice(text + 1..text + 1, *b"all");
    }
}

/// Writes folded stacks: a line `comm-pid;frame;frame count` for each, root first; `count` is in
/// samples, or ns off the CPU.
pub fn write_folded(tree: &FlameTree, out: &mut dyn Write) -> Result<(), Error> {
    refuse_empty(tree)?;
    for line in folded_lines(tree, folded_label) {
        writeln!(out, "{line}")?;
    }
    Ok(out.flush()?)
}

/// The name of a file for an SVG made at `time`: `syscope-cpu-YYYYmmdd-HHMMSS.svg`.
pub fn default_file_name(measure: Measure, time: jiff::civil::DateTime) -> String {
    let what = match measure {
        Measure::Cpu => "cpu",
        Measure::OffCpu => "offcpu",
    };
    format!("syscope-{what}-{}.svg", time.strftime("%Y%m%d-%H%M%S"))
}

fn refuse_empty(tree: &FlameTree) -> Result<(), Error> {
    if tree.is_empty() { Err(Error::nothing(tree.measure)) } else { Ok(()) }
}

/// The line below the title: how much it is, what the caller says, what the colours are, what is
/// left out.
fn legend(tree: &FlameTree, subtitle: &str) -> String {
    let mut legend = match (tree.measure, tree.total()) {
        (Measure::Cpu, 1) => "1 sample".to_owned(),
        (Measure::Cpu, samples) => format!("{samples} samples"),
        (Measure::OffCpu, ns) => format!("{} off the CPU", text::duration(ns)),
    };
    if !subtitle.is_empty() {
        legend.push_str(" · ");
        legend.push_str(&plain(subtitle));
    }
    legend.push_str(" · green: user, aqua: inlined, orange: kernel");
    let narrow = tree.nodes.iter().filter(|n| n.total * SVG_MIN_SHARE < tree.total()).count();
    if narrow > 0 {
        write!(legend, " · {narrow} boxes under 0.01% are not drawn").expect("a string");
    }
    legend
}

/// One line for every box with samples of its own, in the order of the tree.
fn folded_lines(tree: &FlameTree, label: fn(&Node) -> String) -> Vec<String> {
    let mut lines = Vec::new();
    let mut path = String::new();
    let mut ends = Vec::new();
    tree.walk(|step| match step {
        Step::Enter(0) | Step::Leave(0) => {}
        Step::Enter(index) => {
            let node = &tree.nodes[index];
            ends.push(path.len());
            if !path.is_empty() {
                path.push(';');
            }
            path.push_str(&label(node));
            if node.own > 0 {
                lines.push(format!("{path} {}", node.own));
            }
        }
        Step::Leave(_) => path.truncate(ends.pop().expect("every box that is left was entered")),
    });
    lines
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

/// The name of a box.
fn label(node: &Node) -> String {
    if node.role == Role::Frame {
        return annotated(&node.frame);
    }
    let label = guarded(&plain(&node.frame.name));
    // A line that begins so would be taken for a comment.
    if label.starts_with("# ") { label.replacen(' ', "_", 1) } else { label }
}

/// The name of a box in folded stacks; as perf's scripts have it, without spaces in `comm-pid`.
fn folded_label(node: &Node) -> String {
    match node.role {
        Role::Process(key) => {
            let name = node.frame.name.rsplit_once(" (").map_or("", |(comm, _)| comm);
            format!("{}-{}", plain(name), key.pid).replace(char::is_whitespace, "_")
        }
        _ => label(node),
    }
}

/// A frame with its kind.
fn annotated(frame: &Frame) -> String {
    let name = plain(&frame.name);
    match frame.kind {
        FrameKind::Kernel => name.into_owned() + "_[k]",
        FrameKind::User if frame.inlined => name.into_owned() + "_[i]",
        _ => guarded(&name),
    }
}

/// The name of a function where any text can stand: the kernel's are marked, as in folded stacks, and
/// nothing else looks like them. That a function was inlined is told in another way, or not at all.
fn marked(frame: &Frame) -> String {
    let name = text::visible(&frame.name);
    match (frame.kind, name.strip_suffix("_[k]")) {
        (FrameKind::Kernel, _) => name.into_owned() + "_[k]",
        (_, Some(stem)) => format!("{stem}_[k\\x5d"),
        (_, None) => name.into_owned(),
    }
}

/// A name without an ending that a reader would take for something else: a second number, white
/// space that is trimmed, or the mark of another kind of frame.
fn guarded(name: &str) -> String {
    if let Some(stem) = name.strip_suffix("_[k]").or(name.strip_suffix("_[i]")) {
        return format!("{stem}{}\\x5d", &name[stem.len()..name.len() - 1]);
    }
    let number = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    match number.char_indices().next_back() {
        Some((at, space)) if space.is_whitespace() => {
            format!("{}_{}", &name[..at], &name[number.len()..])
        }
        _ => name.to_owned(),
    }
}

/// A name without what would break a line, a stack or XML.
fn plain(name: &str) -> Cow<'_, str> {
    let breaks = |c: char| matches!(c, ';' | '\u{fffe}' | '\u{ffff}') || c.is_control();
    let visible = text::visible(name);
    if !visible.contains(breaks) {
        return visible;
    }
    let mut plain = String::with_capacity(visible.len() + 16);
    for c in visible.chars() {
        match c {
            c if !breaks(c) => plain.push(c),
            c if c.is_ascii() => write!(plain, "\\x{:02x}", c as u32).expect("a string"),
            c => write!(plain, "{}", c.escape_unicode()).expect("a string"),
        }
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests;
