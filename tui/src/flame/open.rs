//! A flame graph of which only those boxes are open that somebody wants to look into: of ten thousand
//! processes few are wide enough to be seen, and what is in the others is most of the work.

use super::build::Builder;
use super::tree::Search;
use super::weigh::weigh_process;
use super::{FlameTree, Measure, Role, Weighed};
use crate::model::{Model, ProcKey};
use crate::source::Frame;
use rustc_hash::FxHashMap;
use std::ops::Range;
use std::sync::Arc;

/// A flame graph that is opened box by box. What is open is as in the whole graph (see
/// [`super::fold`]), and so is the total of each box that is there.
pub struct Opening<'m> {
    model: &'m Model,
    builder: Builder<'m>,
    /// Stacks of the processes that are open.
    stacks: Vec<Weighed<'m>>,
    /// The stacks that go through a box that is not open, in their order.
    through: FxHashMap<usize, Vec<u32>>,
}

impl<'m> Opening<'m> {
    /// The graph of these processes, each with its label and total, in the order of the labels.
    /// Nothing is open but the root.
    pub fn new<'l>(
        model: &'m Model,
        measure: Measure,
        processes: impl Iterator<Item = (ProcKey, &'l Arc<Frame>, u64)>,
    ) -> Self {
        let mut builder = Builder::new(measure);
        let mut all = 0_u64;
        for (key, label, total) in processes {
            builder.labelled(key, label, total);
            all = all.saturating_add(total);
        }
        builder.tree.nodes[0].total = all;
        Self { model, builder, stacks: Vec::new(), through: FxHashMap::default() }
    }

    /// The graph, as far as it is open.
    pub fn tree(&self) -> &FlameTree {
        &self.builder.tree
    }

    /// The graph as it is now.
    pub fn finish(self) -> FlameTree {
        self.builder.tree
    }

    /// Opens a box: what is right above it is then in the graph.
    pub fn open(&mut self, node: usize) {
        if std::mem::replace(&mut self.builder.tree.nodes[node].open, true) {
            return;
        }
        let before = self.builder.tree.nodes.len();
        match self.builder.tree.nodes[node].role {
            Role::Process(key) => {
                let stacks = self.weigh(key);
                self.climb(node, stacks);
            }
            _ => {
                let through = self.through.remove(&node).unwrap_or_default();
                self.climb(node, through.into_iter());
            }
        }
        let nodes = &mut self.builder.tree.nodes;
        nodes[before..].iter_mut().for_each(|node| node.open = false);
        self.builder.sort_children(node);
    }

    /// Opens a box and all above it.
    pub fn open_all(&mut self, node: usize) {
        let mut todo = vec![node];
        while let Some(node) = todo.pop() {
            self.open(node);
            todo.extend(&self.builder.tree.nodes[node].children);
        }
    }

    /// Opens the processes that have a box which a search finds, and all above them.
    pub fn open_found(&mut self, needle: &str) {
        let mut search = Search::new(needle);
        for node in self.tree().nodes[0].children.clone() {
            let Role::Process(key) = self.tree().nodes[node].role else { continue };
            let stacks = weigh_process(self.model, self.tree().measure, key);
            if stacks.iter().any(|stack| search.finds_in(stack)) {
                self.open_all(node);
            }
        }
    }

    /// The box at the end of a path, opened on the way there and itself: see [`FlameTree::resolve`].
    pub fn open_path(&mut self, path: &[Arc<Frame>]) -> usize {
        let mut node = 0;
        for step in path {
            self.open(node);
            match self.tree().child_named(node, step) {
                Some(child) => node = child,
                None => break,
            }
        }
        self.open(node);
        node
    }

    fn weigh(&mut self, key: ProcKey) -> Range<u32> {
        let first = self.stacks.len() as u32;
        self.stacks.extend(weigh_process(self.model, self.builder.tree.measure, key));
        first..self.stacks.len() as u32
    }

    /// Takes stacks from a box to those above it.
    fn climb(&mut self, node: usize, stacks: impl Iterator<Item = u32>) {
        let steps = self.builder.tree.nodes[node].depth - 1;
        for number in stacks {
            let stack = &self.stacks[number as usize];
            match self.builder.above(node, stack, steps) {
                Some(child) => {
                    let total = &mut self.builder.tree.nodes[child].total;
                    *total = total.saturating_add(stack.weight);
                    self.through.entry(child).or_default().push(number);
                }
                None => self.builder.add(node, stack.weight),
            }
        }
    }
}
