//! The kernel's side of what is kept.

use crate::unwind::Words;
use std::io;
use syscope_shared::python::Layout;
use syscope_shared::unwind::{Process, Rule, Segment};

/// The maps that the programs unwind with (see [`syscope_shared::unwind`]).
pub trait Maps: Words + Send {
    /// Words that there can be.
    fn words(&self) -> usize;
    /// Segments that there is room for.
    fn segments(&self) -> usize;
    /// Writes words of tables, from this one on.
    fn write_words(&mut self, index: u32, words: &[u32]) -> io::Result<()>;
    /// Writes rules, from this one on.
    fn write_rules(&mut self, index: u32, rules: &[Rule]) -> io::Result<()>;
    /// Writes segments, from this one on.
    fn write_segments(&mut self, index: u32, segments: &[Segment]) -> io::Result<()>;
    /// Lets go of what makes reading and writing cheap. To be called now and then.
    fn rest(&mut self);
    /// Writes where a version of Python keeps its frames.
    fn write_python(&mut self, index: u32, layout: &Layout) -> io::Result<()>;
    /// Says what is known of a process, in one piece.
    fn publish(&mut self, pid: u32, process: &Process) -> io::Result<()>;
    /// Nothing is known of a process any more.
    fn withdraw(&mut self, pid: u32) -> io::Result<()>;
}
