//! Flame graphs as files: SVG by inferno, folded stacks, and the formats of pprof and speedscope.
//!
//! The first two are made of folded stacks: the frames of a stack from its root, joined by `;`, a space, and
//! a number. Kernel frames end in `_[k]` and inlined ones in `_[i]`, as `stackcollapse-perf.pl --all`
//! writes them; inferno picks colours by that.

mod diff;
mod pprof;
mod profile_proto;
mod speedscope;
mod svg;

pub use super::save::{check, save};
pub use diff::{Diff, write_diff_folded};
pub use pprof::{About, write_pprof};
pub use speedscope::write_speedscope;
pub use svg::{write_diff_svg, write_svg};

use super::tree::Step;
use super::{FlameTree, Measure, Node, Role};
use crate::source::{Frame, FrameKind};
use crate::text;
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
    /// One of two flame graphs is empty.
    #[error("nothing to compare to in {which}: {reason}")]
    NothingToCompare {
        /// `A` or `B`.
        which: &'static str,
        /// What it lacks.
        reason: String,
    },
    /// There is no time at all to draw.
    #[error("no samples: no thread that was watched ran or waited in that time")]
    NoTime,
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
            Measure::Wall => Self::NoTime,
        }
    }
}

/// Writes folded stacks: a line `comm-pid;frame;frame count` for each, root first; `count` is in
/// samples, or ns.
pub fn write_folded(tree: &FlameTree, out: &mut dyn Write) -> Result<(), Error> {
    refuse_empty(tree)?;
    let own = |index: usize| Some(tree.nodes[index].own).filter(|own| *own > 0);
    let number = |index| own(index).map(|own| format!(" {own}"));
    for line in folded_lines(tree, folded_label, number) {
        writeln!(out, "{line}")?;
    }
    Ok(out.flush()?)
}

/// The name of a file for an SVG made at `time`: `syscope-cpu-YYYYmmdd-HHMMSS.svg`.
pub fn default_file_name(measure: Measure, time: jiff::civil::DateTime) -> String {
    let what = match measure {
        Measure::Cpu => "cpu",
        Measure::OffCpu => "offcpu",
        Measure::Wall => "wall",
    };
    format!("syscope-{what}-{}.svg", time.strftime("%Y%m%d-%H%M%S"))
}

fn refuse_empty(tree: &FlameTree) -> Result<(), Error> {
    if tree.is_empty() { Err(Error::nothing(tree.measure)) } else { Ok(()) }
}

/// One line for every box that has numbers of its own, in the order of the tree. `numbers` gives those
/// of the box with this index, with a space before each.
fn folded_lines(
    tree: &FlameTree,
    label: impl Fn(&Node) -> String,
    numbers: impl Fn(usize) -> Option<String>,
) -> Vec<String> {
    let mut lines = Vec::new();
    let mut path = String::new();
    let mut ends = Vec::new();
    tree.walk(|step| match step {
        Step::Enter(0) | Step::Leave(0) => {}
        Step::Enter(index) => {
            ends.push(path.len());
            if !path.is_empty() {
                path.push(';');
            }
            path.push_str(&label(&tree.nodes[index]));
            lines.extend(numbers(index).map(|numbers| format!("{path}{numbers}")));
        }
        Step::Leave(_) => path.truncate(ends.pop().expect("every box that is left was entered")),
    });
    lines
}

/// The name of a box.
fn label(node: &Node) -> String {
    if node.role == Role::Frame {
        return annotated(&node.frame);
    }
    note_label(&node.frame.name)
}

/// A name that is no function's.
fn note_label(name: &str) -> String {
    let label = guarded(&plain(name));
    // A line that begins so would be taken for a comment.
    if label.starts_with("# ") { label.replacen(' ', "_", 1) } else { label }
}

/// The name of a process, from its box: `comm (PID)`.
fn comm(name: &str) -> &str {
    name.rsplit_once(" (").map_or("", |(comm, _)| comm)
}

/// The name of a box in folded stacks; as perf's scripts have it, without spaces in `comm-pid`.
fn folded_label(node: &Node) -> String {
    match node.role {
        Role::Process(key) => format!("{}-{}", plain(comm(&node.frame.name)), key.pid)
            .replace(char::is_whitespace, "_"),
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
