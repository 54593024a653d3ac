//! What the user selected, zoomed into and searched for.

use super::layout::{Window, layout};
use super::spans::Spans;
use crate::flame::FlameTree;
use crate::source::Frame;
use ratatui::layout::Rect;
use std::sync::Arc;

/// What the user does to a flame graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    /// To the child with the most samples.
    Up,
    /// To the parent.
    Down,
    /// To the next box on the left; from the first to the last.
    Left,
    /// To the next box on the right; from the last to the first.
    Right,
    /// Up by a screen.
    PageUp,
    /// Down by a screen.
    PageDown,
    /// To the root.
    Root,
    /// Up from the zoomed box, always to the child with the most samples, to the end.
    HotLeaf,
    /// The selected box takes the full width.
    ZoomIn,
    /// The root takes the full width.
    ZoomOut,
    /// To the next match of the search; from the last to the first.
    NextMatch,
    /// To the match before.
    PreviousMatch,
    /// To the match with the most samples, the first of them.
    WidestMatch,
}

/// What the user selected, zoomed into and searched for. Boxes are kept by path, which stays true
/// while new samples come in; see [`FlameTree::resolve`].
#[derive(Clone, Debug, Default)]
pub struct FlameView {
    selected: Vec<Arc<Frame>>,
    zoom: Vec<Arc<Frame>>,
    scroll: usize,
    search: String,
}

impl FlameView {
    /// The selected box; the root when none was.
    pub fn selected(&self, tree: &FlameTree) -> usize {
        tree.resolve(&self.selected)
    }

    /// The box that has the full width.
    pub fn zoomed(&self, tree: &FlameTree) -> usize {
        tree.resolve(&self.zoom)
    }

    /// Whether another box than the root has the full width.
    pub fn is_zoomed(&self) -> bool {
        !self.zoom.is_empty()
    }

    /// The paths of the box that has the full width, and of the selected one.
    pub(super) fn paths(&self) -> [&[Arc<Frame>]; 2] {
        [&self.zoom, &self.selected]
    }

    /// The level at the bottom of the screen, as of the last motion.
    pub(super) fn scroll(&self) -> usize {
        self.scroll
    }

    /// What is searched for; empty when nothing is.
    pub fn search(&self) -> &str {
        &self.search
    }

    /// Searches: a part of a name or module, in any case. Moves nothing.
    pub fn set_search(&mut self, needle: &str) {
        needle.clone_into(&mut self.search);
    }

    /// Selects a box. When it is out of what is zoomed into, the zoom ends.
    pub fn select(&mut self, tree: &FlameTree, node: usize) {
        let zoom = self.zoomed(tree);
        let is_below = |below: usize, node| tree.ancestry(node).any(|node| node == below);
        if !is_below(zoom, node) && !is_below(node, zoom) {
            self.zoom.clear();
        }
        self.selected = tree.path(node);
    }

    /// Selects what is at a column and row of the screen; whether something is there.
    pub fn select_at(&mut self, tree: &FlameTree, area: Rect, x: u16, y: u16) -> bool {
        let layout = layout(tree, area, self);
        let Some(node) = layout.hit(x, y).map(|cell| cell.node) else { return false };
        self.select(tree, node);
        self.keep_visible(tree, area);
        true
    }

    /// Does what the user wants of the graph that is drawn in `area`; whether anything changed.
    pub fn apply(&mut self, tree: &FlameTree, area: Rect, motion: Motion) -> bool {
        let page = usize::from(area.height).saturating_sub(3).max(1);
        let moved = match motion {
            Motion::Up => self.climb(tree, area, 1),
            Motion::PageUp => self.climb(tree, area, page),
            Motion::Down => self.descend(tree, area, 1),
            Motion::PageDown => self.descend(tree, area, page),
            Motion::Left => self.sideways(tree, area, Step::Back),
            Motion::Right => self.sideways(tree, area, Step::On),
            Motion::Root => self.go(tree, 0),
            Motion::HotLeaf => {
                let start = self.zoomed(tree);
                let leaf = highest(tree, &self.spans(tree, area), start, usize::MAX);
                self.go(tree, leaf)
            }
            Motion::ZoomIn => self.zoom_in(tree),
            Motion::ZoomOut => {
                self.is_zoomed() && {
                    self.zoom.clear();
                    true
                }
            }
            Motion::NextMatch => self.go_to_match(tree, Step::On),
            Motion::PreviousMatch => self.go_to_match(tree, Step::Back),
            Motion::WidestMatch => {
                let matches = tree.find(&self.search).nodes;
                let widest = matches.into_iter().rev().max_by_key(|node| tree.nodes[*node].total);
                widest.is_some_and(|node| self.go(tree, node))
            }
        };
        if moved {
            self.keep_visible(tree, area);
        }
        moved
    }

    fn go(&mut self, tree: &FlameTree, node: usize) -> bool {
        let moved = node != self.selected(tree);
        self.select(tree, node);
        moved
    }

    fn climb(&mut self, tree: &FlameTree, area: Rect, mut steps: usize) -> bool {
        let (mut node, zoom) = (self.selected(tree), self.zoomed(tree));
        // Below the zoomed box there is one way up: to it.
        if let Some(distance) = tree.ancestry(zoom).position(|below| below == node) {
            let to_go = distance.min(steps);
            node = tree.ancestry(zoom).nth(distance - to_go).unwrap_or(zoom);
            steps -= to_go;
        }
        let end = highest(tree, &self.spans(tree, area), node, steps);
        self.go(tree, end)
    }

    fn descend(&mut self, tree: &FlameTree, area: Rect, steps: usize) -> bool {
        let spans = self.spans(tree, area);
        let Some(place) = spans.place_of(tree, self.selected(tree)) else { return false };
        let end = tree.ancestry(spans.at(place).node).take(steps + 1).last();
        self.go(tree, end.unwrap_or(0))
    }

    fn sideways(&mut self, tree: &FlameTree, area: Rect, step: Step) -> bool {
        let spans = self.spans(tree, area);
        let Some((level, index)) = spans.place_of(tree, self.selected(tree)) else { return false };
        let next = step.from(index, spans.levels[level].len());
        next != index && self.go(tree, spans.at((level, next)).node)
    }

    fn zoom_in(&mut self, tree: &FlameTree) -> bool {
        let node = self.selected(tree);
        let changed = node != self.zoomed(tree);
        self.zoom = tree.path(node);
        changed
    }

    fn go_to_match(&mut self, tree: &FlameTree, step: Step) -> bool {
        let matches = tree.find(&self.search).nodes;
        if matches.is_empty() {
            return false;
        }
        let order = tree.preorder();
        let here = order[self.selected(tree)];
        // Matches up to the selected box, and whether that is one of them.
        let up_to = matches.partition_point(|node| order[*node] <= here);
        let on_match = up_to > 0 && order[matches[up_to - 1]] == here;
        let next = match step {
            Step::On => up_to % matches.len(),
            Step::Back => step.from(up_to - usize::from(on_match), matches.len()),
        };
        self.go(tree, matches[next])
    }

    /// Scrolls as little as needed for the selected box to be on the screen.
    fn keep_visible(&mut self, tree: &FlameTree, area: Rect) {
        let spans = self.spans(tree, area);
        if let Some((level, _)) = spans.place_of(tree, self.selected(tree)) {
            let levels = spans.levels.len();
            self.scroll = Window::new(self.scroll, level, levels, area.height.into()).first;
        }
    }

    fn spans(&self, tree: &FlameTree, area: Rect) -> Spans {
        Spans::new(tree, self.zoomed(tree), area.width)
    }
}

/// A step in a row whose ends meet.
#[derive(Clone, Copy)]
enum Step {
    On,
    Back,
}

impl Step {
    fn from(self, index: usize, count: usize) -> usize {
        match self {
            Self::On => (index + 1) % count,
            Self::Back => (index + count - 1) % count,
        }
    }
}

/// The box that is reached by climbing from one to its child with the most samples, again and
/// again; no further than there are boxes drawn.
fn highest(tree: &FlameTree, spans: &Spans, start: usize, steps: usize) -> usize {
    let mut node = start;
    for _ in 0..steps {
        let place = spans.place_of(tree, node);
        let is_box = place.is_some_and(|place| {
            let span = spans.at(place);
            span.merged == 0 && span.node == node
        });
        match tree.hottest_child(node) {
            Some(child) if is_box => node = child,
            _ => break,
        }
    }
    node
}
