//! Flame graphs: stacks folded into a tree, and the files made of it.

mod build;
pub mod export;
mod measure;
mod open;
mod save;
pub mod tree;
mod weigh;

pub use build::{cpu, fold, off_cpu, wall};
pub use measure::{Measure, State};
pub use open::Opening;
pub use tree::{Function, Matches, TopRow};
pub(crate) use weigh::weigh_process;
pub use weigh::{Times, Weighed, times_of, weigh};

use crate::model::ProcKey;
use crate::source::Frame;
use std::sync::Arc;

/// What a box of a flame graph stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Everything: the root.
    All,
    /// A process; the frame is a note, `comm (PID)`.
    Process(ProcKey),
    /// The threads of one name of a process; the frame is a note, that name.
    Thread,
    /// A frame of a stack: a function, or a note in place of frames that are not known.
    Frame,
    /// What the thread did there; the frame is a note. Always a leaf.
    State(State),
}

/// One box of a flame graph: a function as called from its parent box.
#[derive(Clone, Debug)]
pub struct Node {
    /// The function.
    pub frame: Arc<Frame>,
    /// What the box stands for.
    pub role: Role,
    /// Index of the parent; the root is its own.
    pub parent: usize,
    /// Indices of the children, by name.
    pub children: Vec<usize>,
    /// Steps from the root.
    pub depth: usize,
    /// Samples (or ns) in this box and all above it.
    pub total: u64,
    /// Samples (or ns) in this box alone; 0 where it is not open.
    pub own: u64,
    /// What is above it is in the tree. Only of an [`Opening`] some boxes are not.
    pub open: bool,
}

/// A flame graph. Node 0 is the root ("all"), its children are processes, theirs the frames from
/// the root of the stack to its leaf.
#[derive(Clone, Debug)]
pub struct FlameTree {
    /// The boxes; parents come before their children. Never empty.
    pub nodes: Vec<Node>,
    /// What the numbers measure.
    pub measure: Measure,
}

#[cfg(test)]
pub(crate) mod tests;
