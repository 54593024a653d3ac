//! Known call chains: programs whose every sample must show the same functions, and how many of them
//! do.

mod fit;
mod parse;
mod run;
mod symbols;
mod tally;

pub use parse::chains_of;
pub use run::{HZ, Plan, Run, ended};
pub use symbols::Symbols;
pub use tally::Tally;

use crate::schema::Frame;

/// A frame at the root end of a stack that is not complete has a name that begins so.
pub const ENDS_EARLY: &str = "[stack ends: ";

/// The functions from a thread's start to the one that works.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// From the root to the leaf.
    steps: Vec<Step>,
    /// So many steps must be there; the rest may be missing from any of them on.
    required: usize,
    /// Beyond the leaf there may be frames of these files.
    beyond: Vec<String>,
}

/// A frame of a chain, or a row of frames.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    kind: Kind,
    /// Whether it may be more than one.
    many: bool,
}

/// What a frame has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// A function of this name.
    Function(String),
    /// Code of one of these files, given by the beginnings of their names.
    In(Vec<String>),
    /// What the C library does before `main`.
    BeforeMain,
    /// What the C library does before a thread's function.
    BeforeThread,
    /// The frame that a signal handler returns to.
    Signal,
    /// Code that belongs to no file.
    Nameless,
    /// Rust's library.
    RustStd,
}

/// A frame as it is compared: what compilers add to a name is taken off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    name: String,
    /// Name of the file, without its folder.
    file: Option<String>,
}

impl Seen {
    /// A frame of a report.
    pub fn new(frame: &Frame) -> Self {
        let path = frame.module.as_deref();
        let file = path.map(|path| path.rsplit('/').next().unwrap_or(path).to_owned());
        Self { name: bare(&frame.name).to_owned(), file }
    }

    /// Name of its function.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is in one of these files, given by the beginnings of their names.
    pub fn is_in(&self, files: &[impl AsRef<str>]) -> bool {
        let file = self.file.as_deref();
        file.is_some_and(|file| files.iter().any(|start| file.starts_with(start.as_ref())))
    }
}

/// A function's name without its parameters, Rust's hash, and the marks of parts and clones of it.
fn bare(name: &str) -> &str {
    let name = name.find('(').filter(|at| *at > 0).map_or(name, |at| &name[..at]);
    let name = name.split(" [clone").next().unwrap_or(name);
    let name = match name.rsplit_once("::h") {
        Some((rest, hash)) if hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => {
            rest
        }
        _ => name,
    };
    let marks = [".cold", ".part.", ".constprop.", ".isra.", ".llvm."];
    let end = marks.iter().filter_map(|mark| name.find(mark)).min().unwrap_or(name.len());
    name[..end].split('@').next().filter(|name| !name.is_empty()).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::bare;

    #[test]
    fn a_bare_name_is_the_one_in_the_source() {
        for (name, expected) in [
            ("leaf", "leaf"),
            ("Circle::paint(int)", "Circle::paint"),
            ("middle() [clone .cold]", "middle"),
            ("middle.cold", "middle"),
            ("descend.constprop.0", "descend"),
            ("plain::each::h0123456789abcdef", "plain::each"),
            ("plain::each::help", "plain::each::help"),
            ("tick@plt", "tick"),
            ("(anonymous namespace)", "(anonymous namespace)"),
            ("[stack ends: depth limit]", "[stack ends: depth limit]"),
            ("plain+0x1234", "plain+0x1234"),
        ] {
            assert_eq!(bare(name), expected, "{name}");
        }
    }
}
