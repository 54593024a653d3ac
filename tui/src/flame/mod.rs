//! Flame graphs: stacks folded into a tree, and the files made of it.

use crate::model::{Model, ProcKey};
use crate::source::Frame;
use std::sync::Arc;

/// One box of a flame graph: a function as called from its parent box.
#[derive(Clone, Debug)]
pub struct Node {
    /// The function.
    pub frame: Arc<Frame>,
    /// Index of the parent; the root is its own.
    pub parent: usize,
    /// Indices of the children, by name.
    pub children: Vec<usize>,
    /// Steps from the root.
    pub depth: usize,
    /// Samples (or ns) in this box and all above it.
    pub total: u64,
    /// Samples (or ns) in this box alone.
    pub own: u64,
}

/// What the numbers of a flame graph are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Profile samples.
    Samples,
    /// Nanoseconds off the CPU.
    Nanoseconds,
}

/// A flame graph. Node 0 is the root ("all"), its children are processes, theirs the frames from
/// the root of the stack to its leaf.
#[derive(Clone, Debug)]
pub struct FlameTree {
    /// The boxes; parents come before their children.
    pub nodes: Vec<Node>,
    /// What the numbers are.
    pub unit: Unit,
}

/// Folds the CPU profile of the processes that `include` accepts.
pub fn cpu(_model: &Model, _include: impl Fn(ProcKey) -> bool) -> FlameTree {
    FlameTree { nodes: Vec::new(), unit: Unit::Samples }
}

/// Folds the off-CPU time of the processes that `include` accepts.
pub fn off_cpu(_model: &Model, _include: impl Fn(ProcKey) -> bool) -> FlameTree {
    FlameTree { nodes: Vec::new(), unit: Unit::Nanoseconds }
}
