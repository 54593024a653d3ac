//! Questions to a flame graph: paths, top functions, search.

use super::build::Builder;
use super::{FlameTree, Measure, Role, State, Weighed};
use crate::source::{Frame, FrameKind};
use crate::sums::{self, AddUp};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// What makes two frames the same function, wherever in it they are. Ordered by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Function<'a> {
    name: &'a str,
    kind: FrameKind,
    module: Option<&'a str>,
}

impl<'a> Function<'a> {
    /// The function that a frame is in.
    pub fn of(frame: &'a Frame) -> Self {
        Self { name: &frame.name, kind: frame.kind, module: frame.module.as_deref() }
    }
}

/// One function in the table of top functions.
#[derive(Clone, Debug)]
pub struct TopRow {
    /// The function, or a note where time has no function.
    pub frame: Arc<Frame>,
    /// Samples (or ns) in the function itself.
    pub own: u64,
    /// Samples (or ns) in it and in what it called; counted once where it called itself.
    pub total: u64,
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matches {
    /// The boxes, from left to right as they are drawn, a box before those above it.
    pub nodes: Vec<usize>,
    /// Samples (or ns) in them; those of a match above another match count once.
    pub total: u64,
}

/// A step of a walk through the tree.
pub(super) enum Step {
    Enter(usize),
    Leave(usize),
}

impl FlameTree {
    /// A graph of nothing.
    pub fn empty(measure: Measure) -> Self {
        Builder::new(measure).finish()
    }

    /// A graph of so much, of which nothing is open.
    pub fn closed(measure: Measure, total: u64) -> Self {
        let mut tree = Self::empty(measure);
        (tree.nodes[0].total, tree.nodes[0].open) = (total, false);
        tree
    }

    /// Samples (or ns) in all.
    pub fn total(&self) -> u64 {
        self.nodes.first().map_or(0, |root| root.total)
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.total() == 0
    }

    /// The boxes from the root (left out) to this one: names it for as long as the tree is built
    /// anew from the same processes and functions.
    pub fn path(&self, node: usize) -> Vec<Arc<Frame>> {
        let mut path: Vec<_> =
            self.ancestry(node).map(|node| Arc::clone(&self.nodes[node].frame)).collect();
        path.pop();
        path.reverse();
        path
    }

    /// The box at the end of a path, or the last one on the way that exists.
    pub fn resolve(&self, path: &[Arc<Frame>]) -> usize {
        let mut node = 0;
        for step in path {
            match self.child_named(node, step) {
                Some(child) => node = child,
                None => break,
            }
        }
        node
    }

    /// The child of a box that is this function.
    pub(super) fn child_named(&self, node: usize, function: &Frame) -> Option<usize> {
        let (wanted, children) = (Function::of(function), &self.nodes[node].children);
        let of = |child: &usize| Function::of(&self.nodes[*child].frame);
        children.binary_search_by(|child| of(child).cmp(&wanted)).ok().map(|at| children[at])
    }

    /// The box, its parent and so on to the root.
    pub fn ancestry(&self, node: usize) -> impl Iterator<Item = usize> {
        let parent = |node: &usize| (*node != 0).then(|| self.nodes[*node].parent);
        std::iter::successors(Some(node), parent)
    }

    /// The child with the most samples, the first of them.
    pub fn hottest_child(&self, node: usize) -> Option<usize> {
        let children = self.nodes[node].children.iter().copied();
        children.rev().max_by_key(|child| self.nodes[*child].total)
    }

    /// All functions, most own samples first. Time that is in no frame (a process none of whose
    /// frames are known) is in rows of notes, so that the own samples of all rows are all there are.
    /// Off-CPU, the time of a wait belongs to the function that waits.
    pub fn top(&self) -> Vec<TopRow> {
        let mut rows: Vec<TopRow> = Vec::new();
        let mut index: FxHashMap<Function<'_>, usize> = FxHashMap::default();
        let mut row_of_node = vec![0; self.nodes.len()];
        let mut open: Vec<usize> = Vec::new();
        self.walk(|step| match step {
            Step::Enter(node) => {
                let (frame, own) = (&self.nodes[node].frame, self.own_with_state(node));
                let row = *index.entry(Function::of(frame)).or_insert_with(|| {
                    rows.push(TopRow { frame: Arc::clone(frame), own: 0, total: 0 });
                    open.push(0);
                    rows.len() - 1
                });
                row_of_node[node] = row;
                rows[row].own.add_up(own);
                if self.nodes[node].role != Role::Frame {
                    rows[row].total.add_up(own);
                    return;
                }
                rows[row].total.add_up(if open[row] == 0 { self.nodes[node].total } else { 0 });
                open[row] += 1;
            }
            Step::Leave(node) if self.nodes[node].role == Role::Frame => {
                open[row_of_node[node]] -= 1;
            }
            Step::Leave(_) => {}
        });
        rows.retain(|row| row.total > 0);
        rows.sort_by(|a, b| {
            let numbers = (b.own, b.total).cmp(&(a.own, a.total));
            numbers.then_with(|| Function::of(&a.frame).cmp(&Function::of(&b.frame)))
        });
        rows
    }

    /// The boxes whose name or module contains `needle`, whatever the case. An empty needle is in
    /// none, and the root is never found.
    pub fn find(&self, needle: &str) -> Matches {
        let mut search = Search::new(needle);
        let mut matches = Matches::default();
        if needle.is_empty() {
            return matches;
        }
        let mut found = vec![false; self.nodes.len()];
        let mut open = 0_usize;
        self.walk(|step| match step {
            Step::Enter(0) | Step::Leave(0) => {}
            Step::Enter(node) => {
                found[node] = search.finds(Function::of(&self.nodes[node].frame));
                if found[node] {
                    matches.nodes.push(node);
                    matches.total.add_up(if open == 0 { self.nodes[node].total } else { 0 });
                    open += 1;
                }
            }
            Step::Leave(node) => open -= usize::from(found[node]),
        });
        matches
    }

    /// The rank of every box, from left to right as they are drawn, a box before those above it.
    pub fn preorder(&self) -> Vec<usize> {
        let mut ranks = vec![0; self.nodes.len()];
        let mut next = 0;
        self.walk(|step| {
            if let Step::Enter(node) = step {
                ranks[node] = next;
                next += 1;
            }
        });
        ranks
    }

    /// Own samples of a box; with what is in the states above it, which are no functions.
    fn own_with_state(&self, node: usize) -> u64 {
        let node = &self.nodes[node];
        if matches!(node.role, Role::State(_)) {
            return 0;
        }
        let states = node.children.iter().map(|child| &self.nodes[*child]);
        let above = sums::sum(states.filter(|c| matches!(c.role, Role::State(_))).map(|c| c.own));
        node.own.saturating_add(above)
    }

    /// Enters every box before those above it, from left to right, and leaves it after them.
    pub(super) fn walk(&self, mut visit: impl FnMut(Step)) {
        let mut stack = vec![Step::Enter(0)];
        while let Some(step) = stack.pop() {
            if let Step::Enter(node) = step {
                stack.push(Step::Leave(node));
                stack.extend(self.nodes[node].children.iter().rev().map(|c| Step::Enter(*c)));
            }
            visit(step);
        }
    }
}

/// A search for a part of a name or module; what it knows of a function it remembers.
pub(super) struct Search<'a> {
    /// In lower case.
    needle: String,
    known: FxHashMap<Function<'a>, bool>,
    /// By address: all are borrowed.
    frames: FxHashMap<*const Frame, bool>,
}

impl<'a> Search<'a> {
    pub fn new(needle: &str) -> Self {
        let (known, frames) = (FxHashMap::default(), FxHashMap::default());
        Self { needle: needle.to_lowercase(), known, frames }
    }

    fn finds(&mut self, function: Function<'a>) -> bool {
        let needle = &self.needle;
        *self.known.entry(function).or_insert_with(|| contains(function, needle))
    }

    /// Whether one of the boxes of a stack is found, that of its process left out.
    pub fn finds_in(&mut self, stack: &Weighed<'a>) -> bool {
        let notes = [stack.thread, stack.state.map(State::note)];
        let in_note = |note: &str| note.to_lowercase().contains(&self.needle);
        notes.into_iter().flatten().any(in_note)
            || stack.user.iter().chain(stack.kernel).any(|frame| {
                let frame: &'a Frame = frame;
                match self.frames.get(&std::ptr::from_ref(frame)) {
                    Some(found) => *found,
                    None => {
                        let found = self.finds(Function::of(frame));
                        self.frames.insert(frame, found);
                        found
                    }
                }
            })
    }
}

/// `needle` is in lower case.
fn contains(function: Function<'_>, needle: &str) -> bool {
    let has = |text: &str| text.to_lowercase().contains(needle);
    has(function.name) || function.module.is_some_and(has)
}
